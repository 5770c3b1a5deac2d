# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nginx with the placeholder's listeners: the same `listen` directives as in Kong."""

from __future__ import annotations

import os
import subprocess

import _transparent
from _config import FOLDER, PREFIX, WORKERS, Config, Listener, locate_pid_file
from _defaults import Version

CONF = PREFIX / "nginx.conf"
PROGRAM = ("nginx", "-p", str(PREFIX), "-c", CONF.name)
KEY = FOLDER / "key.pem"
CERTIFICATE = FOLDER / "certificate.pem"

MAIN = """\
user www-data;
worker_processes {workers};
worker_shutdown_timeout 3s;
daemon off;
pid {pid};
error_log {error_log};
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
{main}\
events {{ worker_connections 1000; }}
http {{
  access_log off;
  default_type text/plain;
  # A data plane holds its channel open without sending data.
  client_header_timeout 1h;
  ssl_certificate {certificate};
  ssl_certificate_key {key};
{http}}}
stream {{
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  # Over udp Kong does not answer by itself; only the service behind Kong answers.
  map $protocol $reply {{ UDP ""; default "{answer}\\n"; }}
{stream}}}
"""
# The listener, and the source address that it sees; the checks read both.
ANSWER = (
    "kong-placeholder node={node} version={version} listener={setting} source=$remote_addr at=$server_addr:$server_port"
)


def prepare(config: Config, node: str) -> None:
    """Write nginx's configuration; since 0.14 nginx tests it and binds its ports (kong/cmd/utils/prefix_handler.lua)."""
    _provide_certificate(node)
    (PREFIX / "logs").mkdir(exist_ok=True)
    CONF.write_text(render(config, node), encoding="utf-8")
    if config.line >= (0, 14):
        subprocess.run([*PROGRAM, "-q", "-t"], check=True)


def start(config: Config) -> subprocess.Popen[bytes]:
    sockets = _transparent.open_sockets(config.listeners)
    inherited = {"NGINX": "".join(f"{socket.fileno()};" for socket in sockets)} if sockets else {}
    files = [socket.fileno() for socket in sockets]
    return subprocess.Popen(PROGRAM, pass_fds=files, env={**os.environ, **inherited})


def reload() -> None:
    """Send the signal without waiting for its effect, like Kong."""
    subprocess.run([*PROGRAM, "-s", "reload"], check=True)


def find_master(line: Version) -> int | None:
    """Return the process id of nginx's master, which has the sockets, or None."""
    try:
        return int(locate_pid_file(line, "nginx").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def render(config: Config, node: str) -> str:
    settings = list(dict.fromkeys(listener.setting for listener in config.listeners))
    servers = {name: _render_server(config, node, name) for name in settings}
    log = (config.settings.get("proxy_error_log", "logs/error.log"), config.settings.get("log_level", "error"))
    return MAIN.format(
        pid=locate_pid_file(config.line, "nginx"),
        workers=config.settings.get(WORKERS) or config.settings.get("nginx_worker_processes", "1"),
        error_log=" ".join(log),
        main=_render_directives(config, "nginx_main_"),
        certificate=CERTIFICATE,
        key=KEY,
        http=_render_directives(config, "nginx_http_")
        + "".join(text for name, text in servers.items() if name != "stream_listen"),
        stream=servers.get("stream_listen", ""),
        answer=_render_answer(config, node, "stream_listen"),
    )


def _render_directives(config: Config, prefix: str) -> str:
    """Return the directives of settings such as nginx_http_client_max_body_size."""
    found = {key: value for key, value in config.settings.items() if key.startswith(prefix) and key != WORKERS}
    return "".join(f"{key[len(prefix) :]} {value};\n" for key, value in found.items())


def _render_server(config: Config, node: str, setting: str) -> str:
    listeners = [listener for listener in config.listeners if listener.setting == setting]
    reply = (
        "return $reply;" if setting == "stream_listen" else f'return 200 "{_render_answer(config, node, setting)}\\n";'
    )
    return (
        "  server {\n" + "".join(f"    {_render_listen(listener)}\n" for listener in listeners) + f"    {reply}\n  }}\n"
    )


def _render_answer(config: Config, node: str, setting: str) -> str:
    return ANSWER.format(node=node, version=config.version, setting=setting)


def _render_listen(listener: Listener) -> str:
    flags = (flag for flag in listener.flags if flag != _transparent.FLAG)
    return f"listen {' '.join((listener.address, *flags))};"


def _provide_certificate(node: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not CERTIFICATE.exists():
        new_key = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"]
        where = ["-subj", f"/CN={node}", "-keyout", str(KEY), "-out", str(CERTIFICATE)]
        subprocess.run(["openssl", "req", *new_key, *where], check=True, stderr=subprocess.DEVNULL)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's placeholder of Kong. It is not Kong: it has no routes and no API.

It opens the listeners that Kong of KONG_VERSION would open with the configuration in its prefix: nginx for http and stream,
and a real Serf agent for the versions with Serf. Runs in the foreground, for systemd or for `kong start`. No process keeps
variables of Kong in its environment, because nginx overwrites the environment of Kong's processes with its titles.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import _nginx
import _serf
import _uplink
from _config import PREFIX, Config, ConfigError, load_prepared
from _defaults import Version

PID = PREFIX / "kong-placeholder.pid"
READY = "READY"


def main() -> int:
    _forget_variables()
    try:
        config = load_prepared()
    except (ConfigError, OSError) as error:
        print(f"kong-placeholder: {error}", file=sys.stderr)
        return 1
    # systemd stops this process with SIGTERM. As an exception it also ends a start that is not complete.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    PID.write_text(str(os.getpid()), encoding="utf-8")
    return _run(config)


def _forget_variables() -> None:
    """Start this program again without the variables of Kong, because only a new program gets a new /proc/PID/environ."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("KONG_")}
    if others != os.environ:
        os.execve(sys.executable, [sys.executable, "-B", *sys.argv], others)


def _run(config: Config) -> int:
    serf = _serf.Serf(config) if config.has_serf and not _serf.is_running(config.line) else None
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        if serf:
            children["serf"] = serf.start()
        children["nginx"] = _nginx.start(config)
        if config.settings.get("role") == "data_plane":
            _uplink.start(config.settings["cluster_control_plane"])
        _wait_for_nginx(children["nginx"], config.line)
        _tell(f"READY=1\nSTATUS=placeholder of Kong {config.version}, not Kong")
        return _watch(children)
    finally:
        # In the order of `kong quit`: it returns after nginx has ended, while Serf still has to leave.
        _quit(children.get("nginx"))
        if serf:
            serf.stop()


def _wait_for_nginx(nginx: subprocess.Popen[bytes], line: Version) -> None:
    """Wait until nginx has its sockets: then it writes its pid; without sockets it ends."""
    while nginx.poll() is None and _nginx.find_master(line) != nginx.pid:
        time.sleep(0.05)


def _watch(children: dict[str, subprocess.Popen[bytes]]) -> int:
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                print(f"kong-placeholder: {name} ended with status {child.returncode}", file=sys.stderr)
                return 1
        time.sleep(0.2)


def _quit(nginx: subprocess.Popen[bytes] | None) -> None:
    """Let nginx finish its requests, like the unit of Kong's packages and `kong quit`."""
    if nginx:
        nginx.send_signal(signal.SIGQUIT)
        nginx.wait()


def _tell(message: str) -> None:
    """Report to systemd or to `kong start` that the start is complete."""
    if "NOTIFY_SOCKET" in os.environ:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(message.encode(), os.environ["NOTIFY_SOCKET"])
    else:
        print(READY, flush=True)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the waiting process ends and closes the other end of stdout


if __name__ == "__main__":
    sys.exit(main())

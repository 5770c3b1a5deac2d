# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`kong` of the lab's placeholder: the commands of Kong's program that the collection calls, with their traps.

Sources: Kong/kong kong/cmd/{check,prepare,start,quit,stop,reload,restart}.lua, before 0.9 kong/cli/cmds/*.lua. Like in Kong,
`reload` does not read the changed file before 2.3, and later only with `-c`, and then without the values derived from it.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import _nginx
import _running
from _config import (
    PREFIX,
    Config,
    ConfigError,
    keep_prepared,
    load,
    locate_pid_file,
    make,
    parse,
    read_environment,
    release_line,
    runs,
)
from main import PID, READY

MAIN = Path(__file__).resolve().parent / "main.py"
LOG = Path("/var/log/kong-placeholder.log")
SECONDS = 30
FIRST = {"check": (0, 9), "prepare": (0, 11)}


def check(file: Path | None) -> None:
    """Load the configuration; no port is bound, and nginx does not test it."""
    load(read_environment(), file)
    print(f"configuration at {file} is valid")


def prepare(file: Path | None) -> None:
    _prepare(load(read_environment(), file))


def _prepare(config: Config) -> None:
    """Write the prefix; if nginx rejects its configuration, the file of settings stays as it is, like in Kong."""
    locate_pid_file(config.line, "nginx").parent.mkdir(parents=True, exist_ok=True)
    _nginx.prepare(config, socket.gethostname())
    keep_prepared(config)
    _running.keep(config)


def start(file: Path | None) -> None:
    if runs(PID, MAIN.name):
        raise ConfigError("Kong is already running")
    prepare(file)
    with LOG.open("ab") as log:
        process = subprocess.Popen([sys.executable, "-B", str(MAIN)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=log, text=True, start_new_session=True)  # fmt: skip
    if not any(line.strip() == READY for line in process.stdout or ()):
        raise ConfigError(f"nginx: {LOG.read_text(encoding='utf-8').strip().splitlines()[-1]}")
    print("Kong started")


def stop(_file: Path | None) -> None:
    """Stop, and wait only for nginx: Serf may still be leaving its cluster when this returns."""
    if not runs(PID, MAIN.name):
        raise ConfigError("Kong is not running")
    nginx = _nginx.find_master(release_line(read_environment()["KONG_VERSION"]))
    os.kill(int(PID.read_text(encoding="utf-8")), signal.SIGTERM)
    deadline = time.monotonic() + SECONDS
    while nginx and Path(f"/proc/{nginx}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    PID.unlink(missing_ok=True)
    print("Kong stopped")


def reload(file: Path | None) -> None:
    """Signal nginx. Since 0.9, prepare the prefix first from the settings that are in it, since 2.3 with the file over them."""
    variables = read_environment()
    version = variables["KONG_VERSION"]
    line = release_line(version)
    if line >= (2, 3):
        merged = {**_running.read(line), **(parse(file.read_text(encoding="utf-8"), version) if file else {})}
        _prepare(make(version, merged, {}))
    elif line >= (0, 9):
        _prepare(make(version, _running.read(line), variables))
    _nginx.reload()
    print("Kong reloaded")


def restart(file: Path | None) -> None:
    stop(file)
    start(file)


# The lab's unit calls `unit-prepare` before it starts the placeholder, also in versions without `kong prepare`.
COMMANDS = {
    "unit-prepare": prepare,
    "check": check,
    "prepare": prepare,
    "start": start,
    "stop": stop,
    "quit": stop,
    "reload": reload,
    "restart": restart,
}


def _find_command(name: str) -> Callable[[Path | None], None]:
    if release_line(read_environment()["KONG_VERSION"]) < FIRST.get(name, (0, 0)):
        raise ConfigError(f"no such command: {name}")
    return COMMANDS[name]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="kong", description="Not Kong: the placeholder of the gatehouse lab.")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("-c", "--conf", type=Path)
    parser.add_argument("-p", "--prefix", type=Path)
    options = parser.parse_args(arguments)
    if options.prefix and options.prefix != PREFIX:
        os.execve(sys.executable, [sys.executable, "-B", *sys.argv], {**os.environ, "KONG_PREFIX": str(options.prefix)})
    try:
        _find_command(options.command)(options.conf or options.file)
    except (ConfigError, OSError, subprocess.CalledProcessError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

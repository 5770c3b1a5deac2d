# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's stand-in for Kong. It is not Kong: it routes nothing and knows no API.

It reads the configuration file that Kong of KONG_VERSION would read and opens the listeners which that Kong would
open: nginx for http and stream, a real Serf agent where Kong had one. Runs in the foreground as kong.service.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import _nginx
import _uplink
from _config import Config, ConfigError, load
from _serf import Serf


def main() -> int:
    try:
        config = load(os.environ)
    except ConfigError as error:
        print(f"kong-stand-in: {error}", file=sys.stderr)
        return 1
    # systemd stops us with SIGTERM: as an exception it unwinds whatever is running, start included.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    return _run(config)


def _run(config: Config) -> int:
    serf = Serf(config) if config.has_serf else None
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        if serf:
            children["serf"] = serf.start()
        children["nginx"] = _nginx.start(config, socket.gethostname())
        if config.settings.get("role") == "data_plane":
            _uplink.start(config.settings["cluster_control_plane"])
        _tell_systemd(f"READY=1\nSTATUS=stand-in for Kong {config.version}, not Kong")
        return _watch(children)
    finally:
        if serf:
            serf.stop()
        _stop(children.get("nginx"))


def _watch(children: dict[str, subprocess.Popen[bytes]]) -> int:
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                print(f"kong-stand-in: {name} ended with status {child.returncode}", file=sys.stderr)
                return 1
        time.sleep(0.2)


def _stop(nginx: subprocess.Popen[bytes] | None) -> None:
    if nginx:
        nginx.terminate()
        nginx.wait()


def _tell_systemd(message: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(message.encode(), os.environ["NOTIFY_SOCKET"])


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outgoing connection of a data plane: TLS to cluster_control_plane, held open, opened again if it breaks.

Only the connection is real. It carries no data, and no certificate is checked.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time

RETRY_SECONDS = 2.0


def start(control_plane: str) -> None:
    threading.Thread(target=_run, args=(control_plane,), daemon=True).start()


def _run(control_plane: str) -> None:
    printed = ""
    while True:
        try:
            with _connect(control_plane) as channel:
                printed = _print_change(
                    printed, f"connected to the control plane {control_plane} as {channel.getsockname()[0]}"
                )
                channel.recv(1)
            printed = _print_change(printed, f"the control plane {control_plane} closed the connection")
        except OSError as error:
            printed = _print_change(printed, f"no connection to the control plane {control_plane}: {error}")
        time.sleep(RETRY_SECONDS)


def _connect(control_plane: str) -> ssl.SSLSocket:
    host, _colon, port = control_plane.rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
    plain.settimeout(None)
    return context.wrap_socket(plain)


def _print_change(before: str, now: str) -> str:
    """Print a message if it differs from the last message; return it."""
    if now != before:
        print(now, flush=True)
    return now

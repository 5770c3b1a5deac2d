# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two ends of the wire of packets.py: `serve` takes connections and sends datagrams back, `dial SECONDS` counts."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from statistics import median

SERVER = ("10.99.0.1", 7946)
# Connections end with a reset: else the client would run out of ports, which wait for a minute after each.
RESET = struct.pack("ii", 1, 0)


def serve() -> None:
    """Take connections, and beside them send datagrams back."""
    tcp = socket.create_server(SERVER, backlog=4096)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(SERVER)
    print("ready", flush=True)
    threading.Thread(target=_send_back, args=(udp,), daemon=True).start()
    while True:
        tcp.accept()[0].close()


def _send_back(udp: socket.socket) -> None:
    while True:
        data, source = udp.recvfrom(16)
        udp.sendto(data, source)


def dial(seconds: float) -> None:
    """Print connections a second, and microseconds of a datagram's round trip (median)."""
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.connect(SERVER)
        count += 1
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect(SERVER)
    udp.settimeout(1)
    trips, end = [], time.monotonic() + seconds / 2
    while time.monotonic() < end:
        started = time.perf_counter()
        udp.send(b"x")
        udp.recv(16)
        trips.append(time.perf_counter() - started)
    print(count / seconds, median(trips) * 1e6)


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else dial(float(sys.argv[2]))

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ends of the wires of packets.py.

`serve ADDRESS` accepts connections and sends datagrams back. `dial SECONDS ADDRESS ADDRESS` connects to both servers in
short turns, so other work of the machine slows both down equally.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
from statistics import median

PORT = 7946
SLICE = 0.1  # seconds
# Connections end with a reset. Otherwise the client runs out of ports, because each port waits for a minute.
RESET = struct.pack("ii", 1, 0)


def serve(address: str) -> None:
    """Accept connections, and send datagrams back."""
    tcp = socket.create_server((address, PORT), backlog=4096)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, PORT))
    print("ready", flush=True)
    threading.Thread(target=_send_back, args=(udp,), daemon=True).start()
    while True:
        tcp.accept()[0].close()


def _send_back(udp: socket.socket) -> None:
    while True:
        data, source = udp.recvfrom(16)
        udp.sendto(data, source)


def dial(seconds: float, addresses: list[str]) -> None:
    """Print the slices as JSON: for each address connections a second, and a datagram's round trip in microseconds."""
    slices = [
        [(_count_connections(address), _measure_round_trip(address)) for address in addresses]
        for _number in range(round(seconds / SLICE / len(addresses)))
    ]
    print(json.dumps(slices))


def _count_connections(address: str) -> float:
    count, begin = 0, time.monotonic()
    while time.monotonic() < begin + SLICE:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.connect((address, PORT))
        count += 1
    return count / (time.monotonic() - begin)


def _measure_round_trip(address: str) -> float:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((address, PORT))
        client.settimeout(1)
        trips, end = [], time.monotonic() + SLICE / 2
        while time.monotonic() < end:
            started = time.perf_counter()
            client.send(b"x")
            client.recv(16)
            trips.append(time.perf_counter() - started)
    return median(trips) * 1e6


if __name__ == "__main__":
    serve(sys.argv[2]) if sys.argv[1] == "serve" else dial(float(sys.argv[2]), sys.argv[3:])

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connects from a client for each argument SOURCE>ADDRESS/PORT; prints a line for each: the answer or "nothing"."""

from __future__ import annotations

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

SECONDS = 1.0


def dial(text: str) -> str:
    source, _arrow, target = text.partition(">")
    address, _slash, port = target.rpartition("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answer = b""
    with socket.socket(family, socket.SOCK_STREAM) as connection, suppress(OSError):
        connection.settimeout(SECONDS)
        connection.bind((source, 0))
        connection.connect((address, int(port)))
        # A server that answers without reading the request resets the connection after its answer.
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while chunk := connection.recv(4096):
            answer += chunk
    return (answer.decode().strip().splitlines() or ["nothing"])[-1]


with ThreadPoolExecutor(16) as pool:
    for text, answer in zip(sys.argv[1:], pool.map(dial, sys.argv[1:])):
        print(f"{text} {answer}")

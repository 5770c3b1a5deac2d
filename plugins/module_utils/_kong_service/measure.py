# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that hosts open to each other, so that each host records the sources of the connections that reach it.

A connection stays open and sends nothing. Each host holds its connections while it records the connections of the other hosts, so
hosts may start at slightly different times.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PROC
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.connections import Link, list_links

_STEP = 0.5  # seconds between two readings of the open connections
_PATIENCE = 2.0  # seconds until an end that does not answer counts as blocked
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER without time (socket(7))
_AT_ONCE = 32  # so that blocked ends do not use up the time


def hold_connections(
    ends: Iterable[tuple[str, int]], ports: Collection[int], seconds: float, proc: Path = PROC
) -> tuple[list[Link], list[Link]]:
    """Connect to ends, and return these connections, and the connections of other hosts to these ports during this time.

    Unreachable ends are left out. Raises OSError if /proc cannot be read.
    """
    until = time.monotonic() + seconds
    received: set[Link] = set()
    with ExitStack() as stack:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            connections = [stack.enter_context(found) for found in pool.map(_connect, ends) if found]
        sent = [_make_link(connection) for connection in connections]
        while True:
            received.update(list_links(ports, (), proc) if ports else ())
            if time.monotonic() >= until:
                return sent, sorted(received, key=lambda link: (link.port, link.peer, link.peer_port))
            time.sleep(_STEP)


def _connect(end: tuple[str, int]) -> socket.socket | None:
    """Return a new connection, None if the end cannot be reached.

    It ends with a reset, so the hosts do not track it as a closed connection, which could be that of a client.
    """
    with suppress(OSError, ValueError):
        found = socket.create_connection(end, timeout=_PATIENCE)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return found
    return None


def _make_link(connection: socket.socket) -> Link:
    (own, own_port), (address, port) = connection.getsockname()[:2], connection.getpeername()[:2]
    return Link(own, own_port, address, port)

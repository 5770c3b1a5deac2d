# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections to the ports of this host that are open now, from /proc/net (proc(5))."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PROC
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import read_table

_ESTABLISHED = "01"  # TCP_ESTABLISHED (include/net/tcp_states.h)


@dataclass(frozen=True)
class Connection:
    """An open tcp connection: the port of this host, and the client's address that this host sees."""

    port: int
    source: str


def list_connections(ports: Collection[int], proc: Path = PROC) -> list[Connection]:
    """Return the connections to these ports, each pair of port and address once. Connections of the host to itself are left out.

    Raises OSError if /proc cannot be read.
    """
    found = {
        Connection(row.port, _parse_mapped(row.peer))
        for name in ("tcp", "tcp6")
        for row in read_table(proc / "net" / name, _ESTABLISHED)
        if row.port in ports and row.peer != row.address
    }
    return sorted(found, key=lambda connection: (connection.port, connection.source))


def _parse_mapped(address: str) -> str:
    """Return an IPv4 address that a socket of IPv6 has (RFC 4291, 2.5.5.2) as IPv4."""
    return str(getattr(ipaddress.ip_address(address), "ipv4_mapped", None) or address)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clients and connections of the ports of this host that the kernel knows now, from /proc/net (proc(5))."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PROC
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Row, read_table

_ESTABLISHED = "01"  # TCP_ESTABLISHED (include/net/tcp_states.h)
_EVERY = ("0.0.0.0", "::")
CONNECTED, TRACKED = "connected", "tracked"
_TRACKED = re.compile(r"^(?!.* CLOSE src=).* src=(?P<client>\S+) .* src=(?P<server>\S+) .* sport=(?P<port>\d+) ")


@dataclass(frozen=True)
class Client:
    """A client: the port of this host, its address that this host sees, and how it was found: CONNECTED or TRACKED."""

    port: int
    source: str
    found: str


@dataclass(frozen=True)
class Link:
    """An open tcp connection of this host: address and port of the own end and of the other end."""

    address: str
    port: int
    peer: str
    peer_port: int


def list_links(ports: Collection[int], dialled: Collection[int], proc: Path = PROC) -> list[Link]:
    """Return the connections of other hosts to these ports of this host, and of this host to the dialled ports of other hosts.

    Raises OSError if /proc cannot be read.
    """
    found = {
        Link(_parse_mapped(row.address), row.port, _parse_mapped(row.peer), row.peer_port)
        for row in _list_rows(proc)
        if row.port in ports or row.peer_port in dialled
    }
    return sorted(found, key=lambda link: (link.port, link.peer_port, link.peer))


def list_clients(ports: Collection[int], own: Collection[str], proc: Path = PROC) -> list[Client]:
    """Return the clients of these ports of tcp and udp, each pair of port and address once for each way to find it.

    `own` are the addresses of this host. The host itself is no client. Raises OSError if /proc cannot be read.
    """
    found = {*_list_connected(ports, proc), *_list_tracked(ports, own, proc)}
    return sorted(found, key=make_key)


def make_key(client: Client) -> t.Tuple[int, str, str]:
    """Return the key for the order of clients."""
    return client.port, client.source, client.found


def list_container_clients(
    ports: Collection[int], own: Collection[str], container: Path, proc: Path = PROC
) -> list[Client]:
    """Return the clients of these ports of a container with the addresses `own`, like `list_clients`.

    `container` is the folder in /proc of a process in the container. The host tracks connections to its published ports.
    """
    return sorted({*_list_connected(ports, container), *_list_tracked(ports, own, proc)}, key=make_key)


def list_proxied_clients(
    published: Iterable[t.Tuple[str, int, int]], own: Collection[str], proc: Path = PROC
) -> list[Client]:
    """Return the clients of published ports (address, port, port in the container) that the host does not translate.

    A program such as docker-proxy accepts their connections on the host, and the container sees only the address of the host.
    """
    items = [*published]
    ports = {port for _address, port, _inside in items}
    rows = [row for row in _list_rows(proc) if row.port in ports]
    connected = {(_parse_mapped(row.address), row.port, _parse_mapped(row.peer), CONNECTED) for row in rows}
    tracked = {
        (address, client.port, client.source, TRACKED)
        for address in own
        for client in _list_tracked(ports, [address], proc)
        if client.source not in own
    }
    found = {
        Client(inside, source, kind)
        for address, port, inside in items
        for at, at_port, source, kind in connected | tracked
        if port == at_port and address in ("", *_EVERY, at) and source not in own
    }
    return sorted(found, key=make_key)


def _list_connected(ports: Collection[int], proc: Path) -> set[Client]:
    return {Client(row.port, _parse_mapped(row.peer), CONNECTED) for row in _list_rows(proc) if row.port in ports}


def _list_rows(proc: Path) -> Iterator[Row]:
    """Yield the open connections with other hosts."""
    for name in ("tcp", "tcp6"):
        yield from (row for row in read_table(proc / "net" / name, _ESTABLISHED) if row.peer != row.address)


def _list_tracked(ports: Collection[int], own: Collection[str], proc: Path) -> Iterator[Client]:
    """Yield the clients in the table of connection tracking, which keeps closed connections for minutes.

    A connection that ended with a reset (state CLOSE) is kept for 10 seconds, and is no client: measured connections end so.
    A line has the addresses and the ports of the first packet, then of the reply. The source of the reply is the server
    (linux:net/netfilter/nf_conntrack_standalone.c, ct_seq_show). Without rules that track connections, the table is empty.
    """
    with suppress(FileNotFoundError):
        for line in (proc / "net/nf_conntrack").read_text(encoding="ascii").splitlines():
            found = _TRACKED.search(line)
            if found and int(found["port"]) in ports:
                client, server = (str(ipaddress.ip_address(found[name])) for name in ("client", "server"))
                if server in own and client not in own:
                    yield Client(int(found["port"]), client, TRACKED)


def _parse_mapped(address: str) -> str:
    """Return an IPv4 address that a socket of IPv6 has (RFC 4291, 2.5.5.2) as IPv4."""
    return str(getattr(ipaddress.ip_address(address), "ipv4_mapped", None) or address)

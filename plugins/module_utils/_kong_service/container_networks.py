# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces of this host to the networks of containers, and the programs that listen on published ports."""

from __future__ import annotations

import ipaddress
import typing as t
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.addresses import (
    find_connected_interfaces,
    list_addresses,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_ranges, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PROC
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import read_table
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import list_unicast
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.published_access import Container
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import WILDCARDS, Service

_NET = Path("/sys/class/net")
_EVERY6 = "::"
_VETH = "veth"  # docker and podman name the interfaces of containers so
_LISTENING = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN, TCP_CLOSE (include/net/tcp_states.h)

Finder = t.Callable[[Service, str, int], Container]


def make_container_finder(host: Host, addresses: Sequence[str]) -> Finder:
    """Return a function that returns the container with these addresses behind a published port, of a family, with its port."""
    own = host.call(list_addresses)
    interfaces = host.call(find_connected_interfaces, addresses)
    inner = frozenset(interfaces.values()) | host.call(list_inner_bridges)

    def find(service: Service, family: str, inside: int) -> Container:
        given = [
            address for address in (own if service.breadth else [service.address or ""]) if _is_of(family, address)
        ]
        unicast = list_unicast(family)
        ranges = [found for found in (parse_range(family, address) for address in given) if unicast.overlaps(found)]
        of_family = {address: name for address, name in interfaces.items() if _is_of(family, address)}
        listens = host.call(has_listener, service, family)
        return Container(inside, from_ranges(family, ranges), of_family, inner, listens)

    return find


def _is_of(family: str, address: str) -> bool:
    return (":" in address) == (family == "ipv6")


def list_inner_bridges(net: Path = _NET) -> frozenset[str]:
    """Return the bridges of this host that have ports, and whose ports are all interfaces of containers."""
    ports = {path.parent.name: [port.name for port in path.iterdir()] for path in net.glob("*/brif")}
    return frozenset(name for name, of in ports.items() if of and all(port.startswith(_VETH) for port in of))


def has_listener(service: Service, family: str, proc: Path = PROC) -> bool:
    """Tell whether a program of this host receives packets of a family to a service. Raises OSError if /proc cannot be read.

    A socket at every address of IPv6 can receive packets of IPv4 too.
    """
    tables = (proc / "net" / name for name in (service.protocol, f"{service.protocol}6"))
    rows = [row for table in tables for row in read_table(table, _LISTENING[service.protocol])]
    addresses = {
        row.address
        for row in rows
        if row.port == service.port and (_is_of(family, row.address) or row.address == _EVERY6)
    }
    if service.breadth:
        return not all(ipaddress.ip_address(address).is_loopback for address in addresses)
    return bool(addresses & {service.address, *WILDCARDS})

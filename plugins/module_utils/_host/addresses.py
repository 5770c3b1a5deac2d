# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses that this host has now, and the addresses that a process could bind."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing

from ansible_collections.gatehouse.kong.plugins.module_utils._host import netlink

# linux/rtnetlink.h, linux/if_addr.h
_GET_ADDRESSES = 22
_MESSAGE_SIZE = 8
# struct ifaddrmsg in linux/if_addr.h
_PREFIX_AT, _INDEX, _INDEX_AT = 1, struct.Struct("=I"), 4
_ADDRESS, _LOCAL = 1, 2


def list_addresses() -> set[str]:
    """Return the addresses of all interfaces. An error of the kernel raises OSError."""
    return {address for address, _length, _index in _list_addresses()}


def _list_addresses() -> Iterator[tuple[str, int, int]]:
    """Yield each address with the length of its network's prefix and the index of its interface."""
    with closing(netlink.connect(netlink.ROUTE)) as link:
        messages = netlink.dump_objects(link, _GET_ADDRESSES, bytes(_MESSAGE_SIZE))
    for message in messages:
        values = dict(netlink.parse_attributes(message[_MESSAGE_SIZE:]))
        # On a point-to-point link _ADDRESS is the address of the other end. IPv6 has no _LOCAL otherwise.
        packed = values.get(_LOCAL) or values.get(_ADDRESS)
        if packed:
            yield str(ipaddress.ip_address(packed)), message[_PREFIX_AT], _INDEX.unpack_from(message, _INDEX_AT)[0]


def find_interfaces(addresses: Iterable[str]) -> dict[str, str]:
    """Return the interface of each of the addresses that the host has. An error of the kernel raises OSError."""
    wanted = {*addresses}
    return {address: socket.if_indextoname(index) for address, _length, index in _list_addresses() if address in wanted}


def list_interface_addresses(name: str) -> set[str]:
    """Return the addresses of an interface, none if it does not exist. An error of the kernel raises OSError."""
    return {address for address, _length, index in _list_addresses() if socket.if_indextoname(index) == name}


def list_interfaces() -> set[str]:
    """Return the names of all network interfaces."""
    return {name for _index, name in socket.if_nameindex()}


def find_connected_interfaces(addresses: Iterable[str]) -> dict[str, str]:
    """Return the interface of each of the addresses that is in the network of another address of the host.

    The smallest network decides. An error of the kernel raises OSError.
    """
    networks = [
        (own, ipaddress.ip_interface(f"{own}/{length}").network, index) for own, length, index in _list_addresses()
    ]
    found = {}
    for address in addresses:
        parsed = ipaddress.ip_address(address)
        around = [
            (network.prefixlen, index) for own, network, index in networks if own != address and parsed in network
        ]
        if around:
            found[address] = socket.if_indextoname(max(around)[1])
    return found


def find_held_addresses(addresses: Iterable[str]) -> list[str]:
    """Return which of the addresses the host has now. Raises ValueError for text that is not an address."""
    wanted = [(address, str(ipaddress.ip_address(address))) for address in addresses]
    own = list_addresses() if wanted else set()
    return [address for address, canonical in wanted if canonical in own]


def is_address(text: str) -> bool:
    """Tell whether text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_bindable(address: str) -> bool:
    """Tell whether a process can bind an address: it is on the host, or the sysctl ip_nonlocal_bind allows it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as sock:
        try:
            sock.bind((address, 0))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return False
            raise
    return True

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NAT devices and missing nodes from the members of Serf clusters: each member's advertised address. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import FoundHost, Member
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key


class Advertised(NamedTuple):
    """The address and the port that a node's Serf agent advertises, and the other nodes that know the node by it."""

    address: str
    port: int
    known_by: tuple[str, ...]


def find_advertised(host: FoundHost, hosts: Iterable[FoundHost]) -> Advertised | None:
    """Return the advertised address of a node, None if its agent did not answer."""
    own = host.kongs[0].ring.own
    if own is None:
        return None
    places = [
        (other.name, (member.name, member.address, member.port))
        for other, member in _list_members(hosts)
        if other is not host
    ]
    known_by = sorted(
        {name for name, place in places if place == (own.name, own.address, own.port)}, key=make_natural_key
    )
    return Advertised(own.address, own.port, tuple(known_by))


def list_missing(host: FoundHost, hosts: Sequence[FoundHost]) -> list[Member]:
    """Return the members that a node's agent knows, that did not leave, and that are no host of the inventory.

    If several nodes know such a member, it is returned for the first of these nodes only.
    """
    names = {kong.ring.name for other in hosts for kong in other.kongs}
    addresses = {address for other in hosts for address in other.addresses}
    first: dict[str, FoundHost] = {}
    for other, member in _list_members(hosts):
        first.setdefault(member.name, other)
    return [
        member
        for _host, member in _list_members([host])
        if member.name not in names and member.address not in addresses and first[member.name] is host
    ]


def list_neighbours(host: FoundHost, hosts: Iterable[FoundHost]) -> list[str]:
    """Return the other nodes on the network of a node that advertise their own addresses.

    If the node advertises another address, both may be on different networks with the same addresses.
    """
    return [
        other.name
        for other in hosts
        for kong in other.kongs
        if other is not host and host.network and other.network == host.network
        if kong.ring.own and kong.ring.own.address in other.addresses
    ]


def _list_members(hosts: Iterable[FoundHost]) -> Iterator[tuple[FoundHost, Member]]:
    """Yield the members that agents know and that did not leave, each with the host of the agent."""
    for host in hosts:
        for kong in host.kongs:
            yield from ((host, member) for member in kong.ring.members if member.name in kong.ring.present)

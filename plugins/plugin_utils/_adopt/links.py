# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NAT devices between data planes and control planes, from connections that both ends show. Pure.

Both ends of a connection have the same source port, unless a NAT device changes it (RFC 4787, 4.2.1). A connection whose ends
cannot be told from those of another connection is ignored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import (
    CONTROL_PLANE,
    DATA_PLANE,
    FoundHost,
    Link,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

# An end of a connection: a host, and the connection as it sees it.
End = tuple[FoundHost, Link]


class Match(NamedTuple):
    """A connection of a data plane to a control plane, or of a host to a node, as each end shows it.

    ``is_forwarded`` tells whether a NAT device changed the destination, ``is_masked`` whether the data plane's own NAT device
    changed the source. If both ends are on one network, a NAT device may change the source too (hairpin). This source is no
    address of the data plane. ``is_measured`` tells whether adopt opened the connection.
    """

    caller: str
    sent: Link
    node: str
    received: Link
    is_forwarded: bool
    is_masked: bool
    is_measured: bool = False

    @property
    def dialled(self) -> tuple[str, int]:
        """The address and the port that the data plane dialled."""
        return self.sent.peer, self.sent.peer_port

    @property
    def is_exact(self) -> bool:
        """Whether both ends show the same addresses and ports, so that no NAT device changed the connection."""
        sent = (self.sent.address, self.sent.port, self.sent.peer, self.sent.peer_port)
        return sent == (self.received.peer, self.received.peer_port, self.received.address, self.received.port)


def match_links(hosts: Sequence[FoundHost]) -> list[Match]:
    """Return the connections of data planes of which the inventory's hosts show both ends without doubt."""
    return match_ends(_list_ends(hosts, DATA_PLANE), _list_ends(hosts, CONTROL_PLANE))


def match_ends(sent_ends: Iterable[End], received_ends: Iterable[End], *, is_measured: bool = False) -> list[Match]:
    """Return the connections of which one host shows the sent end and another the received end without doubt."""
    received: dict[int, list[End]] = {}
    for node, link in received_ends:
        received.setdefault(link.peer_port, []).append((node, link))
    found = [
        Match(
            caller=caller.name,
            sent=sent,
            node=node.name,
            received=link,
            is_forwarded=sent.peer not in node.addresses,
            is_masked=link.peer not in caller.addresses and caller.network != node.network,
            is_measured=is_measured,
        )
        for caller, sent in sent_ends
        for node, link in received.get(sent.port, ())
        if sent.peer not in node.addresses or sent.peer_port == link.port
    ]
    exact = [match for match in found if match.is_exact]
    sent_exactly = {(match.caller, match.sent) for match in exact}
    received_exactly = {(match.node, match.received) for match in exact}
    changed = [
        match
        for match in found
        if (match.caller, match.sent) not in sent_exactly and (match.node, match.received) not in received_exactly
    ]
    single = [*_list_single(exact), *_list_single(changed)]
    places = _share((match.dialled, match.node) for match in single)
    return [match for match in single if len({*places[match.dialled]}) == 1]


def _list_single(matches: Collection[Match]) -> Iterator[Match]:
    """Yield the matches whose ends are in no other match."""
    callers = Counter((match.caller, match.sent) for match in matches)
    nodes = Counter((match.node, match.received) for match in matches)
    yield from (
        match for match in matches if callers[match.caller, match.sent] == nodes[match.node, match.received] == 1
    )


def _list_ends(hosts: Iterable[FoundHost], role: str) -> Iterator[tuple[FoundHost, Link]]:
    for host in hosts:
        yield from ((host, link) for kong in host.kongs if kong.role == role for link in kong.links)


def list_mappings(name: str, matches: Iterable[Match]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the mappings of the NAT devices in front of a control plane, each with its evidence."""
    found = _share(
        ((*match.dialled, match.received.port), match) for match in matches if match.node == name and match.is_forwarded
    )
    for (outside, port, inside), own in found.items():
        evidence = f"observed: {_describe_callers(own)} to {outside} port {port} arrive at its port {inside}"
        yield {"outside": outside, "outside_port": port, "inside_port": inside}, evidence


def _describe_callers(matches: Iterable[Match]) -> str:
    """Return whose connections were observed. Each run measures other connections, so the evidence does not name their hosts."""
    callers = [match.caller for match in matches if not match.is_measured]
    return f"connections of {_join(callers)}" if callers else "measured connections"


def list_egress(host: FoundHost, hosts: Sequence[FoundHost], matches: Iterable[Match]) -> dict[str, str]:
    """Return the source addresses that control planes see of a data plane behind NAT, each with its evidence.

    They are the sources of its connections. Without a connection, they are from the list of data planes of a control plane.
    """
    own = [match for match in matches if match.caller == host.name]
    if own:
        seen = _share((match.received.peer, match) for match in own if match.is_masked)
        return {address: f"observed: {_describe_source(matches)}" for address, matches in seen.items()}
    found = _share(_list_registered(host, hosts))
    return {
        address: f"observed: its address in the list of data planes of {_join(nodes)}"
        for address, nodes in found.items()
    }


def _describe_source(matches: Iterable[Match]) -> str:
    """Return of which connections this is the source. Measured connections count without other connections."""
    nodes = [match.node for match in matches if not match.is_measured]
    return f"the source of its connections to {_join(nodes)}" if nodes else "the source of its measured connections"


def _list_registered(host: FoundHost, hosts: Sequence[FoundHost]) -> Iterator[tuple[str, str]]:
    """Yield the address of a data plane in the list of each control plane of another network, if a single entry matches."""
    for kong in [kong for kong in host.kongs if kong.role == DATA_PLANE]:
        named = [other for other in hosts for found in other.kongs if found.hostname == kong.hostname]
        for node in hosts:
            listed = [entry for found in node.kongs for entry in found.data_planes]
            same = [entry for entry in listed if kong.id and entry.id == kong.id]
            if not same and kong.hostname and len(named) == 1:
                same = [entry for entry in listed if entry.hostname == kong.hostname]
            addresses = {entry.ip for entry in same} - host.addresses
            if len(same) == 1 and addresses and node.network != host.network:
                yield addresses.pop(), node.name


def list_unmatched(host: FoundHost, hosts: Iterable[FoundHost], matches: Iterable[Match]) -> list[tuple[str, int]]:
    """Return the ends that a data plane dials, that no host has, and whose connection no control plane shows."""
    known = {address for other in hosts for address in other.addresses}
    matched = {match.dialled for match in matches if match.caller == host.name}
    dialled = dict.fromkeys((link.peer, link.peer_port) for _host, link in _list_ends([host], DATA_PLANE))
    return [end for end in dialled if end[0] not in known and end not in matched]


def _share(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    """Return the values of each key, such as names."""
    found: dict[Any, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _join(names: Iterable[str]) -> str:
    return ", ".join(sorted({*names}, key=make_natural_key))

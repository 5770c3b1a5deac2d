# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views: the source addresses of groups of hosts as a node sees them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Family,
    is_private,
    make_host_network,
    sort_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import Classes, classify
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.networks import Cells
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Route,
    find_route_to,
    list_dialled_addresses,
    list_seen_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.sets import Content
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import (
    Unknown,
    Unverified,
    note_unknown,
    note_unverified,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

GroupKey = tuple[str, str]
Seen = Callable[[Route, Host, Host], tuple[str, ...]]


@dataclass
class Viewer:
    """The sources of groups of hosts as nodes see them, computed once for all nodes with the same view."""

    members: Mapping[GroupKey, Sequence[Host]]
    unverified: Unverified = field(default_factory=dict)
    unknown: Unknown = field(default_factory=dict)
    _classes: dict[GroupKey, tuple[Classes, Cells]] = field(default_factory=dict)
    _contents: dict[tuple[Any, ...], Content] = field(default_factory=dict)

    def view(self, group: GroupKey, node: Node, listeners: Sequence[Listener], protocol: str) -> Content:
        """Return the sources of a group as the node sees them at the first of its listeners on one port.

        For a family that this listener does not have, the first listener with that family decides, so that the sockets of
        one port share a set.
        """
        classes, cells = self._classify(group)
        taken = {family: _list_routes(classes, node, listeners, protocol, family) for family in FAMILIES}
        signature = tuple(_make_kind(route, cells) for family in FAMILIES for route in taken[family])
        key = (group, node.site, signature)
        if key not in self._contents:
            seen = _list_gossip_sources if group[0] == "gossip" else list_seen_sources
            self._contents[key] = (
                _list_content(classes, taken[4], node, seen),
                _list_content(classes, taken[6], node, seen),
            )
            # A data plane connects to one control plane only. `connect` checks this connection when it chooses it.
            for family in () if group[0] == "data_planes" else FAMILIES:
                note_unverified(self.unverified, zip(classes.values(), taken[family], strict=True), node)
            for family in FAMILIES:
                note_unknown(self.unknown, zip(classes.values(), taken[family], strict=True), node)
        return self._contents[key]

    def list_unreachable(self, group: GroupKey, node: Node, listeners: Sequence[Listener], protocol: str) -> list[Host]:
        """Return the hosts of a group that have no path to any of a node's listeners, by name."""
        missing = [
            host
            for hosts in self._classify(group)[0].values()
            if not _reaches_any(hosts[0], node, listeners, protocol)
            for host in hosts
            if host.name != node.name
        ]
        return sorted(missing, key=lambda host: host.name)

    def _classify(self, group: GroupKey) -> tuple[Classes, Cells]:
        if group not in self._classes:
            self._classes[group] = classify(self.members[group]), Cells(self.members[group])
        return self._classes[group]


def _list_routes(
    classes: Classes, node: Node, listeners: Sequence[Listener], protocol: str, family: Family
) -> list[Route | None]:
    """Return the route of each class to the first listener with the family."""
    listener = next((candidate for candidate in listeners if family in candidate.families), None)
    if listener is None:
        return [None] * len(classes)
    return [find_route_to(hosts[0], node, listener, protocol, family) for hosts in classes.values()]


def _reaches_any(caller: Host, node: Node, listeners: Sequence[Listener], protocol: str) -> bool:
    return any(
        find_route_to(caller, node, listener, protocol, family)
        for listener in listeners
        for family in FAMILIES
        if family in listener.families
    )


def _make_kind(route: Route | None, cells: Cells) -> Hashable:
    """Return the properties of a route, except its caller and the site of the node, on which its visible sources depend."""
    if route is None:
        return None
    hairpin = route.mapping.hairpin_source if route.via == "hairpin" and route.mapping else None
    return (
        route.via,
        hairpin,
        is_private(route.dialled.address),
        *(cells.select(address) for address in list_dialled_addresses(route)),
    )


def _list_gossip_sources(route: Route, caller: Host, target: Host) -> tuple[str, ...]:
    """Return the sources of a gossip peer: joins come from the network's address, but udp from the address that Serf binds."""
    bound = caller.address.ipv4 if route.via == "local" else None
    return (*list_seen_sources(route, caller, target), *([make_host_network(bound)] if bound else []))


def _list_content(classes: Classes, taken: Sequence[Route | None], node: Node, seen: Seen) -> tuple[str, ...]:
    return sort_networks(
        network
        for hosts, route in zip(classes.values(), taken, strict=True)
        if route
        for host in hosts
        for network in seen(route, host, node.host)
    )

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy: the allowed sources of each listener, with source terms as sets of the addresses that each node sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Family,
    family_of,
    is_private,
    sorted_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import Classes, classify
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route, route_to, seen_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.sets import Content, SetKey, Sets
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import (
    Unreachable,
    Unverified,
    note_unreachable,
    note_unverified,
    unreachable_warnings,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.interception import InterceptRule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.sources import MEMBERS, Terms
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import host_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

GroupKey = tuple[str, str]
_EMPTY: Content = ((), ())


@dataclass(frozen=True, slots=True)
class Allow:
    """The allowed sources of a listener over a protocol: any source, or the members of the sets. No set: no source."""

    listener: Listener
    protocol: str
    everybody: bool
    sets: tuple[SetKey, ...]


@dataclass
class Viewer:
    """The sources of groups of hosts as nodes see them, computed once for all nodes with the same view."""

    members: Mapping[GroupKey, Sequence[Host]]
    unverified: Unverified = field(default_factory=dict)
    _classes: dict[GroupKey, Classes] = field(default_factory=dict)
    _contents: dict[tuple[Any, ...], Content] = field(default_factory=dict)

    def view(self, group: GroupKey, node: Node, listeners: Sequence[Listener], protocol: str) -> Content:
        """Return the sources of a group as the node sees them at the first of its listeners on one port.

        For a family that this listener does not have, the first listener with that family decides, so that the sockets of
        one port share a set.
        """
        classes = self._classified(group)
        taken = {family: _routes(classes, node, listeners, protocol, family) for family in FAMILIES}
        signature = tuple(_kind(route) for family in FAMILIES for route in taken[family])
        key = (group, node.site, signature)
        if key not in self._contents:
            self._contents[key] = (_content(classes, taken[4], node), _content(classes, taken[6], node))
            # A data plane connects to one control plane only. `connect` checks this connection when it chooses it.
            for family in () if group[0] == "data_planes" else FAMILIES:
                note_unverified(self.unverified, zip(classes.values(), taken[family], strict=True), node)
        return self._contents[key]

    def unreachable(self, group: GroupKey, node: Node, listeners: Sequence[Listener], protocol: str) -> list[Host]:
        """Return the hosts of a group that have no path to any of a node's listeners, by name."""
        missing = [
            host
            for hosts in self._classified(group).values()
            if not _reaches_any(hosts[0], node, listeners, protocol)
            for host in hosts
            if host.name != node.name
        ]
        return sorted(missing, key=lambda host: host.name)

    def _classified(self, group: GroupKey) -> Classes:
        if group not in self._classes:
            self._classes[group] = classify(self.members[group])
        return self._classes[group]


def _routes(
    classes: Classes, node: Node, listeners: Sequence[Listener], protocol: str, family: Family
) -> list[Route | None]:
    """Return the route of each class to the first listener with the family."""
    listener = next((candidate for candidate in listeners if family in candidate.families), None)
    if listener is None:
        return [None] * len(classes)
    return [route_to(hosts[0], node, listener, protocol, family) for hosts in classes.values()]


def _reaches_any(caller: Host, node: Node, listeners: Sequence[Listener], protocol: str) -> bool:
    return any(
        route_to(caller, node, listener, protocol, family)
        for listener in listeners
        for family in FAMILIES
        if family in listener.families
    )


def _kind(route: Route | None) -> tuple[str, str | None, bool] | None:
    """Return the properties of a route, except its caller and the site of the node, on which its visible sources depend."""
    if route is None:
        return None
    hairpin = route.mapping.hairpin_source if route.via == "hairpin" and route.mapping else None
    return route.via, hairpin, is_private(route.dialled.address)


def _content(classes: Classes, taken: Sequence[Route | None], node: Node) -> tuple[str, ...]:
    return sorted_networks(
        network
        for hosts, route in zip(classes.values(), taken, strict=True)
        if route
        for host in hosts
        for network in seen_sources(route, host, node.host)
    )


@dataclass
class Policy:
    """A compiler of allow entries, which also collects their sets and warnings."""

    viewer: Viewer
    sets: Sets = field(default_factory=Sets)
    findings: list[Finding] = field(default_factory=list)

    def allows(self, node: Node, draft: Draft) -> list[Allow]:
        """Return the allow entries of a node, in the order of its listeners."""
        unreachable: Unreachable = {}
        entries = []
        for listener in node.reachable:
            terms = None if listener.is_loopback else draft.terms.get((listener.name, listener.own_port))
            entries += [self._entry(node, listener, protocol, terms, unreachable) for protocol in listener.protocols]
        self.findings.extend(unreachable_warnings(node, unreachable))
        return entries

    def allow_intercepted(self, node: Node, draft: Draft, rule: InterceptRule) -> Allow:
        """Return the allowed sources of intercepted packets: the sources of the listener that receives them.

        The packets are addressed to other hosts, so they reach a listener on loopback as well.
        """
        listener, family = rule.listener, rule.family
        if listener.is_loopback:
            listener = replace(listener, address="::" if family == 6 else "0.0.0.0")
        return self._entry(node, listener, "tcp", draft.terms[listener.name, listener.own_port], {})

    def _entry(
        self, node: Node, listener: Listener, protocol: str, terms: Terms | None, unreachable: Unreachable
    ) -> Allow:
        if terms is None or terms.any:
            return Allow(listener, protocol, everybody=terms is not None, sets=())
        return Allow(
            listener, protocol, everybody=False, sets=(*self._sets(node, listener, protocol, terms, unreachable),)
        )

    def _sets(
        self, node: Node, listener: Listener, protocol: str, terms: Terms, unreachable: Unreachable
    ) -> Iterator[SetKey]:
        """Yield the sets of a listener's terms; hosts without a path are added to ``unreachable``."""
        if terms.networks:
            label = f"{listener.name}-networks-at-{node.site}"
            yield self.sets.add(label, _by_family(terms.networks), node.name, listener, protocol)
        alike = _same_port(node, listener, protocol) or [listener]  # a listener on loopback for intercepted packets
        for term, group in _groups(terms, node, listener):
            content = self.viewer.view(group, node, [listener, *alike], protocol)
            if not _is_cluster_term(term, listener):
                note_unreachable(unreachable, self.viewer.unreachable(group, node, alike, protocol), term, node, alike)
            alone = all(host is node.host for host in self.viewer.members[group][:2])
            if alone and terms.given and term in MEMBERS and not _is_cluster_term(term, listener):
                self.findings.append(_no_members(node, listener, term))
            if content != _EMPTY and not alone:
                yield self.sets.add(_label(term, listener, node), content, node.name, listener, protocol)


def _same_port(node: Node, listener: Listener, protocol: str) -> list[Listener]:
    """Return the sockets on a listener's port that other hosts can reach."""
    return [
        socket
        for socket in node.listening(listener.name)
        if socket.port == listener.port and protocol in socket.protocols and not socket.is_loopback
    ]


def _no_members(node: Node, listener: Listener, term: str) -> Finding:
    message = f"cluster {node.cluster!r} has no such node except this node, so it would allow no host; remove it"
    return host_error("source-unknown", node.name, f"kong_{listener.name}_sources", term, message)


def _is_cluster_term(term: str, listener: Listener) -> bool:
    """Tell whether a term is for the nodes of the cluster. Their paths have been checked with the cluster."""
    return listener.name == "cluster" and term in MEMBERS


def _by_family(networks: Sequence[str]) -> Content:
    return (
        tuple(network for network in networks if family_of(network) == 4),
        tuple(network for network in networks if family_of(network) == 6),
    )


def _groups(terms: Terms, node: Node, listener: Listener) -> Iterator[tuple[str, GroupKey]]:
    """Yield each term with the key of its hosts."""
    for term in terms.members:
        gossips = term == "peers" and listener.name == "cluster" and node.advertised is not None
        yield term, ("gossip" if gossips else term, node.cluster)
    for group in terms.groups:
        yield f"@{group}", ("group", group)
    for host in terms.hosts:
        yield host, ("host", host)


def _label(term: str, listener: Listener, node: Node) -> str:
    if _is_cluster_term(term, listener):
        return f"{term}-{node.cluster}-from-{node.site}"
    return f"{listener.name}-{term.removeprefix('@')}-from-{node.site}"

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy: the allowed sources of each listener, with source terms as sets of the addresses that each node sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.sets import Content, Label, SetKey, Sets
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import (
    Unreachable,
    make_unreachable_warnings,
    note_unreachable,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.viewer import GroupKey, Viewer
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.interception import InterceptRule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.sources import MEMBERS, Terms
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener


@dataclass(frozen=True, slots=True)
class Allow:
    """The allowed sources of a listener over a protocol: any source, or the members of the sets. No set: no source."""

    listener: Listener
    protocol: str
    any_source: bool
    sets: tuple[SetKey, ...]


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
            entries += [
                self._make_entry(node, listener, protocol, terms, unreachable) for protocol in listener.protocols
            ]
        self.findings.extend(make_unreachable_warnings(node, unreachable))
        return entries

    def allow_intercepted(self, node: Node, draft: Draft, rule: InterceptRule) -> Allow:
        """Return the allowed sources of intercepted packets: the sources of the listener that receives them.

        The packets are addressed to other hosts, so they reach a listener on loopback as well.
        """
        listener, family = rule.listener, rule.family
        if listener.is_loopback:
            listener = replace(listener, address="::" if family == 6 else "0.0.0.0")
        return self._make_entry(node, listener, "tcp", draft.terms[listener.name, listener.own_port], {})

    def _make_entry(
        self, node: Node, listener: Listener, protocol: str, terms: Terms | None, unreachable: Unreachable
    ) -> Allow:
        if terms is None or terms.any:
            return Allow(listener, protocol, any_source=terms is not None, sets=())
        return Allow(
            listener, protocol, any_source=False, sets=(*self._list_sets(node, listener, protocol, terms, unreachable),)
        )

    def _list_sets(
        self, node: Node, listener: Listener, protocol: str, terms: Terms, unreachable: Unreachable
    ) -> Iterator[SetKey]:
        """Yield the sets of a listener's terms; callers without a path are added to ``unreachable``."""
        if terms.networks:
            label = Label(f"{listener.name}-networks", f"at-{node.site}")
            yield self.sets.add(label, Content(terms.networks), node.name, listener, protocol)
        sockets = _find_same_port(node, listener, protocol) or [
            listener
        ]  # a listener on loopback for intercepted packets
        for term, group in _list_groups(terms, node, listener):
            content = self.viewer.view(group, node, [listener, *sockets], protocol)
            if not _is_cluster_term(term, listener):
                callers = self.viewer.select_unreachable(group, node, sockets, protocol)
                note_unreachable(unreachable, callers, (terms.variable, term), node, sockets)
            alone = all(host is node.host for host in self.viewer.members[group][:2])
            if content and not alone:
                yield self.sets.add(_make_label(term, listener, node), content, node.name, listener, protocol)


def _find_same_port(node: Node, listener: Listener, protocol: str) -> list[Listener]:
    """Return the sockets on a listener's port that other hosts can reach."""
    return [
        socket
        for socket in node.select_listeners(listener.name)
        if socket.port == listener.port and protocol in socket.protocols and not socket.is_loopback
    ]


def _is_cluster_term(term: str, listener: Listener) -> bool:
    """Tell whether a term is for the nodes of the cluster. Their paths have been checked with the cluster."""
    return listener.name == "cluster" and term in MEMBERS


def _list_groups(terms: Terms, node: Node, listener: Listener) -> Iterator[tuple[str, GroupKey]]:
    """Yield each term with the key of its hosts."""
    for term in terms.members:
        gossips = term == "peers" and listener.name == "cluster" and node.advertised is not None
        yield term, ("gossip" if gossips else term, node.cluster)
    for group in terms.groups:
        yield f"@{group}", ("group", group)
    for host in terms.hosts:
        yield host, ("host", host)


def _make_label(term: str, listener: Listener, node: Node) -> Label:
    members = (
        f"{term}-{node.cluster}" if _is_cluster_term(term, listener) else f"{listener.name}-{term.removeprefix('@')}"
    )
    return Label(members, f"from-{node.site}")

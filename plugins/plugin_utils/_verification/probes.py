# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes: the connections that show whether hosts behave as the plan says, and what each is expected to meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, Family, contains
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route, route_to, seen_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import (
    planned_host,
    planned_node,
    planned_sources,
    source_networks,
)

OPEN = "open"
FILTERED = "filtered"
CLOSED = "closed"
SILENT = "silent"

# How a udp listener is tried whose service need not answer: a stream, and gossip that is encrypted.
MUTE = "udp"

# What a probe may meet for each expectation. What is dropped on the node's own firewall is silent; where no path leads, or
# a NAT device stands in between, any refusal will do.
MEETS: Mapping[str, frozenset[str]] = {
    OPEN: frozenset({"open"}),
    FILTERED: frozenset({"filtered"}),
    CLOSED: frozenset({"filtered", "refused", "unreachable"}),
}

# Settings that encrypt gossip; an agent with a key passes over plain pings.
_GOSSIP_KEYS = frozenset({"cluster_encrypt_key", "cluster_keyring_file", "cluster.encrypt"})


@dataclass(frozen=True, slots=True)
class Probe:
    """One connection to try: who dials what to reach which listener, and the expectation (OPEN, FILTERED or CLOSED).

    The kind says how: one that module kong_probe knows. ``bound`` is the listener's own address, as there may be several
    on one port.
    """

    caller: str
    target: str
    listener: str
    protocol: str
    bound: str
    port: int
    dialled: Endpoint
    expected: str
    kind: str

    @property
    def name(self) -> str:
        """A name that no other probe of the same caller has."""
        return f"{self.target} {self.listener} {self.protocol} {self.port} {self.dialled}"

    def as_dict(self) -> dict[str, Any]:
        """Return what module kong_probe takes."""
        return {"name": self.name, "kind": self.kind, "address": self.dialled.address, "port": self.dialled.port}


def probes_from(plan: Mapping[str, Any], caller: str) -> list[Probe]:
    """Return every probe of one host: to every listener of every other node, and to its own where a hairpin leads to it.

    Raises PlanError for a host that the plan does not know.
    """
    host = planned_host(plan, caller)
    return [probe for target in targets_of(plan) for probe in probes_to(host, target)]


@dataclass(frozen=True, slots=True)
class Target:
    """A node, and by listener and protocol who may reach it: `any`, or networks as CIDR text.

    ``held`` are the local addresses that hosts of the plan have, each with the site, the same for all targets.
    """

    node: Node
    sources: Mapping[tuple[Listener, str], str | list[str]]
    held: frozenset[tuple[str, str]]


def targets_of(plan: Mapping[str, Any]) -> list[Target]:
    """Return what there is to probe; asked once, as it takes longer than a caller's probes."""
    hosts = [planned_host(plan, name) for name in callers(plan)]
    held = frozenset((host.site, address) for host in hosts for address in host.address.all())
    return [_target(plan, planned_node(plan, name), held) for name in plan["nodes"]]


def _target(plan: Mapping[str, Any], node: Node, held: frozenset[tuple[str, str]]) -> Target:
    return Target(node, {key: source_networks(plan, one) for key, one in planned_sources(plan, node).items()}, held)


def probed_listener(node: Node, probe: Probe) -> Listener:
    """Return the listener of a node that a probe is to reach."""
    alike = (one for one in node.reachable if (one.name, one.port) == (probe.listener, probe.port))
    return next(one for one in alike if one.address == probe.bound and probe.protocol in one.protocols)


def local_probes(plan: Mapping[str, Any], name: str) -> list[Probe]:
    """Return the probes of a node's own listeners on the node itself, all expected to be open.

    Listeners on a host name are left out: only their nginx knows where they are. So are those over udp whose service need
    not answer, see `silent_nodes`. Raises PlanError for a host that is no node.
    """
    node = planned_node(plan, name)
    return [
        _probe(name, node, listener, protocol, endpoint, OPEN)
        for listener in node.reachable
        if (endpoint := _own_endpoint(listener))
        for protocol in listener.protocols
        if _kind(node, listener, protocol) != MUTE
    ]


def _probe(caller: str, node: Node, listener: Listener, protocol: str, dialled: Endpoint, expected: str) -> Probe:
    bound, port, kind = listener.address, listener.port, _kind(node, listener, protocol)
    return Probe(caller, node.name, listener.name, protocol, bound, port, dialled, expected, kind)


def silent_nodes(plan: Mapping[str, Any]) -> list[str]:
    """Return the nodes with a udp listener that need not answer, so that only the node knows what it let in."""
    return [
        name
        for name in plan["nodes"]
        for node in [planned_node(plan, name)]
        if any(_kind(node, listener, one) == MUTE for listener in node.reachable for one in listener.protocols)
    ]


def _kind(node: Node, listener: Listener, protocol: str) -> str:
    """How a listener is tried: gossip by a memberlist ping, an Admin API by a request, one with TLS by a handshake."""
    if protocol == "udp":
        return "memberlist" if _answers_pings(node) else MUTE
    if listener.name == "admin":
        return "https" if "ssl" in listener.flags else "http"
    return "tls" if "ssl" in listener.flags else "tcp"


def _answers_pings(node: Node) -> bool:
    """Tell whether a node answers a plain memberlist ping: one that gossips, and without a key."""
    return node.advertised is not None and _GOSSIP_KEYS.isdisjoint(node.config)


def _own_endpoint(listener: Listener) -> Endpoint | None:
    if listener.is_wildcard or (listener.is_loopback and len(listener.families) > 1):
        return Endpoint("::1" if listener.families == (6,) else "127.0.0.1", listener.port)
    return Endpoint(listener.address, listener.port) if len(listener.families) == 1 else None


def callers(plan: Mapping[str, Any]) -> list[str]:
    """Return the hosts that probe: the nodes, then the other hosts of the plan."""
    return [*sorted(plan["nodes"]), *sorted(plan["hosts"])]


def probes_to(caller: Host, goal: Target) -> Iterator[Probe]:
    """Yield the probes of a host to one node."""
    target = goal.node
    for listener in target.reachable:
        for protocol in listener.protocols:
            for family in _probed_families(listener, target):
                route = None if listener.is_loopback else route_to(caller, target, listener, protocol, family)
                if caller.name == target.name and (route is None or route.via != "hairpin"):
                    continue
                dialled = route.dialled if route else _knocked_at(caller, goal, listener, protocol, family)
                if dialled:
                    allowed = goal.sources[listener, protocol]
                    expected = _expected(route, caller, target, allowed)
                    yield _probe(caller.name, target, listener, protocol, dialled, expected)


def _probed_families(listener: Listener, target: Node) -> list[Family]:
    if listener.is_loopback:
        return [family for family in FAMILIES if target.host.address.of(family)][:1]
    return [family for family in FAMILIES if family in listener.families]


def _knocked_at(caller: Host, goal: Target, listener: Listener, protocol: str, family: Family) -> Endpoint | None:
    """Return where a stranger without a path would knock: the address that the listener binds, or the node's.

    None where somebody else would answer: another listener of the node, or a host that has the address at the caller's
    own site.
    """
    node = goal.node
    address = node.host.address.of(family) if listener.is_loopback else listener.bound or node.host.address.of(family)
    if address is None or (caller.site != node.site and (caller.site, address) in goal.held):
        return None
    answers = [one for one in node.reachable if one.port == listener.port and protocol in one.protocols]
    others = [one for one in answers if one is not listener and not one.is_loopback and family in one.families]
    return None if any(one.bound in (None, address) for one in others) else Endpoint(address, listener.port)


def _expected(route: Route | None, caller: Host, target: Node, allowed: str | list[str]) -> str:
    if route is None:
        return CLOSED
    seen = seen_sources(route, caller, target.host)
    if allowed == "any" or all(any(contains(network, source) for network in allowed) for source in seen):
        return OPEN
    return FILTERED if route.mapping is None else CLOSED

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes: the connections that verify the plan, and the expected result of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, Family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Route,
    find_route_to,
    list_route_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.allowed import Sets
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host, get_node, list_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.gateways import (
    Hairpins,
    is_hairpin_caller,
    list_hairpins,
)

OPEN = "open"
FILTERED = "filtered"
CLOSED = "closed"
SILENT = "silent"

# The kind of probe for a udp service that need not answer: a stream, and encrypted gossip.
MUTE = "udp"

# The results that meet each expectation. The node's own firewall drops packets without an answer. Without a path, or
# through a NAT device, any negative result is as expected.
MEETS: Mapping[str, frozenset[str]] = {
    OPEN: frozenset({"open"}),
    FILTERED: frozenset({"filtered"}),
    CLOSED: frozenset({"filtered", "refused", "unreachable"}),
}

# Settings that encrypt gossip. An agent with a key ignores plain pings.
_GOSSIP_KEYS = frozenset({"cluster_encrypt_key", "cluster_keyring_file", "cluster.encrypt"})


@dataclass(frozen=True, slots=True)
class Probe:
    """A connection to test: its caller, target, listener, dialled endpoint and expectation (OPEN, FILTERED or CLOSED).

    ``kind`` is a kind of probe of module kong_probe. ``bound`` is the listener's own address, because several listeners
    may have one port.
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
        """A name that is unique among the probes of the caller."""
        return f"{self.target} {self.listener} {self.protocol} {self.port} {self.dialled}"

    def as_dict(self) -> dict[str, Any]:
        """Return the probe as an argument of module kong_probe."""
        return {"name": self.name, "kind": self.kind, "address": self.dialled.address, "port": self.dialled.port}


def list_probes_from(plan: Mapping[str, Any], caller: str) -> list[Probe]:
    """Return every probe of one host: to every listener of all other nodes, and to itself if a hairpin leads to it.

    Raises PlanError if the host is not in the plan.
    """
    host = get_host(plan, caller)
    return [probe for target in list_targets(plan) for probe in list_probes_to(host, target)]


@dataclass(frozen=True, slots=True)
class Target:
    """A node and its allowed sources by listener and protocol: `any`, or names of ``sets``.

    ``held`` has the site and each local and virtual address of every host of the plan. ``hairpins`` has the networks of the
    callers inside for each forward of a gateway of the inventory. ``sets``, ``held`` and ``hairpins`` are the same for all
    targets.
    """

    node: Node
    sources: Mapping[tuple[Listener, str], str | list[str]]
    sets: Sets
    held: frozenset[tuple[str, str]]
    hairpins: Hairpins


def list_targets(plan: Mapping[str, Any]) -> list[Target]:
    """Return all targets of the plan. Call it once for all callers, because it takes longer than the probes of a caller."""
    hosts = [get_host(plan, name) for name in list_callers(plan)]
    held = frozenset((host.site, address) for host in hosts for address in (*host.address.list_all(), *host.virtual))
    sets = Sets(plan["sets"])
    nodes = (get_node(plan, name) for name in plan["nodes"])
    hairpins = list_hairpins(plan)
    return [Target(node, list_sources(plan, node), sets, held, hairpins) for node in nodes]


def find_probed_listener(node: Node, probe: Probe) -> Listener:
    """Return the listener of a node that a probe tests."""
    wanted = (probe.listener, probe.port, probe.bound)
    return next(
        listener
        for listener in node.reachable
        if (listener.name, listener.port, listener.address) == wanted and probe.protocol in listener.protocols
    )


def list_local_probes(plan: Mapping[str, Any], name: str) -> list[Probe]:
    """Return the probes of a node's own listeners on the node itself, all expected to be open.

    Without listeners on a host name, because only nginx resolves it, and without udp services that need not answer, see
    `list_silent_nodes`. Raises PlanError if the host is not a node.
    """
    node = get_node(plan, name)
    return [
        _make_probe(name, node, listener, protocol, endpoint, OPEN)
        for listener in node.reachable
        if (endpoint := _find_own_endpoint(listener))
        for protocol in listener.protocols
        if _choose_kind(node, listener, protocol) != MUTE
    ]


def _make_probe(caller: str, node: Node, listener: Listener, protocol: str, dialled: Endpoint, expected: str) -> Probe:
    bound, port, kind = listener.address, listener.port, _choose_kind(node, listener, protocol)
    return Probe(caller, node.name, listener.name, protocol, bound, port, dialled, expected, kind)


def list_silent_nodes(plan: Mapping[str, Any]) -> list[str]:
    """Return the nodes that need an observer."""
    return [name for name in plan["nodes"] if needs_observer(get_node(plan, name))]


def needs_observer(node: Node) -> bool:
    """Tell whether a node has a udp service that need not answer. Only an observer on the node can verify it."""
    return any(
        _choose_kind(node, listener, protocol) == MUTE for listener in node.reachable for protocol in listener.protocols
    )


def _choose_kind(node: Node, listener: Listener, protocol: str) -> str:
    """Return the kind of probe: memberlist ping for gossip, a request for an Admin API, a handshake for TLS, else connect."""
    if protocol == "udp":
        return "memberlist" if _answers_pings(node) else MUTE
    if listener.name == "admin":
        return "https" if "ssl" in listener.flags else "http"
    return "tls" if "ssl" in listener.flags else "tcp"


def _answers_pings(node: Node) -> bool:
    """Tell whether a node answers a plain memberlist ping: it takes part in gossip, and has no key."""
    return node.advertised is not None and _GOSSIP_KEYS.isdisjoint(node.config)


def _find_own_endpoint(listener: Listener) -> Endpoint | None:
    if listener.is_wildcard or (listener.is_loopback and len(listener.families) > 1):
        return Endpoint("::1" if listener.families == (6,) else "127.0.0.1", listener.port)
    return Endpoint(listener.address, listener.port) if len(listener.families) == 1 else None


def list_callers(plan: Mapping[str, Any]) -> list[str]:
    """Return the hosts that probe: the nodes, then the other hosts of the plan."""
    return [*sorted(plan["nodes"], key=make_natural_key), *sorted(plan["hosts"], key=make_natural_key)]


def list_probes_to(caller: Host, goal: Target) -> Iterator[Probe]:
    """Yield the probes of a host to one node."""
    probes = (make_probe_to(caller, goal, port) for port in list_ports(goal.node))
    return (probe for probe in probes if probe is not None)


class Port(NamedTuple):
    """A listener of a node that is probed over one protocol and one family."""

    listener: Listener
    protocol: str
    family: Family


def list_ports(target: Node) -> Iterator[Port]:
    """Yield the ports of a node that other hosts probe."""
    for listener in target.reachable:
        for protocol in listener.protocols:
            for family in _list_families(listener, target):
                yield Port(listener, protocol, family)


def _list_families(listener: Listener, target: Node) -> list[Family]:
    if listener.is_loopback:
        return [family for family in FAMILIES if target.host.address.select(family)][:1]
    return [family for family in FAMILIES if family in listener.families]


def make_probe_to(caller: Host, goal: Target, port: Port) -> Probe | None:
    """Return the probe of a host to a port of a node.

    None if it can dial nothing that only this port answers, or if the node is staged and the plan does not allow the host.
    """
    route = find_probed_route(caller, goal.node, port)
    if caller.name == goal.node.name and (route is None or route.via != "hairpin"):
        return None
    dialled = route.dialled if route else find_endpoint_without_path(goal.node, port)
    if dialled is None or (route is None and is_held_at(caller.site, dialled, goal)):
        return None
    expected = _expect(route, caller, goal, port)
    # A staged node drops nothing, so its own rules decide about a source that the plan does not allow.
    if goal.node.staged and route is not None and expected != OPEN:
        return None
    return _make_probe(caller.name, goal.node, port.listener, port.protocol, dialled, expected)


def find_probed_route(caller: Host, target: Node, port: Port) -> Route | None:
    """Return the route of a host to a port of a node, None if there is no path."""
    return None if port.listener.is_loopback else find_route_to(caller, target, *port)


def find_endpoint_without_path(node: Node, port: Port) -> Endpoint | None:
    """Return the endpoint that callers without a path dial: the bound address of the listener, or the node's address.

    None if another listener of the node would answer.
    """
    listener, protocol, family = port
    address = (
        node.host.address.select(family) if listener.is_loopback else listener.bound or node.host.address.select(family)
    )
    if address is None:
        return None
    answers = [other for other in node.reachable if other.port == listener.port and protocol in other.protocols]
    others = [
        other for other in answers if other is not listener and not other.is_loopback and family in other.families
    ]
    return None if any(other.bound in (None, address) for other in others) else Endpoint(address, listener.port)


def is_held_at(site: str, dialled: Endpoint, goal: Target) -> bool:
    """Tell whether a host of another site than the target's has the address, so that it answers callers of that site."""
    return site != goal.node.site and (site, dialled.address) in goal.held


def _expect(route: Route | None, caller: Host, goal: Target, port: Port) -> str:
    if route is None or (route.via == "hairpin" and not is_hairpin_caller(goal.hairpins, route, port.protocol, caller)):
        return CLOSED
    allowed = goal.sources[port.listener, port.protocol]
    sources = list_route_sources(route, caller, goal.node.host)
    if allowed == "any" or all(goal.sets.allow(allowed, source) for source in sources):
        return OPEN
    return FILTERED if route.mapping is None else CLOSED

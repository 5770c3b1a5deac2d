# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches a port of a planned node, and how: the arrows of the report's picture and the lines of its tables."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, Family, contains, family_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import CallerClass, classify
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route, route_to, seen_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import planned_host, planned_sources

ANYONE = "anyone"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Flow:
    """Callers that are let in by one way: what they dial, where that arrives, and what the node sees.

    ``callers`` are hosts of the plan, and empty where ``who`` says it in words. ``site`` is theirs, None for callers that
    belong to none. ``via`` is that of a Route, or empty where nothing is known of the way. ``also`` counts further nodes
    for which the same holds at addresses of their own. ``verdict`` is a mark where there is a verification.
    """

    who: str
    callers: tuple[str, ...]
    site: str | None
    via: str
    device: str | None
    dialled: tuple[Endpoint, ...]
    arrives: tuple[Endpoint, ...]
    seen: tuple[str, ...]
    also: int = 0
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """One port that a node opens, with the ways that lead to it. Without any, nobody but the host itself gets in."""

    listener: str
    port: int
    protocols: tuple[str, ...]
    addresses: tuple[str, ...]
    flags: tuple[str, ...]
    loopback: bool
    flows: tuple[Flow, ...]


@dataclass
class _Gathered:
    """What callers that come the same way have together."""

    callers: dict[str, None] = field(default_factory=dict)
    dialled: dict[Endpoint, None] = field(default_factory=dict)
    arrives: dict[Endpoint, None] = field(default_factory=dict)
    seen: dict[str, None] = field(default_factory=dict)

    def add(self, route: Route, found: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        self.dialled[route.dialled] = None
        self.arrives[Endpoint(route.lands, route.port)] = None
        for name, seen in found:
            self.callers[name] = None
            self.seen.update(dict.fromkeys(seen))


_Way = tuple[str, str, str | None]  # the callers' site, via, device


class Callers:
    """Everybody who may come, with what is known of them kept: callers that are alike are asked once."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        """Take the hosts of a plan."""
        self._classes = classify(hosts)
        self._kept: dict[Hashable, list[tuple[str, tuple[str, ...]]]] = {}

    def ways(
        self, node: Node, listener: Listener, protocol: str, family: Family
    ) -> Iterator[tuple[CallerClass, Route]]:
        """Yield the route of each class of callers that has one to a listener."""
        for kind, members in self._classes.items():
            caller = next((host for host in members if host.name != node.name), None)
            route = route_to(caller, node, listener, protocol, family) if caller else None
            if route:
                yield kind, route

    def let_in(self, kind: CallerClass, route: Route, target: Host, rule: Rule) -> list[tuple[str, tuple[str, ...]]]:
        """Return the members of a class whose every source is allowed, each with its sources."""
        hairpin = route.mapping.hairpin_source if route.via == "hairpin" and route.mapping else None
        key = kind, rule.sets, route.via, family_of(route.lands), target.site, hairpin
        if key not in self._kept:
            seen = ((host.name, seen_sources(route, host, target)) for host in self._classes[kind])
            self._kept[key] = [(name, networks) for name, networks in seen if networks and rule.allows(networks)]
        return self._kept[key]

    def site_of(self, kind: CallerClass) -> str:
        """Return the site that the members of a class are at."""
        return self._classes[kind][0].site


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may reach a port: the names of the sets, and the networks in them."""

    sets: tuple[str, ...]
    networks: tuple[str, ...]
    known: frozenset[str]

    def allows(self, networks: Iterable[str]) -> bool:
        """Tell whether all of the networks are allowed."""
        return all(one in self.known or any(contains(wide, one) for wide in self.networks) for one in networks)


def plan_hosts(plan: Mapping[str, Any]) -> list[Host]:
    """Return every host of a plan: the nodes, then the others."""
    return [planned_host(plan, name) for kind in ("nodes", "hosts") for name in sorted(plan[kind])]


def ports_of(plan: Mapping[str, Any], node: Node, callers: Callers) -> list[Port]:
    """Return what a node opens, in the order of its listeners, and who reaches it; equal ports once."""
    single = [
        _port(plan, node, callers, listener, protocol, sources)
        for (listener, protocol), sources in planned_sources(plan, node).items()
    ]
    return _once(single)


def _port(
    plan: Mapping[str, Any], node: Node, callers: Callers, listener: Listener, protocol: str, sources: str | list[str]
) -> Port:
    flows: Iterator[Flow] = iter(())
    if not listener.is_loopback and sources:
        flows = (
            _flows_of_anyone(node, listener, protocol)
            if isinstance(sources, str)
            else _flows_of_some(node, callers, listener, protocol, _rule(plan, sources))
        )
    return Port(
        listener.name,
        listener.port,
        (protocol,),
        (listener.address,),
        listener.flags,
        listener.is_loopback,
        tuple(flows),
    )


def _rule(plan: Mapping[str, Any], sets: Iterable[str]) -> Rule:
    networks = tuple(one for name in sets for family in ("ipv4", "ipv6") for one in plan["sets"][name][family])
    return Rule(tuple(sets), networks, frozenset(networks))


def _once(ports: Iterable[Port]) -> list[Port]:
    """Make ports one that differ in their addresses only (one for each family), then those that differ in protocols."""
    by_address: dict[Any, Port] = {}
    for port in ports:
        key = port.listener, port.port, port.protocols, port.flags, port.loopback
        by_address[key] = _joined(by_address.get(key, port), port)
    by_protocol: dict[Any, Port] = {}
    for port in by_address.values():
        same = port.listener, port.port, port.addresses, port.flags, port.flows
        by_protocol[same] = _joined(by_protocol.get(same, port), port)
    return list(by_protocol.values())


def _joined(first: Port, second: Port) -> Port:
    return replace(
        first,
        protocols=_both(first.protocols, second.protocols),
        addresses=_both(first.addresses, second.addresses),
        flows=_joined_flows((*first.flows, *second.flows)),
    )


def _joined_flows(flows: Iterable[Flow]) -> tuple[Flow, ...]:
    joined: dict[Any, Flow] = {}
    for flow in flows:
        key = flow.who, flow.callers, flow.site, flow.via, flow.device
        known = joined.get(key)
        joined[key] = (
            replace(
                known,
                dialled=_both(known.dialled, flow.dialled),
                arrives=_both(known.arrives, flow.arrives),
                seen=_both(known.seen, flow.seen),
            )
            if known
            else flow
        )
    return tuple(joined.values())


def _both(first: tuple[_T, ...], second: tuple[_T, ...]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _flows_of_some(node: Node, callers: Callers, listener: Listener, protocol: str, rule: Rule) -> Iterator[Flow]:
    ways: dict[_Way, _Gathered] = {}
    for family in (one for one in FAMILIES if one in listener.families):
        for kind, route in callers.ways(node, listener, protocol, family):
            found = [one for one in callers.let_in(kind, route, node.host, rule) if one[0] != node.name]
            if found:
                way = callers.site_of(kind), route.via, route.mapping.device if route.mapping else None
                ways.setdefault(way, _Gathered()).add(route, found)
    for (site, via, device), one in ways.items():
        yield Flow(
            "", tuple(sorted(one.callers)), site, via, device, tuple(one.dialled), tuple(one.arrives), tuple(one.seen)
        )
    known = {source for one in ways.values() for source in one.seen} | set(_own_sources(node))
    for network in rule.networks:
        if network not in known and family_of(network) in listener.families:
            yield Flow(shown_source(network), (), None, "", None, (), (), (network,))


def _own_sources(node: Node) -> Iterator[str]:
    """Yield what the node sees of itself, which its sets may hold without meaning anybody."""
    own = [node.host.address, node.host.vpn]
    addresses = [text for one in own for family in FAMILIES if (text := one.of(family))]
    addresses += [mapping.hairpin_source for mapping in node.host.nat if mapping.hairpin_source]
    addresses += [mapping.outside for mapping in node.host.nat]
    yield from (f"{address}/{128 if ':' in address else 32}" for address in addresses)
    yield from node.host.egress


def _flows_of_anyone(node: Node, listener: Listener, protocol: str) -> Iterator[Flow]:
    """Yield the ways that the world has to a port that is open to it: by the node's addresses, and its mappings."""
    families = [family for family in FAMILIES if family in listener.families]
    mapped = [(mapping, inside, port) for mapping in node.host.nat
              if (inside := node.host.address.of(mapping.family)) and mapping.family in families
              and listener.bound in (None, inside) and (port := mapping.outside_port_of(protocol, listener.port))]  # fmt: skip
    behind = bool(node.host.nat or node.host.egress)
    local = [Endpoint(address, listener.port) for family in families
             if (address := node.host.address.of(family)) and listener.bound in (None, address)]  # fmt: skip
    if local:
        who = f"{ANYONE} at site {node.site}" if behind else ANYONE
        yield Flow(who, (), node.site if behind else None, "local", None, tuple(local), tuple(local), ())
    vpn = [Endpoint(address, listener.port) for family in families
           if (address := node.host.vpn.of(family)) and listener.bound in (None, address)]  # fmt: skip
    if vpn:
        yield Flow(f"{ANYONE} on the VPN", (), None, "vpn", None, tuple(vpn), tuple(vpn), ())
    for mapping, inside, port in mapped:
        sites = f" at {' and '.join(mapping.sites)}" if mapping.sites else ""
        dialled, arrives = Endpoint(mapping.outside, port), Endpoint(inside, listener.port)
        yield Flow(f"{ANYONE}{sites}", (), None, "nat", mapping.device, (dialled,), (arrives,), ())


def shown_source(network: str) -> str:
    """Return a network as people write it: a single address without its length."""
    return network.removesuffix("/32") if family_of(network) == 4 else network.removesuffix("/128")

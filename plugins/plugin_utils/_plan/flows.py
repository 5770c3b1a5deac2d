# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flows: the callers of each port of a planned node and their paths. The report draws and lists them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Family,
    compute_bounds,
    contains,
    find_family,
    sort_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import CallerClass, classify
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.networks import Cells
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Route,
    choose_local_address,
    find_route_to,
    list_dialled_addresses,
    list_route_sources,
    make_service,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.caller_lists import MOST_NAMED, CallerLists, Listed
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.members import list_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host, list_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, join_words, make_natural_key

ANYONE = "anyone"
# The callers of a port that allows more networks are in lists. The text would have all pairs of nodes otherwise.
_MANY_NETWORKS = 50
_KEPT_RULES = 8
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Flow:
    """Allowed callers with one kind of path: the endpoints that they dial, where these arrive, and the visible sources.

    ``callers`` are hosts of the plan; if it is empty, ``label`` is a text. ``site`` is their site, or None. ``via`` is that of
    a Route, or empty if the path is not known. ``also`` is the number of further nodes with the same flow at their own
    addresses. ``verdict`` is a mark if there is a verification. ``listed`` are the callers if they are in lists;
    then ``sources`` are examples, and ``more`` is the number of further sources.
    """

    label: str
    callers: tuple[str, ...]
    site: str | None
    via: str
    device: str | None
    dialled: tuple[Endpoint, ...]
    arrives: tuple[Endpoint, ...]
    sources: tuple[str, ...]
    also: int = 0
    verdict: str = ""
    listed: tuple[Listed, ...] = ()
    more: int = 0

    @property
    def has_known_hosts(self) -> bool:
        """Whether the callers are hosts of the plan. A list without a path has networks."""
        return bool(self.callers or (self.listed and self.via))

    @property
    def is_network(self) -> bool:
        """Whether the caller is a network of the inventory, whose path is not known."""
        return bool(self.sources) and not (self.via or self.callers or self.listed)


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a node, and the flows to it. Without a flow only the host itself reaches it."""

    listener: str
    port: int
    protocols: tuple[str, ...]
    addresses: tuple[str, ...]
    flags: tuple[str, ...]
    loopback: bool
    flows: tuple[Flow, ...]


@dataclass
class _Gathered:
    """The callers with the same kind of path, and their endpoints and sources."""

    callers: dict[str, None] = field(default_factory=dict)
    dialled: dict[Endpoint, None] = field(default_factory=dict)
    arrives: dict[Endpoint, None] = field(default_factory=dict)
    sources: dict[str, None] = field(default_factory=dict)

    def add(self, route: Route, found: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        """Add a route, and its callers with their sources."""
        self.dialled[route.dialled] = None
        self.arrives[Endpoint(route.lands, route.port)] = None
        for name, networks in found:
            self.callers[name] = None
            self.sources.update(dict.fromkeys(networks))


_PathKind = tuple[str, str, str | None]  # the callers' site, via, device


class Callers:
    """All possible callers. Routes are computed once for each class of equivalent callers, and results are cached."""

    def __init__(self, hosts: Iterable[Host], sets: Mapping[str, Any] | None = None) -> None:
        """Classify the hosts of a plan. The sets of the plan are needed if a port allows many networks."""
        known = list(hosts)
        self.lists = CallerLists(dict(sets or {}), known)
        self._classes = classify(known)
        self._sites = {host.name: host.site for host in known}
        self._cells = Cells(known)
        self._cache: dict[Hashable, list[tuple[str, tuple[str, ...]]]] = {}
        self._rules: dict[tuple[str, ...], Rule] = {}
        self._having: dict[str, set[CallerClass]] = {}
        for kind, members in self._classes.items():
            for source in {source for host in members for source in (host.site, *list_own_sources(host))}:
                self._having.setdefault(source, set()).add(kind)

    def list_routes(
        self, node: Node, listener: Listener, protocol: str, family: Family, rule: Rule
    ) -> Iterator[tuple[CallerClass, Route]]:
        """Yield the route of each class of callers that may be allowed to a listener, if there is a route."""
        for kind in self._select_classes(node, rule):
            caller = next((host for host in self._classes[kind] if host.name != node.name), None)
            route = find_route_to(caller, node, listener, protocol, family) if caller else None
            if route:
                yield kind, route

    def _select_classes(self, node: Node, rule: Rule) -> Iterator[CallerClass]:
        """Yield the classes at the site of a node, and those of which a member has a network of the rule."""
        if self.needs_summary(rule) or any(
            compute_bounds(network)[0] != compute_bounds(network)[1] for network in rule.networks
        ):
            yield from self._classes
        else:
            keys = (node.site, *rule.networks)
            chosen = set().union(*(self._having.get(key, ()) for key in keys))
            yield from (kind for kind in self._classes if kind in chosen)

    def select_allowed(
        self, kind: CallerClass, route: Route, target: Host, rule: Rule
    ) -> list[tuple[str, tuple[str, ...]]]:
        """Return the members of a class whose sources are all allowed, each with its sources."""
        hairpin = route.mapping.hairpin_source if route.via == "hairpin" and route.mapping else None
        cells = tuple(self._cells.select(address) for address in list_dialled_addresses(route))
        key = kind, rule.sets, route.via, find_family(route.lands), target.site, hairpin, cells
        if key not in self._cache:
            sources = ((host.name, list_route_sources(route, host, target)) for host in self._classes[kind])
            self._cache[key] = [(name, networks) for name, networks in sources if networks and rule.allows(networks)]
        return self._cache[key]

    def needs_summary(self, rule: Rule) -> bool:
        """Tell whether a rule has so many networks that its callers are in lists."""
        return len(rule.networks) > _MANY_NETWORKS

    def find_rule(self, plan: Mapping[str, Any], sets: Iterable[str]) -> Rule:
        """Return the rule with these sets. The last rules are kept, because several ports of a node have the same."""
        names = tuple(sets)
        if names not in self._rules:
            if len(self._rules) >= _KEPT_RULES:
                self._rules.clear()
            self._rules[names] = _find_rule(plan, names)
        return self._rules[names]

    def list_unknown(self, rule: Rule, families: Collection[int]) -> Listed | None:
        """Return the networks of a rule of these families that no host of the plan has; None without such networks."""
        return self.lists.list_networks(
            sort_networks(
                network for network in rule.known.difference(self._having) if find_family(network) in families
            )
        )

    def find_site(self, kind: CallerClass) -> str:
        """Return the site of the members of a class."""
        return self._classes[kind][0].site

    def group_by_site(self, named: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, dict[str, tuple[str, ...]]]:
        """Return hosts with their sources, by site."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for name, sources in named:
            found.setdefault(self._sites[name], {})[name] = sources
        return found


@dataclass(frozen=True, slots=True)
class Rule:
    """The allowed sources of a port: the names of the sets, and the networks in them."""

    sets: tuple[str, ...]
    networks: tuple[str, ...]
    known: frozenset[str]

    def allows(self, networks: Iterable[str]) -> bool:
        """Tell whether all of the networks are allowed."""
        return all(
            network in self.known or any(contains(wide, network) for wide in self.networks) for network in networks
        )


def list_hosts(plan: Mapping[str, Any]) -> list[Host]:
    """Return all hosts of a plan: the nodes, then the other hosts."""
    return [get_host(plan, name) for kind in ("nodes", "hosts") for name in sorted(plan[kind], key=make_natural_key)]


def list_ports(plan: Mapping[str, Any], node: Node, callers: Callers) -> list[Port]:
    """Return the ports of a node with their flows, in the order of its listeners. Equal ports are joined."""
    single = [
        _make_port(plan, node, callers, listener, protocol, sources)
        for (listener, protocol), sources in list_sources(plan, node).items()
    ]
    return _join_ports(single)


def _make_port(
    plan: Mapping[str, Any], node: Node, callers: Callers, listener: Listener, protocol: str, sources: str | list[str]
) -> Port:
    flows: Iterator[Flow] = iter(())
    if not listener.is_loopback and sources:
        flows = (
            _list_flows_of_anyone(node, listener, protocol)
            if isinstance(sources, str)
            else _list_flows_of_some(node, callers, listener, protocol, callers.find_rule(plan, sources))
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


def _find_rule(plan: Mapping[str, Any], sets: Iterable[str]) -> Rule:
    networks = tuple(network for name in sets for network in list_networks(plan["sets"], name))
    return Rule(tuple(sets), networks, frozenset(networks))


def _join_ports(ports: Iterable[Port]) -> list[Port]:
    """Join ports that differ in their addresses only (one for each family), then ports that differ in protocols only."""
    by_address: dict[Any, Port] = {}
    for port in ports:
        key = port.listener, port.port, port.protocols, port.flags, port.loopback
        by_address[key] = _join(by_address.get(key, port), port)
    by_protocol: dict[Any, Port] = {}
    for port in by_address.values():
        same = port.listener, port.port, port.addresses, port.flags, port.flows
        by_protocol[same] = _join(by_protocol.get(same, port), port)
    return list(by_protocol.values())


def group_ports(ports: Iterable[Port]) -> list[list[Port]]:
    """Return the ports of each listener in groups. Ports of a group differ in their numbers, flags and addresses only."""
    groups: dict[Hashable, list[Port]] = {}
    for port in ports:
        paths = tuple(
            (flow.label, flow.callers, flow.via, flow.device, flow.sources, flow.listed) for flow in port.flows
        )
        groups.setdefault((port.listener, port.loopback, port.protocols, paths), []).append(port)
    return list(groups.values())


def list_group_flows(group: Iterable[Port]) -> tuple[Flow, ...]:
    """Return the flows of a group of ports, each with the endpoints of all its ports."""
    return tuple(map(_join_endpoints, zip(*(port.flows for port in group), strict=True)))


def _join_endpoints(flows: Sequence[Flow]) -> Flow:
    dialled = dict.fromkeys(endpoint for flow in flows for endpoint in flow.dialled)
    arrives = dict.fromkeys(endpoint for flow in flows for endpoint in flow.arrives)
    return replace(flows[0], dialled=tuple(dialled), arrives=tuple(arrives))


def _join(first: Port, second: Port) -> Port:
    return replace(
        first,
        protocols=_concatenate(first.protocols, second.protocols),
        addresses=_concatenate(first.addresses, second.addresses),
        flows=_join_flows((*first.flows, *second.flows)),
    )


def _join_flows(flows: Iterable[Flow]) -> tuple[Flow, ...]:
    joined: dict[Any, Flow] = {}
    for flow in flows:
        key = flow.label, flow.callers, flow.site, flow.via, flow.device
        known = joined.get(key)
        joined[key] = (
            replace(
                known,
                dialled=_concatenate(known.dialled, flow.dialled),
                arrives=_concatenate(known.arrives, flow.arrives),
                sources=_concatenate(known.sources, flow.sources),
                listed=_concatenate(known.listed, flow.listed),
                more=known.more + (0 if _share_list(known, flow) else flow.more),
            )
            if known
            else flow
        )
    return tuple(joined.values())


def _share_list(first: Flow, second: Flow) -> bool:
    """Tell whether two flows have callers of the same list, so that their further sources are the same."""
    numbers = [{listed.number or listed for listed in flow.listed} for flow in (first, second)]
    return not numbers[0].isdisjoint(numbers[1])


def _concatenate(first: tuple[_T, ...], second: tuple[_T, ...]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _list_flows_of_many(node: Node, callers: Callers, listener: Listener, protocol: str, rule: Rule) -> Iterator[Flow]:
    """Yield the flows of callers in lists that the ports of other nodes share. A few callers are named."""
    for family in (family for family in FAMILIES if family in listener.families):
        for route, site, listed in callers.lists.list_callers(node, listener, protocol, family, rule.sets):
            device = route.mapping.device if route.mapping else None
            path = route.via, device, (route.dialled,), (Endpoint(route.lands, route.port),)
            if listed.number or listed.callers > MOST_NAMED:
                examples, more = callers.lists.choose_examples(listed)
                label = f"{_count_callers(listed, 'host')}{f' at site {site}' if site else ''}"
                yield Flow(label, (), site, *path, examples, listed=(listed,), more=more)
            else:
                for place, named in callers.group_by_site(listed.further).items():
                    sources = dict.fromkeys(source for found in named.values() for source in found)
                    yield Flow("", tuple(named), place, *path, tuple(sources))
    listed_networks = callers.list_unknown(rule, listener.families)
    if listed_networks and listed_networks.number:
        label = _count_callers(listed_networks, "network")
        examples, more = callers.lists.choose_examples(listed_networks)
        yield Flow(label, (), None, "", None, (), (), examples, listed=(listed_networks,), more=more)
    elif listed_networks:
        yield from (_make_network_flow(network) for network, _sources in listed_networks.further)


def _count_callers(listed: Listed, noun: str) -> str:
    return f"{count_noun(listed.callers, noun)}{f', see list {listed.number}' if listed.number else ''}"


def _make_network_flow(network: str) -> Flow:
    return Flow(format_source(network), (), None, "", None, (), (), (network,))


def _list_flows_of_some(node: Node, callers: Callers, listener: Listener, protocol: str, rule: Rule) -> Iterator[Flow]:
    if callers.needs_summary(rule):
        yield from _list_flows_of_many(node, callers, listener, protocol, rule)
        return
    by_path: dict[_PathKind, _Gathered] = {}
    for family in (family for family in FAMILIES if family in listener.families):
        for kind, route in callers.list_routes(node, listener, protocol, family, rule):
            allowed = callers.select_allowed(kind, route, node.host, rule)
            others = [(name, networks) for name, networks in allowed if name != node.name]
            if others:
                path = callers.find_site(kind), route.via, route.mapping.device if route.mapping else None
                by_path.setdefault(path, _Gathered()).add(route, others)
    for (site, via, device), gathered in by_path.items():
        yield Flow(
            "",
            tuple(sorted(gathered.callers, key=make_natural_key)),
            site,
            via,
            device,
            tuple(gathered.dialled),
            tuple(gathered.arrives),
            tuple(gathered.sources),
        )
    known = {source for gathered in by_path.values() for source in gathered.sources} | set(list_own_sources(node.host))
    for network in rule.networks:
        if network not in known and find_family(network) in listener.families:
            yield _make_network_flow(network)


def list_own_sources(host: Host) -> Iterator[str]:
    """Yield all networks that a node may see as the source of a host."""
    own = [host.address, host.vpn]
    addresses = [text for kind in own for family in FAMILIES if (text := kind.select(family))]
    addresses += [mapping.hairpin_source for mapping in host.nat if mapping.hairpin_source]
    addresses += [mapping.outside for mapping in host.nat]
    addresses += [source for _network, source in host.networks if source]
    yield from (f"{address}/{128 if ':' in address else 32}" for address in addresses)
    yield from host.egress


def _list_flows_of_anyone(node: Node, listener: Listener, protocol: str) -> Iterator[Flow]:
    """Yield the flows to a port that allows any source: to the node's addresses, and through its mappings."""
    families = [family for family in FAMILIES if family in listener.families]
    mapped = [(mapping, inside, port) for mapping in node.host.nat
              if (inside := node.host.find_inside(mapping)) and mapping.family in families
              and listener.bound in (None, inside) and (port := mapping.find_outside_port(protocol, listener.port))]  # fmt: skip
    behind = bool(node.host.nat or node.host.egress)
    local = [Endpoint(address, listener.port) for family in families
             if (address := choose_local_address(node.host, make_service(listener, protocol), family))]  # fmt: skip
    if local:
        label = f"{ANYONE} at site {node.site}" if behind else ANYONE
        yield Flow(label, (), node.site if behind else None, "local", None, tuple(local), tuple(local), ())
    vpn = [Endpoint(address, listener.port) for family in families
           if (address := node.host.vpn.select(family)) and listener.bound in (None, address)]  # fmt: skip
    if vpn:
        yield Flow(f"{ANYONE} on the VPN", (), None, "vpn", None, tuple(vpn), tuple(vpn), ())
    for mapping, inside, port in mapped:
        sites = f" at {join_words(mapping.sites)}" if mapping.sites else ""
        dialled, arrives = Endpoint(mapping.outside, port), Endpoint(inside, listener.port)
        yield Flow(f"{ANYONE}{sites}", (), None, "nat", mapping.device, (dialled,), (arrives,), ())


def format_source(network: str) -> str:
    """Return a network as text for people: a single address without its prefix length."""
    return network.removesuffix("/32") if find_family(network) == 4 else network.removesuffix("/128")

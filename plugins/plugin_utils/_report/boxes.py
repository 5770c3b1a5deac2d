# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The content of the picture of a fleet: the nodes of each site. In a large fleet equivalent nodes share a box."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import (
    Callers,
    Flow,
    Port,
    group_ports,
    list_group_flows,
    list_hosts,
    list_ports,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.modes import name_mode
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, make_natural_key

# Up to this number of nodes each node has its own box. In larger fleets equivalent nodes share a box.
_SINGLE = 12
# With more boxes the picture would be illegible. The tables have every node.
MOST_BOXES = 60
STAGED = "staged: drops nothing"
# More networks that the inventory gives as text share an arrow.
_MOST_NETWORKS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """Ports of a listener with the same flows. ``marks`` are the problems that a verification or drift found."""

    listener: str
    ports: tuple[str, ...]
    numbers: tuple[int, ...]
    loopback: bool
    flows: tuple[Flow, ...]
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or several equivalent nodes with the addresses of the first. ``marks`` are problems of no single port."""

    nodes: tuple[str, ...]
    site: str
    about: tuple[str, ...]
    rows: tuple[Row, ...]
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """A site with its boxes, and the names of its hosts that are not nodes."""

    name: str
    nodes: int
    others: tuple[str, ...]
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Fleet:
    """All sites. ``hidden`` is the number of nodes that are not in the picture."""

    sites: tuple[Site, ...]
    hidden: int


def make_fleet(plan: Mapping[str, Any]) -> Fleet:
    """Return the content of the picture of a plan."""
    groups = group_nodes(plan)
    hosts = list_hosts(plan)
    callers = Callers(hosts, plan["sets"])
    boxes = [_make_box(plan, group, callers) for group in groups[:MOST_BOXES]]
    names = dict.fromkeys(sorted({host.site for host in hosts}, key=make_natural_key))
    sites = tuple(_make_site(name, boxes, hosts, plan) for name in names)
    return Fleet(tuple(site for site in sites if site.boxes), sum(len(group) for group in groups[MOST_BOXES:]))


def _make_site(name: str, boxes: Iterable[Box], hosts: Iterable[Host], plan: Mapping[str, Any]) -> Site:
    others = tuple(host.name for host in hosts if host.site == name and host.name not in plan["nodes"])
    nodes = sum(node["site"] == name for node in plan["nodes"].values())
    return Site(name, nodes, others, tuple(box for box in boxes if box.site == name))


def group_nodes(plan: Mapping[str, Any]) -> list[list[Node]]:
    """Return the nodes in groups of equivalent nodes; in a small fleet each node is a group."""
    nodes = [get_node(plan, name) for name in sorted(plan["nodes"], key=make_natural_key)]
    if len(nodes) <= _SINGLE:
        return [[node] for node in nodes]
    groups: dict[Hashable, list[Node]] = {}
    for node in nodes:
        groups.setdefault(_make_equivalence_key(node, plan), []).append(node)
    return list(groups.values())


def _make_equivalence_key(node: Node, plan: Mapping[str, Any]) -> Hashable:
    """Return the properties that are equal for equivalent nodes: all except their addresses."""
    listeners = tuple(
        (
            listener.name,
            listener.port,
            listener.protocols,
            listener.flags,
            "own" if listener.bound and not listener.is_loopback else listener.address,
        )
        for listener in node.reachable
    )
    allow = plan["nodes"][node.name]["ruleset"]["allow"]
    sources = tuple(entry["sources"] if entry["sources"] == "any" else tuple(entry["sources"]) for entry in allow)
    nat = tuple(
        (mapping.device == mapping.outside or mapping.device, mapping.inside_port, mapping.protocols, mapping.sites)
        for mapping in node.host.nat
    )
    vpn = tuple(bool(text) for text in node.host.vpn.as_dict().values())
    mode = name_mode(plan["nodes"][node.name])
    return node.site, node.cluster, node.version, node.role, listeners, sources, nat, vpn, mode


def _make_box(plan: Mapping[str, Any], group: Sequence[Node], callers: Callers) -> Box:
    first = group[0]
    rows = tuple(_make_rows(list_ports(plan, first, callers)))
    if len(group) > 1:
        rows = tuple(
            replace(row, flows=tuple(_note_further_nodes(flow, len(group)) for flow in row.flows)) for row in rows
        )
    return Box(tuple(node.name for node in group), first.site, _describe_group(group), rows)


def _note_further_nodes(flow: Flow, count: int) -> Flow:
    """Return a flow with the number of further nodes in the box, which have their own addresses."""
    return replace(flow, also=count - 1)


def _describe_group(group: Sequence[Node]) -> tuple[str, ...]:
    first = group[0]
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    addresses = ", ".join(text for text in first.host.address.as_dict().values() if text)
    advertised = (f"advertises {first.advertised}{more}",) if first.advertised else ()
    staged = (STAGED,) if first.staged else ()
    return (
        f"{addresses}{more}",
        f"Kong {first.version}, {first.role}",
        f"cluster {first.cluster}",
        *advertised,
        *staged,
    )


def _make_rows(ports: Sequence[Port]) -> Iterator[Row]:
    """Yield a row for each group of ports."""
    for group in group_ports(ports):
        first = group[0]
        numbers = tuple(port.port for port in group)
        flows = tuple(_join_networks(list_group_flows(group)))
        yield Row(first.listener, tuple(map(format_port, group)), numbers, first.loopback, flows)


def _join_networks(flows: Sequence[Flow]) -> Iterator[Flow]:
    """Yield the flows. Many networks share a flow."""
    networks = [flow for flow in flows if flow.is_network]
    yield from (flow for flow in flows if len(networks) <= _MOST_NETWORKS or not flow.is_network)
    if len(networks) > _MOST_NETWORKS:
        sources = tuple(source for flow in networks for source in flow.sources)
        yield replace(networks[0], label=count_noun(len(networks), "network"), sources=sources)


def format_port(port: Port, flags: Collection[str] = ("ssl",)) -> str:
    """Return the number of a port, its protocols, and those of the flags that it has."""
    return " ".join((f"{port.port}/{'+'.join(port.protocols)}", *(flag for flag in port.flags if flag in flags)))


def format_endpoints(endpoints: Sequence[Endpoint]) -> str:
    """Return endpoints as text for people, each address once: ``10.0.0.1:8000, :8443``."""
    return ", ".join(format_addresses(endpoints))


def format_addresses(endpoints: Sequence[Endpoint]) -> list[str]:
    """Return a text for each address of endpoints, with all its ports."""
    by_address: dict[str, list[str]] = {}
    for endpoint in endpoints:
        ports = by_address.setdefault(endpoint.address, [])
        ports.append(f":{endpoint.port}" if ports else str(endpoint))
    return [", ".join(ports) for ports in by_address.values()]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the picture of a fleet shows: for each site its nodes, where those are many the alike ones as one box."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import (
    Callers,
    Flow,
    Port,
    plan_hosts,
    ports_of,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import planned_node

# Up to so many nodes each has a box of its own; beyond, alike ones share one.
_SINGLE = 12
# A picture with more boxes is no picture any more; the tables have every node.
MOST_BOXES = 60


@dataclass(frozen=True, slots=True)
class Row:
    """Ports of one listener that are reached in the same ways; ``differs`` counts what a verification met otherwise."""

    listener: str
    ports: tuple[str, ...]
    numbers: tuple[int, ...]
    loopback: bool
    flows: tuple[Flow, ...]
    differs: int = 0


@dataclass(frozen=True, slots=True)
class Box:
    """One node, or several that are alike; what is said of addresses is then that of the first."""

    nodes: tuple[str, ...]
    site: str
    about: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A site with its boxes, and the names of its hosts that are no nodes."""

    name: str
    nodes: int
    others: tuple[str, ...]
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Fleet:
    """All sites; ``hidden`` counts the nodes that found no room."""

    sites: tuple[Site, ...]
    hidden: int


def fleet_of(plan: Mapping[str, Any]) -> Fleet:
    """Return what the picture of a plan shows."""
    groups = _groups([planned_node(plan, name) for name in plan["nodes"]], plan)
    hosts = plan_hosts(plan)
    callers = Callers(hosts)
    boxes = [_box(plan, group, callers) for group in groups[:MOST_BOXES]]
    names = dict.fromkeys(sorted({host.site for host in hosts}))
    sites = tuple(_site(name, boxes, hosts, plan) for name in names)
    return Fleet(tuple(site for site in sites if site.boxes), sum(len(group) for group in groups[MOST_BOXES:]))


def _site(name: str, boxes: Iterable[Box], hosts: Iterable[Host], plan: Mapping[str, Any]) -> Site:
    others = tuple(host.name for host in hosts if host.site == name and host.name not in plan["nodes"])
    nodes = sum(node["site"] == name for node in plan["nodes"].values())
    return Site(name, nodes, others, tuple(box for box in boxes if box.site == name))


def _groups(nodes: Sequence[Node], plan: Mapping[str, Any]) -> list[list[Node]]:
    if len(nodes) <= _SINGLE:
        return [[node] for node in nodes]
    groups: dict[Hashable, list[Node]] = {}
    for node in nodes:
        groups.setdefault(_likeness(node, plan), []).append(node)
    return list(groups.values())


def _likeness(node: Node, plan: Mapping[str, Any]) -> Hashable:
    """Return what alike nodes have in common: everything but their addresses."""
    listeners = tuple(
        (one.name, one.port, one.protocols, one.flags, "own" if one.bound and not one.is_loopback else one.address)
        for one in node.reachable
    )
    allow = plan["nodes"][node.name]["ruleset"]["allow"]
    sources = tuple(one["sources"] if one["sources"] == "any" else tuple(one["sources"]) for one in allow)
    nat = tuple((one.device == one.outside or one.device, one.inside_port, one.protocols, one.sites)
                for one in node.host.nat)  # fmt: skip
    vpn = tuple(bool(text) for text in node.host.vpn.as_dict().values())
    return node.site, node.cluster, node.version, node.role, listeners, sources, nat, vpn


def _box(plan: Mapping[str, Any], group: Sequence[Node], callers: Callers) -> Box:
    first = group[0]
    rows = _rows(ports_of(plan, first, callers))
    if len(group) > 1:
        rows = tuple(replace(row, flows=tuple(_of_many(flow, len(group)) for flow in row.flows)) for row in rows)
    return Box(tuple(node.name for node in group), first.site, _about(group), rows)


def _of_many(flow: Flow, count: int) -> Flow:
    """Say of a flow's addresses that each node of the box has its own: only the first's stand for all."""
    return replace(flow, also=count - 1)


def _about(group: Sequence[Node]) -> tuple[str, ...]:
    first = group[0]
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    addresses = ", ".join(text for text in first.host.address.as_dict().values() if text)
    advertised = (f"advertises {first.advertised}{more}",) if first.advertised else ()
    return (f"{addresses}{more}", f"Kong {first.version}, {first.role}", f"cluster {first.cluster}", *advertised)


def _rows(ports: Sequence[Port]) -> tuple[Row, ...]:
    """Put ports of one listener together that are reached in the same ways, but for the port that is dialled."""
    rows: dict[Hashable, Row] = {}
    for port in ports:
        key = port.listener, port.loopback, port.protocols, tuple(_way(flow) for flow in port.flows)
        text = " ".join((f"{port.port}/{'+'.join(port.protocols)}", *(flag for flag in port.flags if flag == "ssl")))
        row = rows.get(key)
        if row is None:
            rows[key] = Row(port.listener, (text,), (port.port,), port.loopback, port.flows)
        else:
            flows = tuple(_joined(first, second) for first, second in zip(row.flows, port.flows, strict=True))
            rows[key] = replace(row, ports=(*row.ports, text), numbers=(*row.numbers, port.port), flows=flows)
    return tuple(rows.values())


def _way(flow: Flow) -> Hashable:
    return flow.who, flow.callers, flow.via, flow.device, flow.seen


def _joined(first: Flow, second: Flow) -> Flow:
    dialled, arrives = (tuple(dict.fromkeys((*one, *other)))
                        for one, other in ((first.dialled, second.dialled), (first.arrives, second.arrives)))  # fmt: skip
    return replace(first, dialled=dialled, arrives=arrives)


def endpoints_text(endpoints: Sequence[Endpoint]) -> str:
    """Return endpoints as people write them, an address once: ``10.0.0.1:8000, :8443``."""
    parts: list[str] = []
    last = None
    for one in endpoints:
        parts.append(f":{one.port}" if one.address == last else str(one))
        last = one.address
    return ", ".join(parts)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sections of a report that depend on the plan only: findings, NAT forwards, ports and connections."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import CODES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import FindingGroup, group_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.access import ONLY_ITSELF
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import (
    Callers,
    Flow,
    Port,
    format_source,
    group_ports,
    list_group_flows,
    list_ports,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.forward_sources import (
    list_forward_callers,
    list_forward_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.modes import DROPPED, list_staged, name_mode
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import (
    format_endpoints,
    format_port,
    group_nodes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.lists import make_listed_cell
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    MUTED,
    WARN,
    Cell,
    Section,
    Table,
    make_cells,
    make_names_cell,
    make_table,
    make_text_table,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.nodes import make_node_anchors
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, list_ranges, make_natural_key

_TONES = {"error": BAD, "warning": WARN, "info": MUTED}


def make_findings_section(findings: Sequence[Mapping[str, Any]]) -> Section:
    """Return the findings of the compiler, and the meanings of their codes."""
    if not findings:
        return Section("findings", "Findings", (Cell("No findings."),))
    rows = [_make_finding_row(group) for group in group_findings(findings)]
    codes = [code for code in dict.fromkeys(finding["code"] for finding in findings) if code in CODES]
    explained = make_text_table(
        "Meanings of the codes",
        ("code", "meaning", "fix"),
        [(Cell(code, link=f"#code-{code}"), *make_cells(*CODES[code].format_plain())) for code in codes],
    )
    tables = (make_text_table("", ("severity", "code", "hosts", "message"), rows), explained)
    return Section("findings", "Findings", (), tables)


def _make_finding_row(group: FindingGroup) -> tuple[Cell, ...]:
    severity, code = group.shown["severity"], group.shown["code"]
    facts = tuple(group.list_facts())
    return make_cells(
        Cell(severity, _TONES.get(severity, "")),
        Cell(code, link=f"code-{code}" if code in CODES else ""),
        make_names_cell(group.shown["hosts"]),
        Cell(f"{group.text.rstrip('. ')}." if facts else group.text, items=facts),
    )


def make_forwards_section(plan: Mapping[str, Any], callers: Callers) -> Section:
    """Return the forwards that each NAT device needs, a table for each device."""
    forwards = sorted(plan["nat_forwards"], key=lambda forward: make_natural_key(forward["device"]))
    tables = [
        make_table(
            device,
            (
                "outside",
                "protocol",
                "inside",
                "node",
                "listener",
                "sources, as the node sees them",
                "hairpin",
            ),
            _make_forward_rows(plan, forwards_of_device, callers),
        )
        for device, forwards_of_device in groupby(forwards, key=lambda forward: forward["device"])
    ]
    intro = (
        "For the operators of the NAT devices. A device must not change sources (no source NAT), except for a forward with "
        "hairpin: hosts of the node's own site dial the outside address, and the device must send their packets back inside."
        if tables
        else "No forwards are needed."
    )
    return Section("forwards", "NAT forwards", (Cell(intro),), tuple(tables))


def _make_forward_rows(
    plan: Mapping[str, Any], forwards: Iterable[Mapping[str, Any]], callers: Callers
) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows of a device. Forwards that differ in their protocols or ports only share a row."""
    protocols: dict[tuple[tuple[Cell, ...], Endpoint, Endpoint], list[str]] = {}
    for forward in forwards:
        outside = Endpoint(forward["outside"], forward["outside_port"])
        inside = Endpoint(forward["inside"], forward["inside_port"])
        sources = _make_sources_cell(plan, forward, callers)
        cells = make_cells(forward["node"], forward["listener"], sources, "yes" if forward["hairpin"] else "no")
        protocols.setdefault((cells, outside, inside), []).append(forward["protocol"])
    endpoints: dict[tuple[tuple[Cell, ...], str, str, str], list[tuple[Endpoint, Endpoint]]] = {}
    for (cells, outside, inside), names in protocols.items():
        key = cells, "+".join(names), outside.address, inside.address
        endpoints.setdefault(key, []).append((outside, inside))
    for (cells, protocol, *_addresses), pairs in endpoints.items():
        outsides, insides = ([pair[side] for pair in pairs] for side in (0, 1))
        yield (*make_cells(format_endpoints(outsides), protocol, format_endpoints(insides)), *cells)


def _make_sources_cell(plan: Mapping[str, Any], forward: Mapping[str, Any], callers: Callers) -> Cell:
    listed = list_forward_callers(plan, forward, callers)
    if listed:
        return make_listed_cell(listed)
    sources = tuple(list_forward_sources(plan, forward, callers))
    return Cell("", items=sources) if sources else Cell("no source", MUTED)


_EVERY_ADDRESS = "any address of the node"
# The callers of more sites on one path share a row.
_MOST_SITES = 4
# The flags of a port that a caller must know.
_CALLER_FLAGS = ("ssl", "http2", "proxy_protocol")
_PORT_COLUMNS = ("listener", "port", "listens on", "allowed sources", "dials", "through", "source address")


def make_ports_section(plan: Mapping[str, Any], callers: Callers) -> Section:
    """Return the ports and connections of each node."""
    intro = (
        "The ports of each node, the allowed sources, the addresses that they dial, and the source addresses that the node "
        "sees. All other remote sources are dropped."
    )
    tables = []
    anchors = make_node_anchors(plan)
    groups = [[node.name for node in group] for group in group_nodes(plan)]
    equivalent = {name: group for group in groups for name in group}
    for name, anchor in anchors.items():
        node = get_node(plan, name)
        rows = [row for group in _group_by_address(list_ports(plan, node, callers)) for row in _make_port_rows(group)]
        first, *others = equivalent[name]
        notes = [*_describe_node(plan["nodes"][name], node.advertised)]
        if others and name == first:
            notes.append(
                f"Equivalent nodes, each with its own addresses (not in print): {', '.join(list_ranges(others))}."
            )
        tables.append(Table(name, _PORT_COLUMNS, tuple(rows), anchor, tuple(notes), is_printed=name == first))
    return Section("ports", "Ports and connections", (Cell(intro),), tuple(tables))


def _describe_node(node: Mapping[str, Any], advertised: Endpoint | None) -> Iterator[str]:
    addresses = ", ".join(text for text in node["address"].values() if text)
    vpn = ", ".join(text for text in node["vpn_address"].values() if text)
    virtual = ", ".join(node.get("virtual_addresses", ()))
    mode = name_mode(node)
    yield (
        f"Site {node['site']}, cluster {node['cluster']}, Kong {node['version']}, {node['role']}; address {addresses}"
        + (f"; on the VPN {vpn}" if vpn else "")
        + (f"; may hold {virtual}" if virtual else "")
        + (f"; advertises {advertised}" if advertised else "")
        + (f"; packets of other sources: {mode}" if mode != DROPPED else "")
    )


def _group_by_address(ports: Sequence[Port]) -> Iterator[list[Port]]:
    """Yield the groups of ports that listen on the same addresses."""
    for group in group_ports(ports):
        yield from ([*same] for _addresses, same in groupby(group, key=lambda port: port.addresses))


def _make_port_rows(group: Sequence[Port]) -> Iterator[tuple[Cell, ...]]:
    head = (
        group[0].listener,
        ", ".join(format_port(port, _CALLER_FLAGS) for port in group),
        ", ".join(group[0].addresses),
    )
    flows = list_group_flows(group)
    if not flows:
        yield make_cells(*head, Cell(ONLY_ITSELF, MUTED), "", "", "")
    for index, cells in enumerate(_make_flow_rows(flows)):
        yield make_cells(*(head if index == 0 else ("", "", "")), *cells)


def _make_flow_rows(flows: Sequence[Flow]) -> Iterator[tuple[str | Cell, ...]]:
    """Yield the cells of the flows. Networks share a row, and so do the callers of many sites on the same path."""
    groups: dict[Hashable, list[Flow]] = {}
    for flow in flows:
        key = (flow.is_network, flow.via, flow.device, flow.dialled, bool(flow.callers), flow.listed)
        groups.setdefault(key, []).append(flow)
    for group in groups.values():
        if group[0].is_network or (group[0].callers and len(group) > _MOST_SITES):
            yield _make_shared_cells(group)
        else:
            yield from map(_make_flow_cells, group)


def _make_shared_cells(flows: Sequence[Flow]) -> tuple[str | Cell, ...]:
    """Return the cells of flows on one path, each with its source addresses in the list."""
    named = [(f"{', '.join(flow.callers)} at {flow.site}", map(format_source, flow.sources)) for flow in flows]
    if flows[0].is_network:
        items, sources = [flow.label for flow in flows], "the same"
    else:
        items, sources = [f"{names} ({', '.join(found)})" for names, found in named], "in the list"
    dialled = format_endpoints(flows[0].dialled) or _EVERY_ADDRESS
    return Cell("", items=tuple(items)), dialled, format_path(flows[0]), sources


def _make_flow_cells(flow: Flow) -> tuple[str | Cell, ...]:
    if flow.listed:
        listed = make_listed_cell(flow.listed, f"{flow.label}:" if len(flow.listed) > 1 else "")
        dialled = format_endpoints(flow.dialled) or _EVERY_ADDRESS
        return listed, dialled, format_path(flow), "in the list"
    allowed = Cell(f"site {flow.site}:", items=flow.callers) if flow.callers else flow.label
    sources = Cell("", items=tuple(map(format_source, flow.sources))) if flow.sources else "any address"
    return allowed, format_endpoints(flow.dialled) or _EVERY_ADDRESS, format_path(flow), sources


def format_path(flow: Flow) -> str:
    """Return the NAT device, VPN or NAT between the caller and the node as text, empty for a direct path."""
    if flow.device:
        return f"{flow.device} (hairpin)" if flow.via == "hairpin" else flow.device
    return {"vpn": "the VPN", "nat": "its own NAT"}.get(flow.via, "")


def summarise_plan(plan: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    """Yield short facts about a plan."""
    nodes = plan["nodes"].values()
    sites = len({node["site"] for node in nodes})
    clusters = len({node["cluster"] for node in nodes})
    yield (
        "fleet",
        Cell(f"{count_noun(len(nodes), 'node')}, {count_noun(sites, 'site')}, {count_noun(clusters, 'cluster')}"),
    )
    yield "Kong", Cell(", ".join(sorted({str(node["version"]) for node in nodes}, key=make_natural_key)))
    if staged := list_staged(plan):
        yield (
            "staged",
            Cell(f"{count_noun(len(staged), 'node')} {'drops' if len(staged) == 1 else 'drop'} nothing", WARN),
        )
    devices = len({forward["device"] for forward in plan["nat_forwards"]})
    yield (
        "NAT",
        Cell(
            f"{count_noun(len(plan['nat_forwards']), 'forward')} on {count_noun(devices, 'device')}"
            if devices
            else "no forwards"
        ),
    )
    severe = group_findings(finding for finding in plan["findings"] if finding["severity"] != "info")
    yield (
        "findings",
        Cell(count_noun(len(severe), "warning"), WARN, "findings")
        if severe
        else Cell("no warnings", "good", "findings"),
    )

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sections of a report that the plan alone fills: findings, NAT forwards, ports and connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import CODES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import (
    Callers,
    Flow,
    Port,
    plan_hosts,
    ports_of,
    shown_source,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import planned_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import endpoints_text
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    MUTED,
    WARN,
    Cell,
    Section,
    Table,
    cells,
    table,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import counted, listed, name_ranges

_TONES = {"error": BAD, "warning": WARN, "info": MUTED}
_SHOWN = 8


def findings_section(findings: Sequence[Mapping[str, Any]]) -> Section:
    """Return the findings of the compiler, and the meanings of their codes."""
    if not findings:
        return Section("findings", "Findings", (Cell("No findings."),))
    rows = [
        cells(
            Cell(finding["severity"], _TONES.get(finding["severity"], "")),
            Cell(finding["code"], link=f"code-{finding['code']}" if finding["code"] in CODES else ""),
            name_ranges(finding["hosts"]),
            finding["message"],
        )
        for finding in findings
    ]
    codes = [code for code in dict.fromkeys(finding["code"] for finding in findings) if code in CODES]
    explained = Table(
        "What the codes mean",
        ("code", "meaning", "fix"),
        tuple((Cell(code, link=f"#code-{code}"), *cells(*CODES[code].plain())) for code in codes),
    )
    return Section("findings", "Findings", (), (table("", ("severity", "code", "hosts", "message"), rows), explained))


def forwards_section(plan: Mapping[str, Any]) -> Section:
    """Return what each NAT device must forward, a table for whoever runs it."""
    forwards = sorted(plan["nat_forwards"], key=lambda one: one["device"])
    tables = [
        table(
            device,
            (
                "outside",
                "protocol",
                "inside",
                "node",
                "listener",
                "who comes through, as the node sees them",
                "hairpin",
            ),
            [_forward_row(plan, one) for one in mine],
        )
        for device, mine in groupby(forwards, key=lambda one: one["device"])
    ]
    intro = (
        "For whoever runs the NAT devices. Sources stay as they are (no source NAT), except where the table says hairpin: "
        "there hosts of the node's own site dial the outside address, and the device must send their packets back inside."
        if tables
        else "No NAT device has to forward anything."
    )
    return Section("forwards", "NAT forwards", (Cell(intro),), tuple(tables))


def _forward_row(plan: Mapping[str, Any], one: Mapping[str, Any]) -> tuple[Cell, ...]:
    return cells(
        str(Endpoint(one["outside"], one["outside_port"])),
        one["protocol"],
        str(Endpoint(one["inside"], one["inside_port"])),
        one["node"],
        one["listener"],
        _sources_text(plan, one["sources"]),
        "yes" if one["hairpin"] else "no",
    )


def _sources_text(plan: Mapping[str, Any], sources: str | Sequence[str]) -> str:
    if isinstance(sources, str):
        return "anyone"
    networks = [text for name in sources for family in ("ipv4", "ipv6") for text in plan["sets"][name][family]]
    return listed([shown_source(text) for text in networks], _SHOWN) or "nobody"


def ports_section(plan: Mapping[str, Any]) -> Section:
    """Return the ports and connections of each node."""
    callers = Callers(plan_hosts(plan))
    intro = (
        "What each node opens, who may connect to it, what they dial and what the node sees. Everybody else is refused."
    )
    tables = []
    for name in plan["nodes"]:
        node = planned_node(plan, name)
        rows = [row for port in ports_of(plan, node, callers) for row in _port_rows(port)]
        tables.append(
            Table(name, ("listener", "port", "listens on", "who may connect", "dials", "through", "seen as"),
                  tuple(rows), notes=tuple(_about(plan["nodes"][name], node.advertised)))
        )  # fmt: skip
    return Section("ports", "Ports and connections", (Cell(intro),), tuple(tables))


def _about(node: Mapping[str, Any], advertised: Endpoint | None) -> Iterator[str]:
    addresses = ", ".join(text for text in node["address"].values() if text)
    vpn = ", ".join(text for text in node["vpn_address"].values() if text)
    yield (
        f"Site {node['site']}, cluster {node['cluster']}, Kong {node['version']}, {node['role']}; address {addresses}"
        + (f"; on the VPN {vpn}" if vpn else "")
        + (f"; advertises {advertised}" if advertised else "")
    )


def _port_rows(port: Port) -> Iterator[tuple[Cell, ...]]:
    head = (
        port.listener,
        " ".join((f"{port.port}/{'+'.join(port.protocols)}", *port.flags)),
        ", ".join(port.addresses),
    )
    if not port.flows:
        yield cells(*head, Cell("nobody but the node itself", MUTED), "", "", "")
    for index, flow in enumerate(port.flows):
        yield cells(*(head if index == 0 else ("", "", "")), *_flow_cells(flow))


def _flow_cells(flow: Flow) -> tuple[str, ...]:
    who = f"{listed(flow.callers, _SHOWN)} (site {flow.site})" if flow.callers else flow.who
    seen = listed([shown_source(one) for one in flow.seen], _SHOWN) if flow.seen else "whatever it is"
    return who, endpoints_text(flow.dialled) or "any address of the node", way_text(flow), seen


def way_text(flow: Flow) -> str:
    """Return in words what lies between."""
    if flow.device:
        return f"{flow.device} (hairpin)" if flow.via == "hairpin" else flow.device
    return {"vpn": "the VPN", "nat": "its own NAT"}.get(flow.via, "")


def summary_of(plan: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    """Yield the facts of a plan in short."""
    nodes = plan["nodes"].values()
    sites = len({node["site"] for node in nodes})
    clusters = len({node["cluster"] for node in nodes})
    yield "fleet", Cell(f"{counted(len(nodes), 'node')}, {counted(sites, 'site')}, {counted(clusters, 'cluster')}")
    yield "Kong", Cell(", ".join(sorted({str(node["version"]) for node in nodes})))
    devices = len({one["device"] for one in plan["nat_forwards"]})
    yield (
        "NAT",
        Cell(
            f"{counted(len(plan['nat_forwards']), 'forward')} on {counted(devices, 'device')}"
            if devices
            else "no forwards"
        ),
    )
    severe = [one for one in plan["findings"] if one["severity"] != "info"]
    yield (
        "findings",
        Cell(counted(len(severe), "warning"), WARN, "findings") if severe else Cell("no warnings", "good", "findings"),
    )

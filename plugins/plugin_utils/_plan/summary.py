# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as text for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import format_finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.pf_rules import format_interception
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import list_rules, list_source_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, make_natural_key

# Beyond this a terminal is the wrong place; the plan file has everything.
_SHOWN_NODES = 50
_SHOWN_SOURCES = 4
_SHOWN_FINDINGS = 10


def format_plan(plan: Mapping[str, Any]) -> list[str]:
    """Return a plan as lines: nodes, allowed sources, intercepted packets, NAT forwards and findings."""
    shown = sorted(plan["nodes"], key=make_natural_key)[:_SHOWN_NODES]
    hidden = len(plan["nodes"]) - len(shown)
    more = [f"{hidden} more nodes are in the plan file.", ""] if hidden else []
    return [
        f"The plan: {count_noun(len(plan['nodes']), 'Kong node')}",
        "",
        *render_table(
            ["node", "site", "cluster", "Kong", "role", "address", "to its cluster"], _make_node_rows(plan, shown)
        ),
        "",
        "Allowed sources (all other remote sources are dropped):",
        "",
        *render_table(["node", "listener", "port", "sources"], _make_rule_rows(plan, shown)),
        "",
        *more,
        *format_interception(plan, shown),
        *_format_forwards(plan),
        *(format_findings(plan["findings"]) or ["No findings."]),
    ]


def _make_node_rows(plan: Mapping[str, Any], names: Sequence[str]) -> Iterator[list[str]]:
    for name in names:
        node = plan["nodes"][name]
        address = " ".join(text for text in node["address"].values() if text)
        joins = _to_its_cluster(node["settings"], node["role"])
        yield [name, node["site"], node["cluster"], node["version"], node["role"], address, joins]


def _to_its_cluster(settings: Mapping[str, str], role: str) -> str:
    if role == "data_plane":
        return f"dials {settings['cluster_control_plane']}"
    advertised = settings.get("cluster_advertise") or settings.get("cluster.advertise")
    return f"advertises {advertised}" if advertised else "-"


def _make_rule_rows(plan: Mapping[str, Any], names: Sequence[str]) -> Iterator[list[str]]:
    for name in names:
        for rule in list_rules(plan, name):
            published = " published" if rule.get("published") else ""
            where = f"{rule['address'] or 'every address'} {rule['port']}/{rule['protocol']}{published}"
            yield [name, rule["listener"], where, _shorten(rule["sources"])]


def _shorten(sources: str | list[str]) -> str:
    if isinstance(sources, str):
        return "anyone"
    listed = [source.removesuffix("/32").removesuffix("/128") for source in sources[:_SHOWN_SOURCES]]
    more = len(sources) - len(listed)
    return ", ".join(listed) + (f" and {more} more" if more else "") or "nobody"


def _format_forwards(plan: Mapping[str, Any]) -> list[str]:
    if not plan["nat_forwards"]:
        return []
    header = ["NAT device", "outside", "inside", "node", "listener", "from", "hairpin"]
    rows = [
        [
            forward["device"],
            f"{Endpoint(forward['outside'], forward['outside_port'])}/{forward['protocol']}",
            str(Endpoint(forward["inside"], forward["inside_port"])),
            forward["node"],
            forward["listener"],
            _shorten(list_source_networks(plan, forward["sources"])),
            "yes" if forward["hairpin"] else "no",
        ]
        for forward in plan["nat_forwards"]
    ]
    return ["Forwards that the NAT devices need:", "", *render_table(header, rows), ""]


def format_findings(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the findings of a plan as lines; of very many, the first."""
    more = len(findings) - _SHOWN_FINDINGS
    lines = [f"- {finding['severity']}: {format_finding(finding)}" for finding in findings[:_SHOWN_FINDINGS]]
    return lines + ([f"{count_noun(more, 'more finding')} in the report (kong_report_path)."] if more > 0 else [])

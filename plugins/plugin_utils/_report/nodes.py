# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The index of the nodes: a link to the table of each node, and its problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import INFO
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.certificates import is_open_admin
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    MUTED,
    WARN,
    Cell,
    Section,
    make_cells,
    make_table,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import Outcome, differs
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, make_natural_key


def make_node_anchors(plan: Mapping[str, Any]) -> dict[str, str]:
    """Return the anchor of the table of each node, in natural order of the names."""
    return {name: f"node-{index}" for index, name in enumerate(sorted(plan["nodes"], key=make_natural_key))}


def make_nodes_section(
    plan: Mapping[str, Any], outcomes: Sequence[Outcome], drift: Mapping[str, Any] | None
) -> Section:
    """Return the index of the nodes. Nodes with problems are first, then nodes with warnings."""
    results: dict[str, list[Outcome]] = {}
    warnings = _list_warnings(plan["findings"])
    for outcome in outcomes:
        results.setdefault(outcome["to"], []).append(outcome)
    rows = []
    for name, anchor in make_node_anchors(plan).items():
        node = plan["nodes"][name]
        problems = [*_list_problems(results.get(name, ()), (drift or {"nodes": {}})["nodes"].get(name, {}))]
        codes = [*warnings.get(name, ())]
        noted = [f"{count_noun(len(codes), 'warning')}: {', '.join(codes)}"] if codes else []
        tone = BAD if problems else WARN if codes else MUTED
        addresses = ", ".join(text for text in node["address"].values() if text)
        rows.append(
            make_cells(
                Cell(name, link=anchor),
                Cell("; ".join([*([", ".join(problems)] if problems else []), *noted]) or "none known", tone),
                node["site"],
                addresses,
                f"{node['version']}, {node['role']}",
            )
        )
    rows.sort(key=lambda row: (BAD, WARN, MUTED).index(row[1].tone))
    header = ("node", "problems", "site", "address", "Kong")
    return Section("nodes", "Nodes", (), (make_table("", header, rows),))


def _list_warnings(findings: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, None]]:
    """Return the codes of the warnings about each host, without notes."""
    codes: dict[str, dict[str, None]] = {}
    for finding in findings:
        for host in finding["hosts"] if finding["severity"] != INFO else ():
            codes.setdefault(host, {})[finding["code"]] = None
    return codes


def _list_problems(results: Sequence[Outcome], drift: Mapping[str, Sequence[str]]) -> Iterator[str]:
    different = sum(map(differs, results))
    if different:
        yield f"{count_noun(different, 'result')} not as planned"
    if any(map(is_open_admin, results)):
        yield "Admin API without authentication"
    if any(drift.values()):
        yield "drift"

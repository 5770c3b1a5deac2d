# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drift: the differences between the plan and the state of all nodes, as a table for people or as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escaped_all

FORMAT = 1

PARTS = ("firewall", "listeners", "settings", "interception")

Results = Mapping[str, Mapping[str, Any]]  # by part: the result of the module on one host


@dataclass(frozen=True)
class Drift:
    """Lines of differences by node and part (a member of PARTS), and the nodes that were not checked."""

    nodes: Mapping[str, Mapping[str, tuple[str, ...]]]
    missing: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether any node differs. A node that was not checked is reported, but it is not a difference."""
        return any(lines for parts in self.nodes.values() for lines in parts.values())

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        nodes = {node: {part: list(lines) for part, lines in parts.items()} for node, parts in self.nodes.items()}
        return {"format": FORMAT, "differs": self.differs, "nodes": nodes, "not_looked_at": list(self.missing)}


def gather(plan: Mapping[str, Any], seen: Mapping[str, Results]) -> Drift:
    """Collect the results of the modules on the nodes of a plan. A module that failed is a difference."""
    checked = {node: {part: _lines(part, escaped_all(seen[node][part])) for part in PARTS if part in seen[node]}
              for node in plan["nodes"] if seen.get(node)}  # fmt: skip
    return Drift(checked, tuple(node for node in plan["nodes"] if node not in checked))


def drift_lines(drift: Drift) -> list[str]:
    """Return a table of the differences, the nodes that were not checked, and a count."""
    rows = [
        (node, part, line) for node, parts in drift.nodes.items() for part, lines in parts.items() for line in lines
    ]
    tables = [render_table(("node", "what", "difference"), rows)] if rows else []
    tables += [[f"not checked: {', '.join(drift.missing)}"]] if drift.missing else []
    checked = f"{len(drift.nodes)} of {len(drift.nodes) + len(drift.missing)} nodes checked"
    last = f"{checked}: {_count(len(rows))} from the plan"
    return [*(line for table in tables for line in (*table, "")), last]


def _count(differences: int) -> str:
    return {0: "no difference", 1: "1 difference"}.get(differences, f"{differences} differences")


def _lines(part: str, result: Mapping[str, Any]) -> tuple[str, ...]:
    if part == "settings" and "changed_settings" in result:
        names = result["changed_settings"]
        attributes = ("the file's owner or mode",) if result.get("changed") and not names else ()
        dropped = tuple(f"{result['path']}: this Kong does not know {name}" for name in result.get("unknown", ()))
        return (*(f"{result['path']}: {name} is not as planned" for name in (*names, *attributes)), *dropped)
    if result.get("skipped"):
        return ()  # Kong runs in a container: the host does not have its sockets
    if "report" in result:
        return tuple(result["report"])
    return (f"could not be checked: {result.get('msg', 'the module returned no result')}",)

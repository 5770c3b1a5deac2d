# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was found on each node that is not as planned, together: for people as a table, for programs as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escaped_all

FORMAT = 1

PARTS = ("firewall", "listeners", "settings", "interception")

Results = Mapping[str, Mapping[str, Any]]  # by part: what the module returned on one host


@dataclass(frozen=True)
class Drift:
    """By node and part, one of PARTS, a line for each difference; and the nodes not looked at."""

    nodes: Mapping[str, Mapping[str, tuple[str, ...]]]
    missing: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether any node differs. One that was not looked at is no difference, and is told apart."""
        return any(lines for parts in self.nodes.values() for lines in parts.values())

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        nodes = {node: {part: list(lines) for part, lines in parts.items()} for node, parts in self.nodes.items()}
        return {"format": FORMAT, "differs": self.differs, "nodes": nodes, "not_looked_at": list(self.missing)}


def gather(plan: Mapping[str, Any], seen: Mapping[str, Results]) -> Drift:
    """Put together what the modules returned on the nodes of a plan; a part that failed is a difference."""
    looked = {node: {part: _lines(part, escaped_all(seen[node][part])) for part in PARTS if part in seen[node]}
              for node in plan["nodes"] if seen.get(node)}  # fmt: skip
    return Drift(looked, tuple(node for node in plan["nodes"] if node not in looked))


def drift_lines(drift: Drift) -> list[str]:
    """A table of the differences, and what it stands on."""
    rows = [
        (node, part, line) for node, parts in drift.nodes.items() for part, lines in parts.items() for line in lines
    ]
    tables = [render_table(("node", "what", "difference"), rows)] if rows else []
    tables += [[f"not looked at: {', '.join(drift.missing)}"]] if drift.missing else []
    looked = f"{len(drift.nodes)} of {len(drift.nodes) + len(drift.missing)} nodes looked at"
    last = f"{looked}: {_count(len(rows))} from the plan"
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
        return ()  # of a Kong in a container, whose sockets are not the host's
    if "report" in result:
        return tuple(result["report"])
    return (f"it could not be looked at: {result.get('msg', 'the module gave no answer')}",)

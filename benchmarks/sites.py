# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures the sample of a verification and the report if every node has its own site: the time for each node stays the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from fleet import SITE_KINDS, make_sites

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.sample import choose_sample

PAIRS_OF_A_NODE = 20
GROWTH = 1.5
_HEADINGS = ("nodes", "kind", "sample", "report", "size")
_LEGEND = """\
sample      milliseconds for each node to choose 20 connections for each node; processor time
report      milliseconds for each node to write the report in all its forms; processor time
size        KiB of the report for each node"""


@dataclass(frozen=True)
class SiteCosts:
    """The costs of a node: milliseconds of the sample and of the report, and KiB of the report."""

    nodes: int
    kind: str
    sample: float
    report: float
    size: float


def measure(nodes: int, kind: str) -> SiteCosts:
    """Compile a fleet in this process, and measure its sample and its report."""
    hosts = make_sites(nodes, kind)
    plan = compile_plan(PlainInventory({"kong": list(hosts), "all": list(hosts)}, hosts), "kong").plan
    if plan is None:
        raise SystemExit(f"{kind}: the fleet has no plan")
    started = time.process_time()
    choose_sample(plan, PAIRS_OF_A_NODE * nodes)
    chosen = time.process_time()
    size = sum(len(render(Evidence(plan))) for render in FORMS.values())
    written = time.process_time()
    return SiteCosts(
        nodes, kind, (chosen - started) * 1000 / nodes, (written - chosen) * 1000 / nodes, size / 1024 / nodes
    )


def format_table(costs: Sequence[SiteCosts]) -> str:
    rows = [_HEADINGS, *(_format_row(cost) for cost in costs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, "", _LEGEND])


def _format_row(cost: SiteCosts) -> tuple[str, ...]:
    return str(cost.nodes), cost.kind, f"{cost.sample:.2f}", f"{cost.report:.2f}", f"{cost.size:.1f}"


def list_failures(costs: Sequence[SiteCosts]) -> list[str]:
    """Return a line for each cost of a node that grows with the number of sites."""
    found = []
    for kind in SITE_KINDS:
        fleets = sorted((cost for cost in costs if cost.kind == kind), key=lambda cost: cost.nodes)
        for small, large in pairwise(fleets):
            for noun in ("sample", "report", "size"):
                factor = getattr(large, noun) / getattr(small, noun)
                if factor > GROWTH:
                    found.append(
                        f"{kind}: for each of {large.nodes} nodes {noun} is {factor:.2f} times that of {small.nodes}"
                    )
    return found


def render_markdown(costs: Sequence[SiteCosts]) -> str:
    """Return the documentation of the measurements."""
    return _SECTION.format(table=format_table(costs), growth=GROWTH)


_SECTION = """\
### The sample of a verification, and the report

If every node has its own site, the costs for each node may grow at most {growth:g} times between the two sizes.

```text
{table}
```
"""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report about the plan: a table, and the missed bars."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from fleet import SITE_KINDS, STYLES
from measure import Measurement

RATIO_TO_READ = 1.5
# In smaller fleets the ratio mostly shows the time to import netaddr and jmespath. Larger fleets are judged by growth.
RATIO_NODES = 1000
GROWTH = 5.5
MEMORY = 400 << 20
USE_SECONDS = 0.002
# For twice as many sites, each with one node: the ratios of the times and of the sizes of the plans.
SITES_GROWTH = 2.4
# A shorter time of a plan, in processor seconds, has no bar for its growth: most of it is noise.
LEAST_SECONDS = 0.3

_HEADINGS = (
    "nodes",
    "style",
    "read",
    "plan",
    "plan/read",
    "task",
    "again",
    "use",
    "memory",
    "of plan",
    "plan file",
    "same",
)
_LEGEND = """\
style       literals: every host has all its values; templates: most values are Jinja2 templates in group_vars;
            sites: every node has its own site, in a gossip ring or in hybrid mode
read        a bare read of every kong_* variable through hostvars; processor seconds, median
plan        the whole of kong_plan, including the read; processor seconds, median. Ansible's main process imports the compiler
            before, once in a run, in about 0.1 seconds
plan/read   median of the ratios of neighbouring runs
task        seconds until the user has the plan: fork, kong_plan, and the transfer of the result
again       seconds for a second kong_plan in the same run, which reuses the plan
use         milliseconds in which a host reads its part of the kept plan; processor time, mean
memory      MiB of all processes of ansible-playbook together, peak; of plan: the increase compared with a bare read
plan file   KiB of the plan as a file
same        whether the plan is byte-identical for all of Python's hash seeds"""


def format_table(measured: Sequence[Measurement]) -> str:
    rows = [_HEADINGS, *(_format_row(measurement) for measurement in measured)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    growth = [
        f"5,000 nodes take {factor:.2f} times as long as 1,000 ({style})"
        for style, factor in _compute_growth(measured).items()
    ]
    return "\n".join([*lines, *growth, "", _LEGEND])


def _format_row(fleet: Measurement) -> tuple[str, ...]:
    return (
        str(fleet.nodes),
        fleet.style,
        f"{fleet.read:.2f}",
        f"{fleet.plan:.2f}",
        f"{fleet.ratio:.2f}",
        f"{fleet.waited:.1f}",
        f"{fleet.reused:.1f}",
        f"{fleet.use * 1000:.2f}",
        str(fleet.memory >> 20),
        str((fleet.memory - fleet.bare_memory) >> 20),
        str(fleet.plan_bytes >> 10),
        "yes" if _is_same(fleet) else "NO",
    )


def _is_same(fleet: Measurement) -> bool:
    return len(set(fleet.digests)) == 1


def list_failures(measured: Sequence[Measurement]) -> list[str]:
    """Return a line for each bar that is missed."""
    found = []
    for fleet in measured:
        name = f"{fleet.nodes} nodes, {fleet.style}"
        if fleet.nodes == RATIO_NODES and fleet.style in STYLES and fleet.ratio > RATIO_TO_READ:
            found.append(f"{name}: a plan takes {fleet.ratio:.2f} times a bare read, more than {RATIO_TO_READ:g}")
        if fleet.nodes == RATIO_NODES and fleet.use > USE_SECONDS:
            found.append(
                f"{name}: a host reads its part in {fleet.use * 1000:.2f} ms, more than {USE_SECONDS * 1000:g}"
            )
        if fleet.memory > MEMORY:
            found.append(f"{name}: {fleet.memory >> 20} MiB of memory, more than {MEMORY >> 20}")
        if not _is_same(fleet):
            found.append(f"{name}: the plan differs between two runs")
    for style, factor in _compute_growth(measured).items():
        if factor > GROWTH:
            found.append(f"{style}: 5,000 nodes take {factor:.2f} times as long as 1,000, more than {GROWTH:g}")
    return [*found, *_list_site_failures(measured), *_compare_styles(measured)]


def _compute_growth(measured: Sequence[Measurement]) -> dict[str, float]:
    """Return the ratio of the time for 5,000 nodes to the time for 1,000 nodes, by style, if both were measured."""
    times = {(fleet.style, fleet.nodes): fleet.plan for fleet in measured}
    return {
        style: times[style, 5000] / times[style, 1000]
        for style, nodes in times
        if nodes == 5000 and (style, 1000) in times
    }


def _list_site_failures(measured: Sequence[Measurement]) -> list[str]:
    """Return a line for each kind of sites whose time or size grows more than the number of its nodes."""
    found = []
    for kind in SITE_KINDS:
        fleets = sorted((fleet for fleet in measured if fleet.style == kind), key=lambda fleet: fleet.nodes)
        for small, large in pairwise(fleets):
            nodes = large.nodes / small.nodes
            factors = {"size": large.plan_bytes / small.plan_bytes}
            if small.plan >= LEAST_SECONDS:
                factors["time"] = large.plan / small.plan
            for noun, factor in factors.items():
                if factor > SITES_GROWTH / 2 * nodes:
                    found.append(f"{kind}: {large.nodes} nodes have {factor:.2f} times the {noun} of {small.nodes}")
    return found


def _compare_styles(measured: Sequence[Measurement]) -> list[str]:
    """Return a line for each fleet whose plans differ between the two styles."""
    first: dict[int, Measurement] = {}
    return [
        f"{fleet.nodes} nodes: the plan differs between {other.style} and {fleet.style}"
        for fleet in measured
        if fleet.style in STYLES
        if (other := first.setdefault(fleet.nodes, fleet)).digests[0] != fleet.digests[0]
    ]


def render_markdown(measured: Sequence[Measurement]) -> str:
    """Return the documentation of the measurements."""
    return _SECTION.format(
        table=format_table(measured),
        ratio=RATIO_TO_READ,
        nodes=RATIO_NODES,
        growth=GROWTH,
        use=USE_SECONDS * 1000,
        sites=SITES_GROWTH,
        memory=MEMORY >> 20,
    )


_SECTION = """\
## The plan

`make bench WHAT=fleets` generates fleets of five sites behind NAT, three clusters and three Kong versions, runs them through
`ansible-playbook`, and fails unless

- for {nodes} nodes a plan takes at most {ratio:g} times as long as a bare read of the same variables in the same run,
- 5,000 nodes take at most {growth:g} times as long as 1,000,
- a host reads its part of the plan of {nodes} nodes in at most {use:g} ms,
- if every node has its own site, time and size of the plan grow at most {sites:g} times for twice as many nodes,
- all processes of `ansible-playbook` together stay under {memory} MiB,
- the plan is byte-identical for all of Python's hash seeds and for both styles of the inventory.

```text
{table}
```
"""

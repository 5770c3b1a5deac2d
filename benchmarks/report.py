# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the measurements say: a table, and what they fail to keep."""

from __future__ import annotations

from collections.abc import Sequence

from measure import Measurement

RATIO_TO_READ = 2.0
# In smaller fleets the ratio shows how long Python takes to load netaddr and jmespath; larger ones are judged by growth.
RATIO_NODES = 1000
GROWTH = 6.0
MEMORY = 1 << 30

_HEADINGS = (
    "nodes",
    "style",
    "read",
    "plan",
    "plan/read",
    "task",
    "again",
    "memory",
    "of it ours",
    "plan file",
    "same",
)
_LEGEND = """\
style       literals: every value written out at its host; templates: most values through Jinja2 from group_vars
read        a bare read of every kong_* variable through hostvars; processor seconds, median
plan        all of kong_plan, reading included; processor seconds, median
plan/read   median of the ratios of neighbouring runs
task        seconds until the user has the plan: fork, kong_plan, and the result's way back
again       seconds for kong_plan once more in the same run, which finds the plan made
memory      MiB of all processes of ansible-playbook at the worst moment; of it ours: more than a bare read takes
plan file   KiB of the plan as a file
same        whether Python's hash seeds leave the plan as it is, to the byte"""


def table(seen: Sequence[Measurement]) -> str:
    rows = [_HEADINGS, *(_row(one) for one in seen)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    growth = [
        f"5,000 nodes take {factor:.2f} times as long as 1,000 ({style})" for style, factor in _growth(seen).items()
    ]
    return "\n".join([*lines, *growth, "", _LEGEND])


def _row(one: Measurement) -> tuple[str, ...]:
    return (
        str(one.nodes),
        one.style,
        f"{one.read:.2f}",
        f"{one.plan:.2f}",
        f"{one.ratio:.2f}",
        f"{one.waited:.1f}",
        f"{one.reused:.1f}",
        str(one.memory >> 20),
        str((one.memory - one.bare_memory) >> 20),
        str(one.plan_bytes >> 10),
        "yes" if _is_same(one) else "NO",
    )


def _is_same(one: Measurement) -> bool:
    return len(set(one.digests)) == 1


def failures(seen: Sequence[Measurement]) -> list[str]:
    """Return a line for each promise that is not kept."""
    found = []
    for one in seen:
        fleet = f"{one.nodes} nodes, {one.style}"
        if one.nodes == RATIO_NODES and one.ratio > RATIO_TO_READ:
            found.append(f"{fleet}: a plan takes {one.ratio:.2f} times a bare read, more than {RATIO_TO_READ:g}")
        if one.memory > MEMORY:
            found.append(f"{fleet}: {one.memory >> 20} MiB of memory, more than {MEMORY >> 20}")
        if not _is_same(one):
            found.append(f"{fleet}: the plan differs between two runs")
    for style, factor in _growth(seen).items():
        if factor > GROWTH:
            found.append(f"{style}: 5,000 nodes take {factor:.2f} times as long as 1,000, more than {GROWTH:g}")
    return [*found, *_styles(seen)]


def _growth(seen: Sequence[Measurement]) -> dict[str, float]:
    """Return how many times as long 5,000 nodes take as 1,000, by style, where both were measured."""
    times = {(one.style, one.nodes): one.plan for one in seen}
    return {
        style: times[style, 5000] / times[style, 1000] for style, n in times if n == 5000 and (style, 1000) in times
    }


def _styles(seen: Sequence[Measurement]) -> list[str]:
    """Compare the plans of one fleet written in two styles."""
    first: dict[int, Measurement] = {}
    return [
        f"{one.nodes} nodes: the plan differs between {other.style} and {one.style}"
        for one in seen
        if (other := first.setdefault(one.nodes, one)).digests[0] != one.digests[0]
    ]


def markdown(seen: Sequence[Measurement]) -> str:
    """Return the documentation of the measurements."""
    return _SECTION.format(
        table=table(seen), ratio=RATIO_TO_READ, nodes=RATIO_NODES, growth=GROWTH, memory=MEMORY >> 20
    )


_SECTION = """\
## The plan

`make bench WHAT=fleets` generates fleets of five sites behind NAT, three clusters and three Kong versions, runs them through
`ansible-playbook`, and fails unless

- for {nodes} nodes a plan takes at most {ratio:g} times as long as a bare read of the same variables in the same run,
- 5,000 nodes take at most {growth:g} times as long as 1,000,
- all processes of `ansible-playbook` together stay under {memory} MiB,
- the plan is the same to the byte, whatever Python's hash seed and however the inventory is written.

```text
{table}
```
"""

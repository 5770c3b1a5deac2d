# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes between two plans as lines for a terminal: all of a few changes, or examples of each kind of many changes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import split_values
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import CHANGES, GAINS, LOSES, Change
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, format_ranges, shorten

_MARKS = {GAINS: "+", LOSES: "-", CHANGES: "~"}
_SHOWN_NODES = 12
_LONGEST_CHANGE = 600
_MOST_LINES, _MOST_CHARACTERS = 40, 4_500
# The number of examples of each kind, if all changes do not fit.
_EXAMPLES = (5, 3, 1)


def format_changes(changes: Sequence[Change]) -> list[str]:
    """Return changes as lines, with the number of changes that are not shown."""
    if not changes:
        return ["No changes."]
    lines = [*map(_format_change, changes)]
    if _count_fitting(lines) == len(lines):
        return lines
    kinds: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        kinds.setdefault((change.kind, split_values(change.subject)[0]), []).append(change)
    for examples in _EXAMPLES:
        lines = [line for kind in kinds.values() for line in _format_kind(kind, examples)]
        fitting = _count_fitting(lines)
        if fitting == len(lines):
            break
    total = count_noun(len(changes), "change")
    return [
        *lines[:fitting],
        f"These are examples of {total}. With the option -v, the playbook diff shows all of them.",
    ]


def _format_kind(changes: Sequence[Change], examples: int) -> list[str]:
    more = len(changes) - examples
    mark, subject = _MARKS[changes[0].kind], changes[0].subject
    lines = [_format_change(change) for change in changes[:examples]]
    return [*lines, f"{mark} {count_noun(more, 'more change')} of this kind ({subject})"] if more > 0 else lines


def _format_change(change: Change) -> str:
    where = format_ranges(change.where, _SHOWN_NODES)
    return f"{_MARKS[change.kind]} {where}: {change.subject}: {shorten(change.short_text, _LONGEST_CHANGE)}"


def _count_fitting(lines: Sequence[str]) -> int:
    lengths = accumulate(len(line) + 1 for line in lines)
    return sum(number <= _MOST_LINES and length <= _MOST_CHARACTERS for number, length in enumerate(lengths, 1))

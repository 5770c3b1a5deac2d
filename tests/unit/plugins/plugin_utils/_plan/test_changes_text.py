# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of many changes, and the length of a change."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import GAINS, Change
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes_text import format_changes


def make_changes(kinds, count):
    """Return changes of several kinds, each of a node of its own."""
    return [
        Change(GAINS, (f"n{2 * number}",), f"kind {chr(97 + kind)}", f"x{number}")
        for kind in range(kinds)
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("kinds", "count", "examples"),
    [(6, 20, 5), (7, 20, 3), (10, 20, 3), (11, 20, 1), (20, 20, 1), (8, 6, 3), (20, 3, 1)],
)
def test_each_kind_has_as_many_examples_as_fit(kinds, count, examples):
    lines = format_changes(make_changes(kinds, count))
    assert lines[: examples + 1] == [
        *(f"+ n{2 * number}: kind a: x{number}" for number in range(examples)),
        f"+ {count - examples} more changes of this kind (kind a)",
    ]
    assert len(lines) == kinds * (examples + 1) + 1


def test_a_kind_with_few_changes_is_complete():
    lines = format_changes(
        [*make_changes(1, 100), Change(GAINS, ("a",), "kind b", "y"), *[Change(GAINS, ("b",), "kind c", "z")] * 5]
    )
    assert lines[:-1] == [
        *(f"+ n{2 * number}: kind a: x{number}" for number in range(5)),
        "+ 95 more changes of this kind (kind a)",
        "+ a: kind b: y",
        *["+ b: kind c: z"] * 5,
    ]


def test_many_kinds_are_cut_after_40_lines():
    lines = format_changes(make_changes(30, 2))
    assert len(lines) == 41
    assert lines[-1].startswith("These are examples of 60 changes.")


@pytest.mark.parametrize(("length", "shown"), [(600, "x" * 600), (601, "x" * 599 + "…")])
def test_a_change_has_at_most_600_characters(length, shown):
    assert format_changes([Change(GAINS, ("n",), "y", "x" * length)]) == [f"+ n: y: {shown}"]

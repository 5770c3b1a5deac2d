# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two tables are next to each other on paper only if the longest words of both fit."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    Cell,
    Section,
    make_cells,
    make_names_cell,
    make_table,
)


@pytest.mark.parametrize(
    ("cells", "narrow"),
    [
        (("a word " * 30, "b"), True),
        (("x" * 70, "b"), True),
        (("x" * 89, "b"), True),
        (("x" * 90, "b"), False),
        (("x" * 98, "b"), False),
        (("x" * 50, "y" * 50), False),
        ((Cell("", items=("x" * 98, "z")), "b"), False),
        ((Cell("y", items=("x" * 89, "z")), "b"), True),
        ((Cell("y", items=("x" * 90, "z")), "b"), False),
        ((Cell("", items=("x",) * 90), "b"), True),
    ],
)
def test_section_is_narrow_if_the_longest_words_of_every_table_fit(cells, narrow):
    small = make_table("", ("one", "two"), [make_cells("a", "b")])
    wide = make_table("", ("one", "two"), [make_cells("a", "b"), make_cells(*cells)])
    assert Section("ports", "Ports", (), (small, wide)).is_narrow is narrow


@pytest.mark.parametrize(("length", "narrow"), [(92, True), (93, False)])
def test_an_empty_column_has_no_width(length, narrow):
    assert make_table("", ("one", ""), [make_cells("x" * length, "")]).is_narrow is narrow


@pytest.mark.parametrize("count", [4, 5])
def test_more_than_4_ranges_of_names_are_a_list(count):
    names = [f"n{2 * number}" for number in range(count)]
    cell = make_names_cell(names, "bad")
    shown = Cell("n0, n2, n4, n6, 4 nodes", "bad") if count == 4 else Cell("5 nodes:", "bad", items=tuple(names))
    assert cell == shown

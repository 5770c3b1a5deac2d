# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines and sizes of labels, at the limits of their width."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.picture import (
    SIZES,
    Label,
    _split_into,
    make_label,
    split_text,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import measure_width


@pytest.mark.parametrize(
    ("text", "count", "tolerance", "lines"),
    [
        ("abc", 1, 0, ["abc"]),
        ("ab", 3, 0, ["ab"]),
        ("abc", 3, 0, ["a", "b", "c"]),
        ("abcdefg", 2, 0, ["abcd", "efg"]),
        ("a-xxxxxx", 2, 0.5, ["a-", "xxxxxx"]),
        ("a-xxxxxx", 2, 0.49, ["a-xx", "xxxx"]),
        ("aa-a-xxx", 2, 0.5, ["aa-", "a-xxx"]),
        ("abc xxxx", 2, 0.5, ["abc", "xxxx"]),
    ],
)
def test_lines_end_after_a_part_of_a_name(text, count, tolerance, lines):
    assert _split_into(text, count, tolerance) == lines


@pytest.mark.parametrize(("length", "lines"), [(10, 1), (11, 2), (20, 2), (21, 3), (30, 3), (40, 3)])
def test_a_text_has_at_most_three_lines(length, lines):
    width = measure_width("x" * 10, SIZES["chip"]) * 0.6
    assert len(split_text("chip", width * 1.0001, "x" * length)) == lines


def test_a_text_that_fits_exactly_has_its_usual_size():
    width = measure_width("abc", SIZES["chip"])
    assert make_label("chip", 0, 0, width, "abc").size == SIZES["chip"]
    assert make_label("chip", 0, 0, width - 0.01, "abc").size < SIZES["chip"]


@pytest.mark.parametrize(("share", "small"), [(0.6, False), (0.59, True)])
def test_a_label_is_small_below_60_percent_of_its_size(share, small):
    assert Label("chip", 0, 0, "x", "x", share * SIZES["chip"]).is_small is small

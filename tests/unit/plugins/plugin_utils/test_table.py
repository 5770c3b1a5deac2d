# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table

NETWORKS = ", ".join(f"10.0.{number}.0/24" for number in range(20))


@pytest.fixture(autouse=True)
def _width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")


def test_table_that_fits_has_a_line_for_each_row():
    assert render_table(["node", "port"], [["a1", "8000/tcp"], ["b1", ""]]) == [
        "node  port",
        "----  --------",
        "a1    8000/tcp",
        "b1",
    ]


def test_long_cell_continues_on_further_lines():
    header, _rule, first, *others, last = render_table(
        ["node", "sources", "x"], [["a1", NETWORKS, "y"], ["b1", "any", ""]]
    )
    assert first == "a1    10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24, 10.0.3.0/24,  y"
    assert all(line.startswith("      10.0.") for line in others)
    assert last == "b1    any"
    assert header.startswith("node  sources ")


def test_a_word_is_only_split_if_the_table_does_not_fit_otherwise():
    place = "192.168.10.15:9000/tcp"
    lines = render_table(["outside", "inside", "sources"], [[place, place, "10.0.0.0/24, 10.0.1.0/24"]])
    assert lines[2:] == [f"{place}  {place}  10.0.0.0/24,", " " * 48 + "10.0.1.0/24"]
    assert place not in "".join(render_table(["a", "b", "c"], [[place, place, place]]))


def test_terminal_decides_the_width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    assert len(render_table(["sources"], [[NETWORKS]])) == 3
    monkeypatch.delenv("COLUMNS")
    assert max(map(len, render_table(["node", "sources"], [["a1", NETWORKS]]))) <= 100


@given(st.lists(st.lists(st.text(" ab-", max_size=90), min_size=3, max_size=3), max_size=4))
def test_no_table_is_wider_than_the_terminal_and_no_text_is_lost(rows):
    lines = render_table(["one", "two", "three"], rows)
    assert all(len(line) <= 60 for line in lines)
    assert sum("".join(lines[2:]).count(letter) for letter in "ab") == sum(
        cell.count(letter) for row in rows for cell in row for letter in "ab"
    )


@pytest.mark.parametrize(("length", "lines"), [(100, 1), (101, 2)])
def test_a_table_in_a_log_has_100_characters(monkeypatch, length, lines):
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr(os, "get_terminal_size", lambda *_args: os.terminal_size((0, 0)))
    cell = "x" * 49 + " " + "x" * (length - 50)
    assert len(render_table(["x"], [[cell]])) == 2 + lines


@pytest.mark.parametrize(
    ("width", "word", "widths"),
    [(26, 13, (12, 12)), (34, 20, (12, 20)), (35, 20, (13, 20)), (20, 20, (9, 9)), (2, 5, (1, 1))],
)
def test_columns_are_first_reduced_to_12_characters(monkeypatch, width, word, widths):
    monkeypatch.setenv("COLUMNS", str(width))
    rule = render_table(["a", "b"], [["a b c d e f g h i j", "x" * word]])[1]
    assert tuple(map(len, rule.split("  "))) == widths


def test_a_column_without_text_has_no_width():
    assert [line.rstrip() for line in render_table(["a", "", "b"], [["1", "", "2"]])] == ["a    b", "-    -", "1    2"]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import (
    format_value,
    insert_lines,
    split_ending,
    split_lines,
)


@pytest.mark.parametrize(
    ("text", "lines"),
    [("", []), ("a", ["a"]), ("a\n\nb", ["a\n", "\n", "b"]), ("a\r\nb\x0b\u2028c\n", ["a\r\n", "b\x0b\u2028c\n"])],
)
def test_only_a_line_feed_ends_a_line(text, lines):
    assert split_lines(text) == lines


@pytest.mark.parametrize(
    ("line", "parts"),
    [("a\r\n", ("a", "\r\n")), ("a\n", ("a", "\n")), ("a", ("a", "")), ("a\r", ("a\r", "")), ("\n", ("", "\n"))],
)
def test_split_ending(line, parts):
    assert split_ending(line) == parts


def test_insert_lines_ends_the_previous_line():
    lines = ["a\r\n", "b"]
    insert_lines(lines, 2, ["c", "d"])
    assert lines == ["a\r\n", "b\r\n", "c\r\n", "d\r\n"]


def test_value_text():
    assert format_value("a", " b\tc ") == "b\tc"
    assert format_value("a", 0) == "0"

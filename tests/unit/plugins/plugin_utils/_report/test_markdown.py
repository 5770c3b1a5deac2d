# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cells without text, and the limits of Mermaid."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.markdown import _render_cell, _render_picture
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import BAD, GOOD, MUTED, WARN, Cell

ARROW = "-->"


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        (["x" * 49_999], True),
        (["x" * 50_000], False),
        (["x" * 24_999] * 2, True),
        (["x" * 24_999, "x" * 25_000], False),
        ([ARROW] * 500, True),
        ([ARROW] * 501, False),
        ([*[ARROW] * 500, "x"], True),
    ],
)
def test_a_picture_within_the_limits_of_mermaid(lines, fits):
    assert (_render_picture(lines)[0] == "```mermaid") is fits


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Cell("", BAD), ""),
        (Cell("a", BAD), "**a**"),
        (Cell("a", WARN), "**a**"),
        (Cell("a", GOOD), "a"),
        (Cell("a", MUTED), "a"),
        (Cell("", WARN, items=("a", "b")), "**a, b**"),
        (Cell("a:", items=("b",)), "a: b"),
    ],
)
def test_problems_are_bold(cell, text):
    assert _render_cell(cell) == text

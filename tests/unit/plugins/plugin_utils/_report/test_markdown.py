# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cells without text, and the limits of Mermaid."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import make_fleet
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.markdown import (
    _render_cell,
    _render_picture,
    render_mermaid,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import BAD, GOOD, MUTED, WARN, Cell
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

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
        (Cell("a:", items=("b, c", "d")), "a: b, c; d"),
    ],
)
def test_problems_are_bold(cell, text):
    assert _render_cell(cell) == text


@pytest.mark.parametrize(("count", "shown"), [(3, ""), (4, "+1"), (250, "+247")])
def test_mermaid_counts_the_callers_and_sources_that_it_does_not_show(count, shown):
    """Also if the port refers to a list, of which a flow has the first sources and the number of the others."""
    hosts = {f"h{number}": {"kong_address": f"10.1.{number // 250}.{number % 250 + 1}"} for number in range(count)}
    nodes = {"k1": {"kong_version": "2.8", "kong_address": "10.0.0.1", "kong_admin_listen": "0.0.0.0:8001",
                    "kong_admin_sources": [*hosts]}}  # fmt: skip
    text = "\n".join(render_mermaid(make_fleet(plan_fleet(nodes, hosts))))
    assert re.findall(r"admin 8001/tcp.*source 10\.1\.0\.1, 10\.1\.0\.2, 10\.1\.0\.3 ?(.*)\"\|", text) == [shown]
    assert re.findall(r'\["h0, h1, h2 ?(.*) \(site default\)"\]', text) == ([shown] if count < 250 else [])

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every class of an element of the page has a style, so a colour with a meaning is never missing."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._report.test_report import (
    ALL,
    DRIFT,
    PLAN,
    make_evidence,
)

# Other classes of these elements have their style.
WITHOUT_STYLE = {"picture", "arrives", "dials"}
EVIDENCE = {
    "plan only": Evidence(PLAN),
    "as planned": make_evidence(PLAN),
    "differences": ALL,
    "drift only": make_evidence(PLAN, drift={**DRIFT, "nodes": {}}),
}


@pytest.mark.parametrize("case", EVIDENCE)
def test_every_class_has_a_style(case):
    page = FORMS[".html"](EVIDENCE[case])
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    classes = {name for names in re.findall(r'class="([^"]*)"', page) for name in names.split()}
    assert {name for name in classes if not re.search(rf"\.{re.escape(name)}(?![\w-])", style)} == WITHOUT_STYLE


def test_tables_of_text_have_their_cells_below_each_other_on_a_phone():
    """The table with a column for each source needs its header, which the others do not."""
    page = FORMS[".html"](ALL)
    blocks = re.findall(r'<div class="block([^"]*)">(.*?)</thead>', page, re.DOTALL)
    headers = {True: [], False: []}
    for kind, block in blocks:
        headers["text" in kind.split()].append(", ".join(re.findall(r'<th scope="col">([^<]*)', block)))
    assert {"nodes, part, difference", "likely cause, connections, expected and actual"} <= {*headers[True]}
    assert "node, listener, port, from a1, from a2, from b1, from admin" in headers[False]
    phone = page.partition("@media screen and (max-width: 700px)")[2].partition("@media print")[0]
    assert re.search(r"\.text td \{ display: block;", phone)

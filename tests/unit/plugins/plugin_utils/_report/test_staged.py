# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The counted sources in all forms of the report."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report import staged as section
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.staged import make_staged_section, summarise_staged
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.sources import DROPPED, EXPECTED
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

PLAN = plan_fleet(SEED_NODES, SEED_OTHERS)
NODE = {"staged": True, "counts": True, "seconds": 90000, "uncounted": 0}


def make_source(node="a1", address="192.0.2.9", **fields):
    values = {"listener": "admin", "protocol": "tcp", "port": 8001, "hosts": [], "network": f"{address}/32"}
    return {"node": node, "address": address, "packets": 3, "age": 7200, "effect": DROPPED, **values, **fields}


def make_staged(*sources, nodes=None, not_checked=None, problems=("unexpected sources on a1",)):
    nodes = {"a1": NODE, "a2": NODE} if nodes is None else nodes
    found = {"sources": [*sources], "nodes": nodes, "not_checked": not_checked or {}, "problems": [*problems]}
    return {"at": "2026-12-01 12:00 UTC", **found}


def list_texts(table):
    return [[" ".join((cell.text, *cell.items)).strip() for cell in row] for row in table.rows]


def test_a_source_of_several_nodes_is_one_row_and_dropped_sources_are_first():
    expected = make_source(address="198.51.100.7", hosts=["scanner"], effect=EXPECTED, packets=9)
    found = make_staged(expected, make_source(packets=4), make_source("a2", age=60))
    sources, proposals, states = make_staged_section(found).tables
    assert list_texts(sources) == [
        ["a1 to a2, 2 nodes", "admin", "8001/tcp", "192.0.2.9", "7", "1 minute ago", DROPPED],
        ["a1", "admin", "8001/tcp", "198.51.100.7 (scanner)", "9", "2 hours ago", EXPECTED],
    ]
    assert list_texts(proposals) == [["a1 to a2, 2 nodes", "kong_admin_sources", "192.0.2.9"]]
    assert list_texts(states) == [["a1 to a2, 2 nodes", "staged, counted for 1 day"]]


@pytest.mark.parametrize(
    "other",
    [{"port": 8444}, {"protocol": "udp"}, {"listener": "status"}, {"address": "192.0.2.10"}, {"effect": EXPECTED}],
)
def test_different_sources_have_different_rows(other):
    table = make_staged_section(make_staged(make_source(), make_source(**other))).tables[0]
    assert len(table.rows) == 2


def test_a_node_that_was_not_checked_and_one_with_incomplete_counts():
    nodes = {"a1": {**NODE, "uncounted": 5}}
    found = make_staged_section(make_staged(nodes=nodes, not_checked={"a2": "no route", "b1": "no route"}))
    assert [paragraph.tone for paragraph in found.paragraphs] == ["bad", "warn"]
    assert found.paragraphs[1].text.startswith("INCOMPLETE: a1: 5 packets")
    assert [table.title for table in found.tables] == ["Nodes that were checked", "Not checked"]
    assert list_texts(found.tables[-1]) == [["a2, b1, 2 nodes", "no route"]]


def test_without_a_checked_node_there_is_no_verdict():
    found = make_staged_section(make_staged(nodes={}, not_checked={"a2": "no route"}, problems=()))
    assert found.paragraphs[0].text.startswith("0 of 1 node checked. Counted until")


def test_the_table_has_a_limit(monkeypatch):
    monkeypatch.setattr(section, "_MOST_ROWS", 2)
    found = make_staged(*(make_source(address=f"192.0.2.{number}") for number in range(1, 6)))
    table = make_staged_section(found).tables[0]
    assert (len(table.rows), table.notes) == (2, ("And 3 more sources: a report as JSON has all sources.",))
    found["sources"] = found["sources"][:2]
    assert make_staged_section(found).tables[0].notes == ()


@pytest.mark.parametrize(
    ("found", "text", "tone"),
    [
        (make_staged(problems=()), "none would be dropped", "good"),
        (make_staged(make_source(), make_source(port=8444)), "1 source would be dropped", "bad"),
        (make_staged(not_checked={"b1": "x"}, problems=()), "none would be dropped, 1 node not checked", "warn"),
    ],
)
def test_the_summary(found, text, tone):
    cell = summarise_staged(found)
    assert (cell.text, cell.tone, cell.link) == (text, tone, "staged")


def test_every_form_has_the_counted_sources():
    found = make_staged(make_source(), not_checked={"b1": "no <route>"})
    texts = {suffix: form(Evidence(PLAN, staged=found)) for suffix, form in FORMS.items()}
    for suffix in (".html", ".md", ".json"):
        assert "192.0.2.9" in texts[suffix], suffix
    assert '<section id="staged"' in texts[".html"]
    assert "no &lt;route&gt;" in texts[".html"]
    suite = ET.fromstring(texts[".xml"]).find("testsuite[@name='staged']")
    assert [(case.get("classname"), case[0].tag, case[0].get("message")) for case in suite] == [
        ("staged.fleet", "failure", "unexpected sources on a1"),
        ("staged.b1", "skipped", "no <route>"),
    ]
    without = {suffix: form(Evidence(PLAN)) for suffix, form in FORMS.items()}
    assert not [suffix for suffix in (".html", ".md", ".xml") if "Counted sources" in without[suffix]]


def test_a_port_that_the_plan_does_not_have_has_no_listener():
    [sources, *_others] = make_staged_section(make_staged(make_source(listener="", effect=EXPECTED))).tables
    assert list_texts(sources)[0][1] == "-"

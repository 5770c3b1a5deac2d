# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report is complete: each list of hosts has every host, in HTML, Markdown and JUnit."""

from __future__ import annotations

import html
import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import GAINS, Change, Source
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.refused import REFUSED_FORMS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

COUNT = 30
# No summary of ranges joins these names.
NAMES = [f"h{2 * number}" for number in range(COUNT)]
PLAN = plan_fleet(
    {
        name: {"kong_version": "3.9", "kong_admin_gui_listen": "off", "kong_address": f"10.2.0.{number + 1}"}
        for number, name in enumerate(NAMES)
    }
)
READABLE = (".html", ".md")


def make_finding(hosts, message, **more):
    return {"severity": "warning", "code": "source-any", "hosts": hosts, "variable": "v", "value": None,
            "message": message, **more}  # fmt: skip


def render(suffix, findings=(), changes=None, drift=None, **verification):
    evidence = {"at": "2026-11-25 12:00 UTC", "outcomes": [], **verification} if verification else None
    plan = {**PLAN, "findings": [*findings]}
    return html.unescape(FORMS[suffix](Evidence(plan, evidence, drift, changes))).replace("\\", "")


def find_line(page, words):
    [line] = [line for line in page.splitlines() if words in line]
    return line


def list_missing(line):
    return [name for name in NAMES if not re.search(rf"\b{name}\b", line)]


@pytest.mark.parametrize("suffix", [*READABLE, ".xml"])
def test_hosts_of_a_finding(suffix):
    assert list_missing(find_line(render(suffix, [make_finding(NAMES, "text x")]), "text x")) == []


@pytest.mark.parametrize("suffix", [*READABLE, ".xml"])
def test_values_of_findings_that_differ_in_values(suffix):
    findings = [make_finding([name], f"text x of 'ops-{name}'") for name in NAMES]
    line = find_line(render(suffix, findings), "text x of")
    assert [name for name in NAMES if f"{name}: 'ops-{name}'" not in line] == []
    refused = html.unescape(REFUSED_FORMS[suffix](findings, None)).replace("\\", "")
    assert line.replace("<tr>", "") in refused.replace("<tr>", "")


@pytest.mark.parametrize("suffix", [*READABLE, ".xml"])
def test_equal_details_are_listed_once_with_their_hosts(suffix):
    details = {name: f"is in site {'ab'[number % 2]}" for number, name in enumerate(NAMES)}
    line = find_line(render(suffix, [make_finding(NAMES, "text x", details=details)]), "text x")
    assert (line.count("is in site"), line.count(f"{', '.join(NAMES[::2])}: is in site a")) == (2, 1)


@pytest.mark.parametrize("suffix", [*READABLE, ".xml"])
def test_nodes_with_drift_and_nodes_that_were_not_checked(suffix):
    half = NAMES[: COUNT // 2]
    drift = {
        "nodes": {name: {"listeners": ["text x"]} for name in half},
        "not_checked": {name: ["text y"] for name in NAMES[COUNT // 2 :]},
    }
    page = render(suffix, drift=drift)
    assert list_missing(find_line(page, "text x")) == NAMES[COUNT // 2 :]
    assert list_missing(find_line(page, "text y")) == half


@pytest.mark.parametrize("suffix", READABLE)
def test_nodes_of_a_change(suffix):
    assert list_missing(find_line(render(suffix, changes=[Change(GAINS, tuple(NAMES), "x", "text y")]), "text y")) == []


@pytest.mark.parametrize("suffix", READABLE)
def test_sources_of_a_change(suffix):
    """A source with 30 hosts, and 30 sources. HTML folds the list."""
    sources = (Source("203.0.113.9", tuple(NAMES)), *(Source(f"192.0.2.{number}") for number in range(COUNT)))
    line = find_line(render(suffix, changes=[Change(GAINS, ("h0",), "admin 8001/tcp", "text x", sources)]), "text x")
    assert list_missing(line) == []
    assert [number for number in range(COUNT) if not re.search(rf"192\.0\.2\.{number}\b", line)] == []
    assert ("<details>" in line) is (suffix == ".html")


@pytest.mark.parametrize("suffix", READABLE)
def test_hosts_of_a_verification(suffix):
    open_admins = [
        {"listener": "admin", "status": 200, "to": "h0", "from": name, "port": 8001, "protocol": "tcp", "expected": "open",
         "dial_address": "10.2.0.1", "dial_port": 8001, "result": result, "detail": ""}
        for result in ("open", None) for name in NAMES
    ]  # fmt: skip
    page = render(suffix, placeholders=NAMES, outcomes=open_admins)
    for words in ("a placeholder listened".capitalize(), "answers without authentication:", "not tested from"):
        assert list_missing(find_line(page, words)) == [], words


@pytest.mark.parametrize("suffix", READABLE)
def test_the_index_has_the_warnings_of_a_node(suffix):
    page = render(
        suffix, [make_finding(["h4", "h6"], "text x"), {**make_finding(["h8"], "text y"), "severity": "info"}]
    )
    rows = [re.sub("<[^>]+>|[|* ]+", " ", line) for line in page.splitlines() if "1 warning: source-any" in line]
    assert [row.split()[0] for row in rows] == ["h4", "h6"]
    assert "none known" in find_line(page, "10.2.0.5 |" if suffix == ".md" else "<td>10.2.0.5<")


def test_folded_lists_are_complete_in_print():
    style = render(".html").partition("@media print")[2]
    assert "details::details-content { display: inline; content-visibility: visible; }" in style

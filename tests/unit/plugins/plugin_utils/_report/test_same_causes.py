# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The differences that one cause explains are one row of the report and one test of JUnit, and are complete there."""

from __future__ import annotations

import html
import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

NODES = [f"k{number}" for number in range(1, 13)]
PLAN = plan_fleet(
    {
        name: {"kong_version": "3.9", "kong_admin_gui_listen": "off", "kong_address": f"10.2.0.{number}"}
        for number, name in enumerate(NODES, 1)
    }
)
STOPPED = "Kong is stopped, or listens on another address or port (and 23 causes with other values)"


@pytest.fixture(scope="module")
def stopped():
    """The verification of a fleet in which no Kong runs."""
    met = {"open": "refused", "filtered": "filtered", "closed": "filtered"}
    probed = {
        caller: [
            {"name": probe.name, "result": met[probe.expected], "detail": "ECONNREFUSED"}
            for probe in list_probes_from(PLAN, caller)
        ]
        for caller in list_callers(PLAN)
    }
    return compare(PLAN, probed)


def render(suffix, verification):
    evidence = {"at": "", "outcomes": [outcome.as_dict() for outcome in verification.outcomes]}
    return html.unescape(FORMS[suffix](Evidence(PLAN, evidence))).replace("\\", "")


def test_every_difference_has_a_cause(stopped):
    assert len(stopped.differences) == 12 * 11 * 2
    assert all(f"on {outcome.probe.target}, and" in outcome.cause for outcome in stopped.differences)


@pytest.mark.parametrize("suffix", [".html", ".md", ".xml"])
def test_a_cause_on_many_nodes_is_one_row(stopped, suffix):
    page = render(suffix, stopped)
    [row] = [line for line in page.splitlines() if STOPPED in line]
    assert page.count(STOPPED) == 1
    assert "k1 to k12, 12 nodes" in row
    assert "264 connections" in row
    pairs = re.findall(r"(proxy \d+/tcp of k\d+ from k[^,]*)[^:]*:\d+: expected open, actual refused", row)
    assert len({*pairs}) == 24
    assert "proxy 8443/tcp of k12 from k1 to k11, dialling 10.2.0.12:8443: expected open, actual refused" in row
    assert row.count("no process listens at 10.2.0.12:8443 (tcp) on k12") == 1
    assert ("<details>" in row) is (suffix == ".html")


def test_the_terminal_has_a_cause_once(stopped):
    lines = format_verification(stopped)
    assert [line for line in lines if "cause" in line][-1].endswith(STOPPED)
    assert sum("cause" in line for line in lines) == 1

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of hosts that the name of a test does not have, and how the parts of a message are joined."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.junit import make_finding_cases, render_junit


@pytest.mark.parametrize(
    ("hosts", "listed"), [(["a", "c", "e", "g"], ""), (["a", "c", "e", "g", "i"], "; a, c, e, g, i")]
)
def test_more_than_4_ranges_of_hosts_are_listed(hosts, listed):
    finding = {"severity": "error", "code": "x", "hosts": hosts, "variable": "v", "value": None, "message": "text"}
    [case] = make_finding_cases([finding])
    assert (case.name, case.failure) == ("text", f"error [x]{listed}")
    [case] = make_finding_cases([{**finding, "severity": "warning"}])
    assert (case.failure, case.output) == ("", f"warning [x]{listed}")


PLAN = {"nodes": {"n": {}}, "findings": []}
FIVE = ["a", "c", "e", "g", "i"]
OUTCOME = {
    "to": "n", "listener": "admin", "port": 8001, "protocol": "tcp", "dial_address": "10.0.0.1", "dial_port": 8001,
    "expected": "open", "result": "filtered", "detail": "", "cause": "a firewall",
}  # fmt: skip
DRIFT = {"nodes": {}, "not_checked": {}}
STAGED = {"problems": [], "not_checked": {}}


def read_messages(**parts):
    """Return the failures and the reasons of skipped tests, each with the name of its test."""
    given = {"verification": None, "drift": None, "staged": None, **parts}
    suites = ET.fromstring(render_junit(PLAN, **given))
    return [(case.get("name"), found.get("message")) for case in suites.iter("testcase") for found in case]


def test_drift_of_more_than_4_ranges_of_nodes():
    drift = {**DRIFT, "nodes": {name: {"rules": ["one", "two"]} for name in FIVE}}
    listed = "differs from the plan; a, c, e, g, i"
    assert read_messages(drift=drift) == [("rules: one", listed), ("rules: two", listed)]


def test_skipped_checks_of_more_than_4_ranges_of_nodes():
    drift = {**DRIFT, "not_checked": {key: ["unreachable"] for key in FIVE}}
    assert read_messages(drift=drift) == [("checked", "unreachable; a, c, e, g, i")]
    staged = {**STAGED, "not_checked": dict.fromkeys(FIVE, "unreachable")}
    assert read_messages(staged=staged) == [("checked", "unreachable; a, c, e, g, i")]


def test_two_problems_of_staged_nodes():
    staged = {**STAGED, "problems": ["n counts since today", "n2 has unplanned sources"]}
    assert read_messages(staged=staged) == [
        ("the plan is ready to enforce", "n counts since today; n2 has unplanned sources")
    ]


def test_two_differences_of_one_cause():
    outcomes = [{**OUTCOME, "from": "a"}, {**OUTCOME, "from": "b", "port": 8444, "dial_port": 8444}]
    assert read_messages(verification={"outcomes": outcomes}) == [
        (
            "a firewall",
            (
                "2 connections not as planned: "
                "admin 8001/tcp of n from a, dialling 10.0.0.1:8001: expected open, actual filtered; "
                "admin 8444/tcp of n from b, dialling 10.0.0.1:8444: expected open, actual filtered"
            ),
        )
    ]

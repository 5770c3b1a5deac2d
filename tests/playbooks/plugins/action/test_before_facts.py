# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks with one wrong variable of a group of 100 nodes, in real runs of ansible-playbook. No node can be reached."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run

ABSENT = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-o ConnectTimeout=1"}
OWN = {number: {"kong_address": f"10.0.0.{number}"} for number in range(1, 101)}
NAMES = ["-e", "from=k1", "-e", "to=k2"]
PLAYBOOKS = {"site": [], "verify": [], "staged": [], "explain": NAMES, "drift": []}


def make_nodes(count, **variables):
    return {"kong": {"hosts": {f"k{number}": None for number in range(1, count + 1)}, "vars": {**ABSENT, **variables}}}


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_wrong_variables_are_refused_before_a_connection_to_a_node(tmp_path, playbook):
    drift, plan, report = (tmp_path / name for name in ("drift.json", "plan.json", "report.html"))
    files = {"kong_drift_file": str(drift), "kong_plan_file": str(plan), "kong_report_path": str(report)}
    wrong = make_nodes(100, kong_admin_sources=["{{ bastion_host }}"], **files)
    code, output = run(tmp_path, f"gatehouse.kong.{playbook}", *PLAYBOOKS[playbook], inventory=wrong)
    assert code == 2
    assert output.count("k1 to k100, 100 nodes: kong_admin_sources: its value cannot be computed") == 1
    assert "There is no plan for this inventory: 1 error (variable-undefined), listed above." in output
    assert "unreachable=0" in output
    assert len(output.encode()) <= 6000
    assert max(map(len, output.splitlines())) <= 1200
    assert not plan.exists()
    assert not report.exists()
    assert drift.exists() is (playbook == "drift")
    if playbook == "drift":
        assert "NOT CHECKED: k1 to k100, 100 nodes: there is no plan, because the inventory has errors" in output
        assert '"0 of 100 nodes checked. There is no plan; the errors are listed above"' in output
        assert len(json.loads(drift.read_text())["not_checked"]) == 100


# Wrong variables of the group that make errors between nodes, with the text of the error.
BETWEEN = {
    "one address": ({"kong_address": "10.0.0.1"}, "k2 to k100, 99 nodes: kong_address: '10.0.0.1'"),
    "no control plane": ({"kong_role": "data_plane"}, "has no node with kong_role: control_plane"),
    "no such peers": (
        {"kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": "control_planes"},
        "has no such node except this node",
    ),
    "SSH": ({"kong_proxy_listen": "0.0.0.0:22"}, "would use tcp port 22"),
    "intercepted SSH": (
        {"kong_transparent": [{"destinations": "any", "ports": [22], "listen_port": 8000}]},
        "it would intercept port 22 (SSH) of k1 (10.0.0.1), k2 (10.0.0.2)",
    ),
    "one outside address": ({"kong_nat": [{"outside": "192.0.2.1"}]}, "has the same outside address and port"),
}


# drift has the same check before facts as site, and reports its errors in another way.
@pytest.mark.parametrize(("playbook", "case"), [*(("site", case) for case in BETWEEN), ("drift", "one address")])
def test_errors_between_nodes_are_refused_before_a_connection_to_a_node(tmp_path, playbook, case):
    variables, text = BETWEEN[case]
    fleet = {"kong": {"vars": variables, "hosts": {f"k{number}": dict(OWN[number]) for number in range(1, 101)}}}
    if "kong_address" in variables:
        fleet["kong"]["hosts"] = dict.fromkeys(fleet["kong"]["hosts"])
    code, output = run(tmp_path, f"gatehouse.kong.{playbook}", "--check", inventory=fleet)
    assert code == 2
    assert output.count(text) == 1
    assert "unreachable=0" in output
    assert len(output.encode()) <= 6000
    assert max(map(len, output.splitlines())) <= 1200


def test_a_value_that_facts_may_correct_is_not_refused(tmp_path):
    unknown = make_nodes(1, kong_site="{{ ansible_facts.site | default([]) }}")
    _code, output = run(tmp_path, "gatehouse.kong.drift", inventory=unknown)
    assert "k1: Failed to connect" in output or "UNREACHABLE" in output
    assert "variable-invalid" in output

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of the action plugins: its message in real runs of ansible-playbook."""

from __future__ import annotations

import json
import sys

import pytest
import yaml

from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_nodes import run

LOCAL = {"ansible_connection": "local", "ansible_become": False}
WRONG = {"kong": {"hosts": {"k1": {**LOCAL, "kong_address": "10.0.0.1", "kong_role": "boss"}}}}
FLEET = {"kong": {"hosts": {"k1": {**LOCAL, "kong_address": "10.0.0.1"}}}}
# An action, its inventory and the one line of its message. The first has other errors printed before.
FAILURES = {
    "kong_plan": ({}, WRONG, "There is no plan for this inventory: 1 error (role-unknown)"),
    "kong_plan_diff": ({"old": "/no/old.json", "new": "/no/new.json"}, FLEET, "/no/old.json"),
    "kong_explain_names": ({"caller": "k2", "target": "k1"}, FLEET, "from: there is no host 'k2'"),
    "kong_exit_status": ({"result": {"summary": "one node", "failure": "it differs", "not_checked": {}}}, FLEET,
                         "one node. it differs"),
    "kong_fail": ({"msg": "Give both plan files"}, FLEET, "Give both plan files"),
    "kong_report": ({"refused_group": "kong", "path": "x.md"}, FLEET, "has not refused this group"),
}  # fmt: skip


def run_action(tmp_path, action, **keywords):
    arguments, inventory, message = FAILURES[action]
    play = {"hosts": "kong", "gather_facts": False, "tasks": [{f"gatehouse.kong.{action}": arguments, **keywords}]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    code, output = run(tmp_path, "play.yml", inventory=inventory)
    return code, output, message


@pytest.mark.parametrize("action", FAILURES)
def test_ansible_prints_the_message_once(tmp_path, action):
    code, output, message = run_action(tmp_path, action)
    assert code == 2
    assert output.count(message) == 1, output
    (result,) = (line for line in output.splitlines() if line.startswith("fatal: [k1]: FAILED! => "))
    assert message in json.loads(result.partition(" => ")[2])["msg"]
    assert "[ERROR]" not in output


def test_the_message_is_in_the_file_of_the_callback_junit(tmp_path, monkeypatch):
    monkeypatch.setenv("ANSIBLE_CALLBACKS_ENABLED", "junit")
    monkeypatch.setenv("JUNIT_OUTPUT_DIR", str(tmp_path / "junit"))
    _code, _output, message = run_action(tmp_path, "kong_exit_status")
    (file,) = (tmp_path / "junit").iterdir()
    assert message in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("action", FAILURES)
def test_ansible_evaluates_failed_when_for_every_action(tmp_path, action):
    code, output, _message = run_action(tmp_path, action, failed_when=False)
    assert (code, output.count("fatal: ")) == (0, 0), output


def test_ansible_prints_the_message_of_a_failed_module_once(tmp_path):
    arguments = {"ruleset": {"allow": []}, "rollback_timeout": 1}
    task = {"gatehouse.kong.kong_firewall": arguments}
    play = {"hosts": "kong", "gather_facts": False, "tasks": [task]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    host = {**LOCAL, "ansible_python_interpreter": sys.executable}
    code, output = run(tmp_path, "play.yml", inventory={"kong": {"hosts": {"k1": host}}})
    assert (code, output.count("it must be at least")) == (2, 1), output

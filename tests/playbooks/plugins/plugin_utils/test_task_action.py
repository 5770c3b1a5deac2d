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

LOCAL = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
FLEET = {
    "kong": {"hosts": {"k1": {**LOCAL, "kong_address": "10.0.0.1"}}},
    "wrong": {"hosts": {"w1": {"kong_address": "10.0.0.2", "kong_role": "boss"}}},
}
# An action and the one line of its message. The first has other errors printed before, the last runs a module.
FAILURES = {
    "kong_plan": ({"group": "wrong"}, "There is no plan for this inventory: 1 error (role-unknown)"),
    "kong_plan_diff": ({"old": "/no/old.json", "new": "/no/new.json"}, "/no/old.json"),
    "kong_explain_names": ({"caller": "k2", "target": "k1"}, "from: there is no host 'k2'"),
    "kong_exit_status": ({"result": {"summary": "one node", "failure": "it differs", "not_checked": {}}},
                         "one node. it differs"),
    "kong_fail": ({"msg": "Give both plan files"}, "Give both plan files"),
    "kong_report": ({"refused_group": "kong", "path": "x.md"}, "has not refused this group"),
    "kong_firewall": ({"ruleset": {"allow": []}, "rollback_timeout": 1}, "it must be at least"),
}  # fmt: skip


def make_task(action, **keywords):
    arguments, _message = FAILURES[action]
    return {"name": action, f"gatehouse.kong.{action}": arguments, **keywords}


def run_tasks(folder, tasks):
    """Run the tasks with the fleet; return the exit status and the output."""
    play = {"hosts": "kong", "gather_facts": False, "tasks": tasks}
    (folder / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    return run(folder, "play.yml", inventory=FLEET)


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Return the folder and the output of a run in which each action fails. A rescue continues after all but the last."""
    folder = tmp_path_factory.mktemp("failed")
    *others, last = (make_task(action) for action in FAILURES)
    rescued = [{"block": [task], "rescue": [{"ansible.builtin.meta": "noop"}]} for task in others]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANSIBLE_CALLBACKS_ENABLED", "junit")
        patch.setenv("JUNIT_OUTPUT_DIR", str(folder / "junit"))
        code, output = run_tasks(folder, [*rescued, last])
    assert code == 2
    assert f"rescued={len(others)} " in output
    return folder, output


@pytest.mark.parametrize("action", FAILURES)
def test_ansible_prints_the_message_once(failed, action):
    _folder, output = failed
    _arguments, message = FAILURES[action]
    assert output.count(message) == 1, output
    (line,) = (line for line in output.splitlines() if line.startswith("fatal: [k1]: FAILED! => ") and message in line)
    assert message in json.loads(line.partition(" => ")[2])["msg"]
    assert "[ERROR]" not in output


def test_the_message_is_in_the_file_of_the_callback_junit(failed):
    folder, _output = failed
    (file,) = (folder / "junit").iterdir()
    text = file.read_text(encoding="utf-8")
    assert FAILURES["kong_exit_status"][1] in text


def test_ansible_evaluates_failed_when_for_every_action(tmp_path):
    tasks = [{**make_task(action, failed_when=False), "register": f"result_{action}"} for action in FAILURES]
    shown = {f"problem_{action}": f"{{{{ result_{action}.problem }}}}" for action in FAILURES}
    code, output = run_tasks(tmp_path, [*tasks, {"ansible.builtin.debug": {"msg": shown}}])
    assert (code, output.count("fatal: ")) == (0, 0), output
    for action, (_arguments, message) in FAILURES.items():
        assert f"problem_{action}" in output
        assert message in output


def test_an_error_that_hosts_share_is_printed_once(tmp_path):
    """Later hosts name the first host. The message stays complete if another task may read it."""
    hosts = [f"k{number}" for number in range(1, 13)]
    fail = {"gatehouse.kong.kong_fail": {"msg": "{{ inventory_hostname }}: {{ text }}"}}
    shows = [{"ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}]
    play = {
        "hosts": "kong",
        "gather_facts": False,
        "tasks": [
            {**fail, "vars": {"text": "ignored"}, "ignore_errors": True},
            {"block": [{**fail, "vars": {"text": "rescued"}}], "rescue": shows},
            {**fail, "vars": {"text": "no such directory"}},
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    code, output = run(tmp_path, "play.yml", inventory={"kong": {"hosts": dict.fromkeys(hosts, LOCAL)}})
    assert code == 2
    for host in hosts:
        assert output.count(f"{host}: ignored") == 1
        assert output.count(f"{host}: rescued") == 2
        assert f"{host} " in output.partition("PLAY RECAP")[2]
    lines = [line for line in output.splitlines() if line.startswith("fatal: ")][-len(hosts) :]
    assert output.count("no such directory") == 1
    [first] = [host for host in hosts if f"{host}: no such directory" in output]
    assert sum(line.endswith(f'"msg": "the same error as {first}"}}') for line in lines) == len(hosts) - 1

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of kong_apply on a host: before and after a new connection, and the rollback of the firewall after a failure."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.gatehouse.kong.plugins.action.kong_apply import ActionModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils import _node_module
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.tests.unit.plugins.action.test_kong_firewall import Resettable
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._verification.test_node import FOUND, NODE

APPLY, FIREWALL = "kong_apply", "kong_firewall rolled_back"
FIRST = {"changed": True, "changes": {"ports": []}, "warnings": ["a ban"], "diff": {"before": "1", "after": "2"}}
SECOND = {"changed": True, "how": "reload", "warnings": ["readable"], "diff": [{"before": "3", "after": "4"}]}
FAILED = {"failed": True, "changed": True, "reason": "port taken", "msg": "port taken. /k is as before the run"}
CLOSES = {**FAILED, "restores_firewall": True}
LOST = "port taken. The rollback failed as well, at 'Allow exactly the sources that were allowed before': {}. "


def run(monkeypatch, *answers, **more):
    """Return the result of the task, and the calls on the host and changes of the connection."""
    events, left = [], iter(answers)

    def execute(module_name, module_args, task_vars, *, wrap_async):
        name = module_name.rpartition(".")[2]
        assert (module_args["archive"], wrap_async) == (f"code of {name}", False)
        if name == APPLY:
            assert (module_args["config"], module_args["found"]) == ({}, {})
            assert (module_args["node"]["how"], module_args["node"]["path"]) == ("reload", "/etc/kong.conf")
        else:
            assert (module_args["backend"], module_args["rollback_timeout"]) == ("auto", "45")
        called = " ".join(filter(None, (name, module_args.get("state"), module_args.get("confirm"))))
        events.append(called)
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    action = ActionModule.__new__(ActionModule)
    node = {**NODE, "config": ["log_level"]}
    given = {
        "node": node,
        "config": {"log_level": "debug"},
        "found": FOUND,
        "backend": "auto",
        "rollback_timeout": "45",
    }
    action._task = SimpleNamespace(
        action=f"gatehouse.kong.{APPLY}", args={**given, **more}, async_val=0, failed_when=[], until=[], retries=None, no_log=False,
        ignore_errors=True,
    )  # fmt: skip
    action._connection = Resettable(events)
    action._used_interpreter = None
    action._display = SimpleNamespace(display=lambda _text: None)
    monkeypatch.setattr(action, "_execute_module", execute)
    monkeypatch.setattr(_node_module, "provide_archive", lambda module: f"code of {module}")
    monkeypatch.setattr(action, "_remove_tmp_path", lambda _path: None)
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_words: {})
    try:
        result = action.run(None, {"inventory_hostname": "a1"})
    except TaskError as exc:
        result = exc.result
    assert [*left] == []
    return result, events


def test_one_call_without_a_change_of_the_firewall(monkeypatch):
    assert run(monkeypatch, SECOND) == (SECOND, [APPLY])


def test_the_call_after_the_new_connection_applies_the_settings(monkeypatch):
    result, events = run(monkeypatch, {**FIRST, "_transaction": "abc"}, SECOND)
    assert events == [APPLY, "reset", f"{APPLY} abc"]
    assert (result["changes"], result["how"], result["changed"]) == (FIRST["changes"], "reload", True)
    assert result["warnings"] == ["a ban", "readable"]
    assert [part["before"] for part in result["diff"]] == ["1", "3"]


@pytest.mark.parametrize("answer", [FAILED, {**FAILED, "restores_firewall": False}])
def test_a_firewall_that_both_states_need_is_left_alone(monkeypatch, answer):
    result, events = run(monkeypatch, {**FIRST, "_transaction": "abc"}, answer)
    assert (result["msg"], events) == (FAILED["msg"], [APPLY, "reset", f"{APPLY} abc"])
    assert "restores_firewall" not in result


def test_the_firewall_is_rolled_back_over_a_new_connection(monkeypatch):
    closed = {"changed": True, "warnings": ["not persisted"], "_transaction": "def"}
    result, events = run(monkeypatch, {**FIRST, "_transaction": "abc"}, CLOSES, closed, {"changed": True})
    assert events == [APPLY, "reset", f"{APPLY} abc", FIREWALL, "reset", f"{FIREWALL} def"]
    assert (result["failed"], result["msg"], result["warnings"]) == (True, FAILED["msg"], ["a ban", "not persisted"])


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([{"failed": True, "msg": "nft hangs"}], "nft hangs"),
        ([{"changed": True, "_transaction": "def"}, {"failed": True, "msg": "too late"}], "too late"),
    ],
)
def test_a_rollback_of_the_firewall_that_fails_is_in_the_message(monkeypatch, answers, error):
    result, _events = run(monkeypatch, {**FIRST, "_transaction": "abc"}, CLOSES, *answers)
    assert result["msg"].startswith(LOST.format(error))
    assert result["failed"] is True


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([], "timed out. "),
        ([{"_transaction": "def"}], "after the change of the rules a new connection to the host failed. The host rolls back within 45 "),
    ],
)  # fmt: skip
def test_a_failed_connection_during_the_rollback_is_in_the_message(monkeypatch, answers, error):
    lost = AnsibleConnectionFailure("timed out")
    result, _events = run(monkeypatch, {**FIRST, "_transaction": "abc"}, CLOSES, *answers, lost)
    assert result["msg"].startswith(LOST.format(error).removesuffix(". "))


def test_a_failed_connection_before_the_settings(monkeypatch):
    result, events = run(monkeypatch, {**FIRST, "_transaction": "abc"}, AnsibleConnectionFailure("timed\x1b out"))
    assert events == [APPLY, "reset", f"{APPLY} abc"]
    assert "the connection to the host failed" in result["msg"]
    assert result["msg"].endswith(
        r"within 45 seconds. Run the playbook again when the host is reachable: timed\x1b out"
    )


def test_a_change_that_was_not_confirmed_in_time_is_a_failure(monkeypatch):
    result, events = run(monkeypatch, {**FIRST, "_transaction": "abc"}, {"failed": True, "msg": "too late"})
    assert (result["failed"], result["msg"], len(events)) == (True, "too late", 3)


def test_settings_that_no_file_can_have_are_refused_before_the_host_is_reached(monkeypatch):
    result, events = run(monkeypatch, config={"proxy_listen": "0.0.0.0:80"})
    assert "proxy_listen" in result["msg"]
    assert events == []

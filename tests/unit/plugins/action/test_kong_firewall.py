# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

from ansible_collections.gatehouse.kong.plugins.action.kong_firewall import ActionModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils import _node_module
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError

FIRST = {"changed": True, "backend": "nftables", "backend_reason": "it is there", "changes": {"ports": []}}


class Resettable:
    """A connection that can be reset, like ssh."""

    def __init__(self, events):
        self._events = events
        self._shell = SimpleNamespace(tmpdir="/tmp/1")

    def reset(self):
        self._events.append("reset")


class Plain:
    """A connection that cannot be reset, like most connections."""

    reset = ConnectionBase.reset

    def __init__(self, events):
        self.close = lambda: events.append("close")
        self._shell = SimpleNamespace(tmpdir="/tmp/1")


def run(monkeypatch, answers, args=None, connection=Resettable):
    """Return the result and the events: module calls with their confirmation, and changes of the connection."""
    events = []
    left = iter(answers)

    def execute(module_name, module_args, task_vars, *, wrap_async):
        assert (module_name, wrap_async) == ("gatehouse.kong.kong_firewall", False)
        assert module_args["archive"] == "code of kong_firewall"
        events.append(module_args.get("confirm", "run"))
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    action = ActionModule.__new__(ActionModule)
    arguments = args or {"backend": "auto", "ruleset": {}}
    action._task = SimpleNamespace(
        action="gatehouse.kong.kong_firewall",
        args=arguments,
        async_val=0,
        failed_when=[],
        until=[],
        retries=None,
        no_log=False,
        ignore_errors=True,
    )
    action._connection = connection(events)
    action._used_interpreter = None
    action._display = SimpleNamespace(display=events.append)
    monkeypatch.setattr(action, "_execute_module", execute)
    monkeypatch.setattr(_node_module, "provide_archive", lambda module: f"code of {module}")
    monkeypatch.setattr(action, "_remove_tmp_path", lambda _path: None)
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_words: {})
    return action.run(None, {"inventory_hostname": "a1"}), events


def test_one_module_call_without_a_change(monkeypatch):
    unchanged = {**FIRST, "changed": False}
    assert run(monkeypatch, [unchanged]) == (unchanged, ["run"])


@pytest.mark.parametrize("connection, renewed", [(Resettable, "reset"), (Plain, "close")])
def test_change_is_confirmed_over_a_new_connection(monkeypatch, connection, renewed):
    answers = [{**FIRST, "_transaction": "abc"}, {"changed": True, "backend": "nftables"}]
    result, events = run(monkeypatch, answers, connection=connection)
    assert result == FIRST
    assert events == ["run", renewed, "abc", "a1: backend nftables, because it is there"]


def test_failure_without_a_new_connection_announces_the_rollback(monkeypatch):
    answers = [{**FIRST, "_transaction": "abc"}, AnsibleConnectionFailure("timed\x1b out")]
    with pytest.raises(TaskError) as caught:
        run(monkeypatch, answers, {"backend": "nftables", "rollback_timeout": 45})
    result = caught.value.result
    assert (result["failed"], result["changed"]) == (True, True)
    assert "rolls back within 45 seconds: timed\\x1b out" in result["msg"]


def test_failed_confirmation_fails_the_task(monkeypatch):
    answers = [{**FIRST, "_transaction": "abc"}, {"failed": True, "msg": "too late"}]
    with pytest.raises(TaskError, match="too late") as caught:
        run(monkeypatch, answers)
    assert (caught.value.result["failed"], caught.value.result["msg"]) == (True, "too late")


def test_texts_of_the_host_are_escaped(monkeypatch):
    result, events = run(
        monkeypatch, [{**FIRST, "backend_reason": "\x1b[2J", "msg": "a\nb", "ansible_facts": {"kong_role": 1}}]
    )
    assert events == ["run", r"a1: backend nftables, because \x1b[2J"]
    assert result == {**FIRST, "backend_reason": r"\x1b[2J", "msg": r"a\nb"}


def test_selected_backend_is_not_announced(monkeypatch):
    _result, events = run(monkeypatch, [FIRST], {"backend": "nftables"})
    assert events == ["run"]

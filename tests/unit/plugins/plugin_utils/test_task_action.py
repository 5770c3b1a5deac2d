# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of the action plugins: its result, and the tasks that get a failed result instead."""

from __future__ import annotations

import gc
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils import _run
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskAction, TaskError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(_run.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))


def test_the_result_of_a_task():
    error = TaskError("it failed", {"errors": 2})
    assert error.result == {"errors": 2, "failed": True, "msg": "it failed"}
    assert str(error) == "it failed"
    assert TaskError("it failed").result == {"failed": True, "msg": "it failed"}


def test_roles_and_playbooks_use_no_task_whose_message_is_printed_twice():
    root = Path(__file__).resolve().parents[4]
    files = [*root.glob("playbooks/*.yml"), *root.glob("roles/*/tasks/*.yml")]
    assert len(files) > 20
    twice = ("ansible.builtin.fail:", "ansible.builtin.assert:")
    assert [file for file in files if any(word in file.read_text(encoding="utf-8") for word in twice)] == []


class FailingAction(TaskAction):
    """An action whose task fails."""

    def __init__(self, monkeypatch, **keywords):
        monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_words: {})
        self._task = SimpleNamespace(
            **{
                "failed_when": [],
                "until": [],
                "retries": None,
                "no_log": False,
                "ignore_errors": False,
                "_parent": None,
                **keywords,
            }
        )

    def perform(self, task_vars):
        raise TaskError("wrong", {"errors": 1})


class CountingAction(FailingAction):
    """An action that returns the number of objects that the collector of garbage leaves out."""

    def perform(self, task_vars):
        return {"frozen": gc.get_freeze_count()}


def test_garbage_is_searched_only_among_objects_of_the_task(monkeypatch):
    gc.unfreeze()
    try:
        assert CountingAction(monkeypatch).run()["frozen"] > 10_000
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("judgement", ["failed_when", "until"])
def test_a_task_that_judges_its_result_gets_the_failed_result(monkeypatch, judgement):
    result = FailingAction(monkeypatch, **{judgement: ["condition"]}).run()
    # `failed_when` replaces `failed`, so a later task finds the failure by `problem`.
    assert result == {"changed": False, "errors": 1, "failed": True, "msg": "wrong", "problem": "wrong"}


def test_any_other_task_gets_the_error(monkeypatch):
    with pytest.raises(TaskError, match="wrong"):
        FailingAction(monkeypatch).run()


class FailingNode(FailingAction):
    """An action that fails with a text about its host."""

    def perform(self, task_vars):
        raise TaskError(task_vars["text"], {"errors": 1})


def fail(monkeypatch, host, text, **keywords):
    """Return the message of the error of a host."""
    with pytest.raises(TaskError) as caught:
        FailingNode(monkeypatch, **keywords).run(task_vars={"inventory_hostname": host, "text": text})
    assert caught.value.result == {"errors": 1, "failed": True, "msg": str(caught.value)}
    return str(caught.value)


def test_a_host_names_the_first_host_with_the_same_error(monkeypatch):
    text = "{0}: no /etc/kong. Create it on {0}"
    assert fail(monkeypatch, "k1", text.format("k1")) == "k1: no /etc/kong. Create it on k1"
    assert fail(monkeypatch, "k2", text.format("k2")) == "the same error as k1"
    assert fail(monkeypatch, "k3", text.format("k3")) == "the same error as k1"
    # A task of a loop, and a task that is repeated.
    assert fail(monkeypatch, "k1", text.format("k1")) == "k1: no /etc/kong. Create it on k1"
    assert fail(monkeypatch, "k2", "no /etc/nginx") == "no /etc/nginx"


@pytest.mark.parametrize("text", ["no {0}0", "no {0}.conf", "no a-{0}", "no a.{0}"])
def test_other_names_with_the_name_of_the_host_make_another_error(monkeypatch, text):
    for host in ("k1", "k2"):
        assert fail(monkeypatch, host, text.format(host)) == text.format(host)


BLOCK = SimpleNamespace(rescue=[], always=[], _parent=None)


@pytest.mark.parametrize(
    "keywords",
    [
        {"ignore_errors": True},
        {"_parent": SimpleNamespace(rescue=["task"], always=[], _parent=None)},
        {"_parent": SimpleNamespace(rescue=[], always=["task"], _parent=BLOCK)},
        {
            "_parent": SimpleNamespace(
                rescue=[], always=[], _parent=SimpleNamespace(rescue=["task"], always=[], _parent=None)
            )
        },
    ],
)
def test_the_error_is_complete_if_another_task_may_read_it(monkeypatch, keywords):
    for host in ("k1", "k2"):
        assert fail(monkeypatch, host, "wrong", **keywords) == "wrong"
    assert fail(monkeypatch, "k1", "wrong", _parent=BLOCK) == "wrong"
    assert fail(monkeypatch, "k2", "wrong", _parent=BLOCK) == "the same error as k1"


class FailedModule(FailingAction):
    """An action whose module has failed."""

    def __init__(self, monkeypatch, answer, **keywords):
        super().__init__(monkeypatch, **keywords)
        self.answer = answer

    def perform(self, task_vars):
        return self.answer


FAILED = {"failed": True, "msg": "wrong", "how": "nothing"}


def test_a_failed_module_is_an_error_with_its_result(monkeypatch):
    # From ansible-core 2.19 on.
    exception = SimpleNamespace(event=SimpleNamespace(formatted_traceback=None))
    with pytest.raises(TaskError, match="wrong"):
        FailedModule(monkeypatch, {**FAILED, "exception": exception}).run()
    with pytest.raises(TaskError, match="wrong") as caught:
        FailedModule(monkeypatch, FAILED).run()
    assert caught.value.result == FAILED


@pytest.mark.parametrize(
    ("answer", "keywords"),
    [
        # A defect, whose traceback is needed.
        ({**FAILED, "exception": "traceback"}, {}),
        ({**FAILED, "exception": SimpleNamespace(event=SimpleNamespace(formatted_traceback="x"))}, {}),
        ({**FAILED, "module_stderr": "traceback"}, {}),
        ({"failed": True}, {}),
        # Ansible-core 2.17 hides results only.
        (FAILED, {"no_log": True}),
        ({"changed": True, "msg": "done"}, {"failed_when": ["condition"]}),
        ({"changed": True, "msg": "done"}, {}),
    ],
)
def test_other_results_are_returned(monkeypatch, answer, keywords):
    assert {**FailedModule(monkeypatch, answer, **keywords).run(), "changed": 0} == {**answer, "changed": 0}


@pytest.mark.parametrize(
    ("answer", "keywords", "problem"),
    [
        (FAILED, {"failed_when": ["condition"]}, "wrong"),
        (FAILED, {"retries": 3}, "wrong"),
        ({**FAILED, "module_stderr": "traceback"}, {"failed_when": ["condition"]}, "wrong"),
        ({"failed": True}, {"failed_when": ["condition"]}, "the task failed"),
    ],
)
def test_a_failed_result_has_its_problem(monkeypatch, answer, keywords, problem):
    result = FailedModule(monkeypatch, answer, **keywords).run()
    assert {**result, "changed": 0} == {**answer, "changed": 0, "problem": problem}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of kong_complete, in their order, with doubles of the modules whose work it does."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import InterceptionError
from ansible_collections.gatehouse.kong.plugins.module_utils._modules import kong_complete, kong_transparent
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import LockoutError

RULES = {"changed": False, "backend": "nftables", "diff": {"before": "1", "after": "2"}}
OUTCOME = SimpleNamespace(before="3", after="4", drift=(), stale=())


@pytest.fixture
def complete(monkeypatch):
    """Return a function that runs the module and returns its result and its steps; `answers` replaces results of steps."""

    def run(*, answers=None, check=False, diff=False, **given):
        steps = []

        def answer(step, result):
            steps.append(step)
            found = (answers or {}).get(step, result)
            if isinstance(found, Exception):
                raise found
            return dict(found)

        def change_rules(_module, params):
            return answer("confirm" if params["confirm"] else params["state"], RULES)

        def apply_interception(params, _warn, check_mode):
            found = answer(f"intercept {params['state']}", {"changed": True, "report": params["interception"]})
            assert check_mode is check
            return found, OUTCOME

        monkeypatch.setattr(kong_complete, "require_root", lambda _work: None)
        monkeypatch.setattr(kong_complete, "change_rules", change_rules)
        monkeypatch.setattr(kong_transparent, "apply_interception", apply_interception)
        monkeypatch.setattr(
            kong_complete, "apply_to_node", lambda _module, params: answer(f"{params['state']} {params['service']}", {})
        )
        results = []

        def end(**result):
            results.append(result)
            raise SystemExit

        options = {
            "state": "present",
            "confirm": None,
            "interception": None,
            "interception_state": "present",
            "service": "kong",
        }
        module = SimpleNamespace(
            params={**options, **given}, check_mode=check, _diff=diff, warn=None, exit_json=end,
            fail_json=lambda **result: end(**result, failed=True),
        )  # fmt: skip
        with pytest.raises(SystemExit):
            kong_complete.run(module)
        return results[0], steps

    return run


def test_without_a_change_of_the_firewall_one_call_does_everything(complete):
    assert complete() == (RULES, ["present", "kept kong"])
    result, steps = complete(interception=[{"port": 80}], state="staged", diff=True, service="k2")
    assert steps == ["staged", "intercept present", "kept k2"]
    assert (result["changed"], result["interception"]["report"]) == (True, [{"port": 80}])
    assert [part["before"] for part in result["diff"]] == ["1", "3"]


def test_a_change_of_the_firewall_is_confirmed_before_the_other_steps(complete):
    first = {**RULES, "changed": True, "_transaction": "t1"}
    assert complete(answers={"present": first}, interception=[]) == (first, ["present"])
    result, steps = complete(confirm="t1", answers={"confirm": {"changed": True}}, interception=[], diff=True)
    assert steps == ["confirm", "intercept present", "kept kong"]
    assert (result["changed"], [part["before"] for part in result["diff"]]) == (True, ["3"])


def test_intercept_rules_are_removed_without_a_list_of_rules(complete):
    assert complete(interception_state="absent")[1] == ["present", "intercept absent", "kept kong"]


def test_unchanged_intercept_rules_keep_the_change_of_the_firewall(complete):
    answers = {"confirm": {"changed": True}, "intercept present": {"changed": False}}
    assert complete(confirm="t1", interception=[], answers=answers)[0]["changed"] is True


def test_check_mode_has_the_same_steps(complete):
    """kong_restore_point itself keeps nothing in check mode."""
    assert complete(interception=[], check=True)[1] == ["present", "intercept present", "kept kong"]


@pytest.mark.parametrize(
    ("step", "error", "steps"),
    [
        ("present", LockoutError("no"), 1),
        ("present", HostError("no"), 1),
        ("intercept present", InterceptionError("no"), 2),
        ("kept kong", OSError("no"), 3),
    ],
)
def test_a_node_that_is_not_complete_keeps_its_open_restore_point(complete, step, error, steps):
    result, done = complete(answers={step: error}, interception=[])
    assert (result, len(done)) == ({"failed": True, "msg": "no"}, steps)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of kong_plan in one process, case by case. Its other tests are real runs."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.gatehouse.kong.plugins.action import kong_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils import _terminal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import PartedPlan, write_parts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run_plan import RefusedError, RunPlan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

NODES = {
    name: {"kong_version": "3.9", "kong_address": f"10.0.0.{name[1]}", "kong_proxy_sources": ["bastion"]}
    for name in ("a1", "a2", "a3")
}
OTHERS = {"bastion": {"kong_address": "10.0.0.9"}}
PLAN = plan_fleet(NODES, OTHERS)
SMALLER = plan_fleet({name: NODES[name] for name in ("a1", "a2")}, OTHERS)
VARIABLES = {"inventory_hostname": "a1", "groups": {"all": [*NODES, *OTHERS]}}
MANY_MORE = "2 more warnings: with kong_report_path, the playbook plan writes all findings to a report"


def make_findings(*severities):
    return [
        {"severity": severity, "code": "x", "host": f"n{number}", "hosts": [f"n{number}"], "variable": f"v{number}", "value": 1,
         "message": f"v{number}: wrong"}
        for number, severity in enumerate(severities)
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that returns the result of kong_plan for a plan, or for an error, and the printed texts."""

    def run_plan(plan, *, is_new=True, diff=False, check_mode=False, **arguments):
        def get_plan(*given):
            run_plan.asked = given
            if isinstance(plan, Exception):
                raise plan
            write_parts(tmp_path / "kept", plan)
            return RunPlan(PartedPlan(tmp_path / "kept"), is_new, "the path")

        printed = run_plan.printed = []
        monkeypatch.setattr(kong_plan, "get_plan", get_plan)
        monkeypatch.setattr(
            _terminal, "Display", lambda: SimpleNamespace(display=lambda text, stderr: printed.append(text))
        )
        action = kong_plan.ActionModule.__new__(kong_plan.ActionModule)
        action._task = SimpleNamespace(
            args=arguments,
            check_mode=check_mode,
            async_val=0,
            diff=diff,
            failed_when=[],
            until=[],
            retries=None,
            no_log=False,
            ignore_errors=True,
        )
        action._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
        action._templar, action._loader = "templar", "loader"
        return action.run(None, VARIABLES), printed

    return run_plan


def test_the_result_has_the_names_and_the_numbers_of_findings(run):
    plan = {**PLAN, "findings": make_findings("warning", "info", "warning")}
    result, printed = run(plan)
    assert printed == []
    assert result == {
        "changed": False,
        "path": "the path",
        "nodes": ["a1", "a2", "a3"],
        "hosts": ["bastion"],
        "gateways": [],
        "findings": {"warning": 2, "info": 1},
        "warnings": ["n0: v0: wrong [x]", "n2: v2: wrong [x]"],
    }
    assert run.asked == ("kong", VARIABLES, "templar", "loader")
    run(plan, group="edge")
    assert run.asked[0] == "edge"


@pytest.mark.parametrize(
    ("count", "more"),
    [(0, []), (1, []), (3, []), (4, [MANY_MORE.replace("2 more warnings", "1 more warning")]), (5, [MANY_MORE])],
)
def test_three_warnings_are_shown(run, count, more):
    result, _printed = run({**PLAN, "findings": make_findings("info", *["warning"] * count)})
    assert (
        result.get("warnings", []) == [f"n{number}: v{number}: wrong [x]" for number in range(1, count + 1)][:3] + more
    )
    assert ("warnings" in result) is (count > 0)


def test_the_lines_of_a_warning_are_sentences(run):
    first, second = make_findings("warning", "warning")
    shared = [{**first, "message": "v: 8000: wrong"}, {**second, "variable": "v0", "message": "v: 8001: wrong"}]
    result, _printed = run({**PLAN, "findings": shared})
    assert result["warnings"] == ["n0 to n1, 2 nodes: v: 8000: wrong [x]. Values: 8000 (n0), 8001 (n1)"]


@pytest.mark.parametrize(("arguments", "is_shown", "is_returned"), [
    ({}, False, False), ({"show": True}, True, False), ({"return_plan": True}, False, True),
    ({"show": True, "return_plan": True}, True, True),
])  # fmt: skip
def test_the_plan_is_printed_and_returned_on_request(run, arguments, is_shown, is_returned):
    plan = {**PLAN, "findings": make_findings("warning")}
    result, printed = run(plan, **arguments)
    assert printed == (["\n".join(["", *format_plan(plan), ""])] if is_shown else [])
    assert result.get("plan") == (plan if is_returned else None)
    # The printed plan has the warnings.
    assert ("warnings" in result) is not is_shown


def test_warnings_are_shown_by_the_task_that_compiles_the_plan(run):
    assert "warnings" not in run({**PLAN, "findings": make_findings("warning")}, is_new=False)[0]


@pytest.mark.parametrize(
    ("count", "listed"), [(1, "listed above"), (10, "listed above"), (11, "of which the first 10 are listed above")]
)
def test_a_refusal_prints_its_errors(run, count, listed):
    with pytest.raises(TaskError) as refused:
        run(RefusedError(make_findings("warning", *["error"] * count)))
    number = "1 error" if count == 1 else f"{count} errors"
    message = f"There is no plan for this inventory: {number} (x), {listed}. No host was touched."
    assert refused.value.result == {"failed": True, "msg": message, "errors": count}
    [text] = run.printed
    assert text.startswith(
        "\nThere is no plan for this inventory, and no host was touched:\n- error: n1: v1: wrong [x]\n"
    )
    assert text.count("- error: ") == min(count, 10)
    assert "n0" not in text


def test_other_errors_of_the_plan_fail_the_task(run):
    with pytest.raises(AnsibleActionFail, match="kong_strict: 'x'"):
        run(PlanError("kong_strict: 'x'"))


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("before", [None, "", dump_json(PLAN), dump_json(SMALLER), "\n"])
def test_the_plan_file(run, tmp_path, before, check_mode):
    file = tmp_path / "plan.json"
    if before is not None:
        file.write_text(before, encoding="utf-8")
    result, _printed = run(PLAN, path=str(file), check_mode=check_mode)
    is_changed = before != dump_json(PLAN)
    assert (result["changed"], result["file"]) == (is_changed, str(file))
    assert "diff" not in result
    after = file.read_text(encoding="utf-8") if file.exists() else None
    assert after == (before if check_mode else dump_json(PLAN))


def test_nodes_that_left_are_kept_in_the_file_and_warned_of(run, tmp_path):
    file = tmp_path / "plan.json"
    file.write_text(dump_json(PLAN), encoding="utf-8")
    smaller = {**SMALLER, "findings": make_findings("warning")}
    result, _printed = run(smaller, path=str(file))
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written == {**smaller, "left": {"a3": written["left"]["a3"]}}
    own, left = result["warnings"]
    assert own == "n0: v0: wrong [x]"
    assert left.startswith("a3: kong_group: this node of an older plan left the group")
    # a3 is in the inventory, and the file is part of the command.
    assert f"kong_plan_file={file}" in left
    assert left.endswith("-e leaving=a3 [node-left]")
    # Only the file has the node now.
    result, _printed = run(smaller, path=str(file), is_new=False)
    assert result["changed"] is False
    assert [text.partition(":")[0] for text in result["warnings"]] == ["a3"]


def test_an_unchanged_file_has_no_diff(run, tmp_path):
    file = tmp_path / "plan.json"
    file.write_text(dump_json(PLAN), encoding="utf-8")
    assert run(PLAN, path=str(file), diff=True, check_mode=True)[0]["diff"] == {"prepared": ""}


def change_plan(**parts):
    return json.dumps({**PLAN, **parts})


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (dump_json(PLAN)[:-9], "this is not JSON"),
        ("x", "this is not JSON"),
        ("{}", "this is not a plan of format 1"),
        (change_plan(format=2), "this is not a plan of format 1"),
        (change_plan(left=None), "`left` is null, not a dictionary"),
        (change_plan(left=[]), "`left` is [], not a dictionary"),
        (change_plan(left={"k2": None}), "`left` has no site and address of k2: null"),
        (change_plan(left={"k2": {"site": "a", "address": "10.0.0.1"}}), "`left` has no site and address of k2: {"),
        (change_plan(nodes={"k2": 5}), "`nodes` has no site and address of k2: 5"),
        (change_plan(nodes=[]), "`nodes` is [], not a dictionary"),
        (change_plan(sets=None), "`sets` is null, not a dictionary"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_file_that_is_no_plan_is_not_replaced(run, tmp_path, before, reason, check_mode):
    """It may be a damaged plan, with the nodes that left, or another file of the user."""
    file = tmp_path / "plan.json"
    file.write_text(before, encoding="utf-8")
    with pytest.raises(AnsibleActionFail) as caught:
        run(PLAN, path=str(file), check_mode=check_mode)
    message = str(caught.value)
    assert message.startswith(f"kong_plan_file: {file} was not replaced: ")
    assert (reason in message, "delete the file" in message, len(message) < 400) == (True, True, True)
    assert file.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(("before", "is_warning"), [("", True), ("\n", True), (None, False)])
def test_an_empty_file_names_no_nodes_that_left(run, tmp_path, before, is_warning):
    file = tmp_path / "plan.json"
    if before is not None:
        file.write_text(before, encoding="utf-8")
    warnings = run(PLAN, path=str(file))[0].get("warnings", [])
    assert (
        warnings
        == [f"kong_plan_file: {file} was empty, so nodes that left since an older plan are not named"] * is_warning
    )


def test_the_diff_of_two_plans_is_their_changes(run, tmp_path):
    file = tmp_path / "plan.json"
    file.write_text(dump_json(SMALLER), encoding="utf-8")
    result, _printed = run(PLAN, path=str(file), diff=True)
    lines = result["diff"]["prepared"].splitlines(keepends=True)
    assert any("a3" in line for line in lines)
    assert all(line.endswith("\n") for line in lines)
    file.unlink()
    assert "a1" in run(PLAN, path=str(file), diff=True)[0]["diff"]["prepared"]

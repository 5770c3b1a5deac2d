# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import context

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import has_text, read_file, replace_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import group_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import WARNING, format_finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import list_json_pieces
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import compare_plans
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes_text import format_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import NO_PLAN, PlanError, parse_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import Run, list_left, make_left_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import (
    count_hidden_findings,
    format_findings,
    format_plan,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run_plan import (
    RefusedError,
    check_before_facts,
    get_plan,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show, show_once
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun

_ARGUMENTS = {
    "group": {"type": "str", "default": "kong"},
    "path": {"type": "path"},
    "show": {"type": "bool", "default": False},
    "return_plan": {"type": "bool", "default": False},
    "before_facts": {"type": "bool", "default": False},
}
_SHOWN_WARNINGS = 3


class ActionModule(ControllerAction):
    """Compile the fleet on the controller; no host is connected to."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        try:
            if arguments["before_facts"]:
                check_before_facts(arguments["group"], variables, self._loader)
                return {}
            kept = get_plan(arguments["group"], variables, self._templar, self._loader)
        except RefusedError as exc:
            raise _refuse(exc, variables["inventory_hostname"]) from None
        result = {"path": kept.path, **_summarise(kept.plan)}
        plan = kept.plan.as_dict() if arguments["return_plan"] or arguments["show"] else kept.plan
        if arguments["return_plan"]:
            result["plan"] = plan
        if arguments["show"]:
            show(format_plan(plan))
        elif kept.is_new and (warnings := _format_warnings(plan["findings"])):
            result["warnings"] = warnings
        if arguments["path"]:
            result.update(self._write(Path(arguments["path"]), plan, result.get("warnings", []), variables))
        return result

    def _write(
        self, path: Path, plan: Mapping[str, Any], warnings: Sequence[str], variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make the plan file have this plan, unless this is check mode, and return what that changes.

        The new file keeps the nodes of the old file that left the fleet. They are added to the warnings.
        """
        old = _read_old_plan(path)
        left = list_left(old or NO_PLAN, plan)
        new = {**plan, "left": left} if left else plan
        is_changed = not has_text(path, list_json_pieces(new))
        run = Run(variables["groups"]["all"], context.CLIARGS.get("inventory") or (), path)
        result: dict[str, Any] = {"changed": is_changed, "file": str(path)}
        # Each has a command of its own.
        found = [*map(format_finding, make_left_findings(old or NO_PLAN, plan, run))]
        if old is None:
            found = [f"kong_plan_file: {path} was empty, so nodes that left since an older plan are not named"]
        if found:
            result["warnings"] = [*warnings, *_limit_warnings(found)]
        if self._task.diff:
            result["diff"] = _make_diff(old or NO_PLAN, new) if is_changed else {"prepared": ""}
        if is_changed and not self._task.check_mode:
            replace_file(path, list_json_pieces(new))
        return result


def _read_old_plan(path: Path) -> Mapping[str, Any] | None:
    """Return the plan in the old file, an empty plan without a file, or None for an empty file.

    Raises PlanError for other text, which would be lost: the file may name nodes that left, or be no plan file at all.
    """
    text = read_file(path)
    try:
        return parse_plan(text) if text.strip() else None if path.exists() else NO_PLAN
    except PlanError as exc:
        raise PlanError(
            f"kong_plan_file: {path} was not replaced: {exc}. Restore the older plan. If there is none, delete the file; nodes that "
            "left since that plan are then not named"
        ) from exc


def _make_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Return the diff for Ansible: gained and lost sources."""
    return {"prepared": "".join(f"{line}\n" for line in format_changes(compare_plans(old, new)))}


def _refuse(refused: RefusedError, host: str) -> TaskError:
    """Print the errors, and return the error of the task, which does not repeat them."""
    title = "There is no plan for this inventory, and no host was touched:"
    show_once([title, *format_findings(refused.errors)], host)
    shown, hidden = count_hidden_findings(refused.errors)
    listed = f"of which the first {shown} are listed above" if hidden else "listed above"
    return TaskError(f"{refused}, {listed}. No host was touched.", {"errors": shown + hidden})


def _summarise(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names of the hosts and the numbers of findings, which stay small in a large fleet."""
    severities = Counter(finding["severity"] for finding in plan["findings"])
    return {
        "nodes": [*plan["nodes"]],
        "hosts": [*plan["hosts"]],
        "gateways": [*plan.get("gateways", ())],
        "findings": dict(severities),
    }


def _format_warnings(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    groups = group_findings(finding for finding in findings if finding["severity"] == WARNING)
    return _limit_warnings([". ".join(line.rstrip(".") for line in group.format_lines()) for group in groups])


def _limit_warnings(warnings: Sequence[str]) -> list[str]:
    more = len(warnings) - _SHOWN_WARNINGS
    advice = (
        f"{count_noun(more, 'more warning')}: with kong_report_path, the playbook plan writes all findings to a report"
    )
    return [*warnings[:_SHOWN_WARNINGS], *([advice] if more > 0 else [])]

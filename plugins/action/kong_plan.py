# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import AnsibleInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import update_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    ERROR,
    WARNING,
    format_finding,
    share_findings,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._libraries import require_libraries
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import compare_plans, format_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan, dump_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import NO_PLAN, parse_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import make_left_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_findings, format_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run import keep_refused, lock_plan_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun

_ARGUMENTS = {
    "group": {"type": "str", "default": "kong"},
    "path": {"type": "path"},
    "show": {"type": "bool", "default": False},
}
_SHOWN_WARNINGS = 3
# With kong_strict, warnings are errors.
_STRICT = {WARNING: ERROR}


class ActionModule(ControllerAction):
    """Compile the fleet on the controller; no host is connected to."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        require_libraries()
        with lock_plan_file(arguments["group"]) as kept:
            is_first = not kept.exists()
            if is_first:
                with _without_garbage_collection():
                    compilation = compile_plan(AnsibleInventory(variables, self._loader), arguments["group"])
                findings = share_findings(compilation.findings)
                if self._is_strict(variables):
                    findings = [
                        {**finding, "severity": _STRICT.get(finding["severity"], finding["severity"])}
                        for finding in findings
                    ]
                if compilation.plan is None or any(finding["severity"] == ERROR for finding in findings):
                    keep_refused(arguments["group"], findings)
                    return _refuse(findings)
                plan = compilation.plan
                kept.write_text(json.dumps(plan), encoding="utf-8")
            else:
                plan = json.loads(kept.read_text(encoding="utf-8"))
        result: dict[str, Any] = {"plan": plan}
        if arguments["show"]:
            show(format_plan(plan))
        elif is_first and (warnings := _format_warnings(plan["findings"])):
            result["warnings"] = warnings
        if arguments["path"]:
            result.update(self._write(Path(arguments["path"]), plan, result.get("warnings", []), variables))
        return result

    def _is_strict(self, variables: Mapping[str, Any]) -> bool:
        value = self._templar.template(variables.get("kong_strict"))
        if value is None:
            return False
        try:
            return bool(boolean(value))
        except TypeError as exc:
            raise AnsibleActionFail(f"kong_strict: {value!r} is neither true nor false") from exc

    def _write(
        self, path: Path, plan: Mapping[str, Any], warnings: Sequence[str], variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make the plan file have this plan, unless this is check mode, and return what that changes.

        Nodes of the old file that left the fleet are added to the warnings.
        """
        text = dump_plan(plan)
        before = update_file(path, text, check_mode=self._task.check_mode) or ""
        old = _read_old_plan(before)
        left = make_left_findings(
            old or NO_PLAN, plan, variables["groups"]["all"], context.CLIARGS.get("inventory") or ()
        )
        result: dict[str, Any] = {"changed": before != text, "path": str(path)}
        if left:
            result["warnings"] = [*warnings, *map(format_finding, left)]
        if self._task.diff:
            result["diff"] = _make_diff(path, before, text, old)
        return result


def _read_old_plan(text: str) -> Mapping[str, Any] | None:
    """Return the plan in the text of the old file, an empty plan without a file, or None for other text."""
    try:
        return parse_plan(text) if text else NO_PLAN
    except PlanError:
        return None


def _make_diff(path: Path, before: str, after: str, old: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the diff for Ansible: gained and lost sources, or both texts if the old file was not a plan."""
    if old is None:
        return {"before_header": str(path), "after_header": str(path), "before": before, "after": after}
    lines = format_changes(compare_plans(old, json.loads(after))) if before != after else []
    return {"prepared": "".join(f"{line}\n" for line in lines)}


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Turn off garbage collection while the model grows: nothing is freed, and each search would visit the whole inventory."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _refuse(findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Print the errors, and return a result that does not repeat them."""
    errors = [finding for finding in findings if finding["severity"] == ERROR]
    show(["There is no plan for this inventory, and no host was touched:", *format_findings(errors)])
    codes = ", ".join(dict.fromkeys(finding["code"] for finding in errors))
    return {
        "failed": True,
        "msg": f"There is no plan for this inventory: {count_noun(len(errors), 'error')} ({codes}), listed above. No host was touched.",
        "errors": len(errors),
    }


def _format_warnings(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    warnings = [format_finding(finding) for finding in findings if finding["severity"] == WARNING]
    more = len(warnings) - _SHOWN_WARNINGS
    advice = [f"{count_noun(more, 'more warning')}: run the playbook gatehouse.kong.plan"] if more > 0 else []
    return warnings[:_SHOWN_WARNINGS] + advice

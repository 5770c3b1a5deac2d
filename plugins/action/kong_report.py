# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.gatehouse.kong.plugins.plugin_utils._queries import PlanError, check_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report import html_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report_meanings import meanings_in

_ARGUMENTS = {
    "plan": {"type": "dict", "required": True},
    "path": {"type": "path", "required": True},
}
_FINDINGS = Path(__file__).parents[2] / "docs" / "findings.md"


class ActionModule(ActionBase):
    """Write on the controller; no host is connected to."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _spec, arguments = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        try:
            plan = check_plan(arguments["plan"])
        except PlanError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        path = Path(arguments["path"])
        try:
            changed = self._write(path, html_of(plan, meanings_in(_FINDINGS.read_text(encoding="utf-8"))))
        except OSError as exc:
            raise AnsibleActionFail(f"the report {str(path)!r} cannot be written: {exc.strerror}") from exc
        self._display.display(f"\nThe report: {path.resolve()}\n")
        return {**result, "changed": changed, "path": str(path.resolve())}

    def _write(self, path: Path, text: str) -> bool:
        changed = not path.exists() or path.read_text(encoding="utf-8") != text
        if changed and not self._task.check_mode:
            path.write_text(text, encoding="utf-8")
        return changed

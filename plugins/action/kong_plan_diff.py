# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import refusal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import change_lines, changes_between
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import read_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show

_ARGUMENTS = {
    "old": {"type": "path", "required": True},
    "new": {"type": "path", "required": True},
}


class ActionModule(ActionBase):
    """Compare on the controller, without a connection to a host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if refused := refusal(task_vars or {}):
            raise AnsibleActionFail(refused)
        _spec, arguments = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        try:
            old, new = (read_plan(Path(arguments[name])) for name in ("old", "new"))
        except PlanError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        changes = changes_between(old, new)
        show(change_lines(changes))
        return {**result, "changed": False, "changes": [change.as_dict() for change in changes]}

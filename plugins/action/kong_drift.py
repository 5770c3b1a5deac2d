# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import FileError, update_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import refusal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import PlanError, check_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import PARTS, drift_lines, gather

_ARGUMENTS = {
    "plan": {"type": "dict", "required": True},
    **{part: {"type": "str"} for part in PARTS},
    "path": {"type": "path"},
}


class ActionModule(ActionBase):
    """Collect the results on the controller, without a connection to a host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if refused := refusal(task_vars or {}):
            raise AnsibleActionFail(refused)
        _spec, arguments = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        try:
            plan = check_plan(arguments["plan"])
        except PlanError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        hostvars = (task_vars or {})["hostvars"]
        drift = gather(
            plan, {node: _registered(hostvars[node], arguments) for node in plan["nodes"] if node in hostvars}
        )
        data = drift.as_dict()
        show(drift_lines(data))
        if arguments["path"]:
            try:
                update_file(Path(arguments["path"]), json.dumps(data, indent=2) + "\n", check_mode=False)
            except FileError as exc:
                raise AnsibleActionFail(f"path: {exc}") from exc
        return {**result, "changed": False, **data}


def _registered(variables: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the registered results of a host by part, without tasks that were skipped or did not run."""
    found = {part: variables.get(arguments[part]) for part in PARTS if arguments[part]}
    return {part: result for part, result in found.items() if result and not result.get("skipped")}

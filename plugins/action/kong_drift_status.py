# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import refusal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import drift_summary

_ARGUMENTS = {"drift": {"type": "dict", "required": True}}


class ActionModule(ActionBase):
    """Set the status on the controller, without a connection to a host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if refused := refusal(task_vars or {}):
            raise AnsibleActionFail(refused)
        _spec, arguments = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        drift = arguments["drift"]
        summary = drift_summary(drift)
        if drift["differs"]:
            return {**result, "failed": True, "msg": f"{summary}. The differences are listed above."}
        if drift["not_checked"]:
            return {
                **result,
                "unreachable": True,
                "msg": f"{summary}. The nodes that were not checked are listed above.",
            }
        return {**result, "changed": False, "msg": summary}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import NO_PLAN, format_drift_summary

_ARGUMENTS = {"drift": {"type": "dict", "required": True}}


class ActionModule(ControllerAction):
    """Set the status on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        drift = arguments["drift"]
        summary = format_drift_summary(drift)
        if drift["differs"]:
            raise TaskError(f"{summary}. The differences are listed above.")
        if all(reasons == [NO_PLAN] for reasons in drift["not_checked"].values()) and drift["not_checked"]:
            raise TaskError(f"{summary}. There is no plan; the errors are listed above.")
        if drift["not_checked"]:
            return {
                "unreachable": True,
                "msg": f"{summary}. The nodes that were not checked are listed above.",
            }
        return {"msg": summary}

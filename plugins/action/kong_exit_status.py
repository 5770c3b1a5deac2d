# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError

_ARGUMENTS = {"result": {"type": "dict", "required": True}}


class ActionModule(ControllerAction):
    """Set the status on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        result = arguments["result"]
        if result["failure"]:
            raise TaskError(f"{result['summary']}. {result['failure']}")
        # Nodes outside --limit are listed, and are no reason to fail.
        if {*result["not_checked"]} & {*variables.get("ansible_play_hosts_all", ())}:
            text = f"{result['summary']}. The nodes that were not checked are listed above"
            return {"unreachable": True, "msg": text}
        return {"msg": result["summary"]}

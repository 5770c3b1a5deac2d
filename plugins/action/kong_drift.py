# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import update_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import load_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import format_drift, gather

_ARGUMENTS = {
    "plan": {"type": "raw", "required": True},
    "registered": {"type": "str", "required": True},
    "path": {"type": "path"},
}


class ActionModule(ControllerAction):
    """Collect the results on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        plan = load_plan(arguments["plan"])
        hostvars = variables["hostvars"]
        results = {node: hostvars[node].get(arguments["registered"]) for node in plan["nodes"] if node in hostvars}
        drift = gather(plan, {node: result for node, result in results.items() if result})
        data = drift.as_dict()
        show(format_drift(data))
        if arguments["path"]:
            update_file(Path(arguments["path"]), json.dumps(data, indent=2) + "\n", check_mode=False)
        return data

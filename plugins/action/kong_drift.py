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
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import PARTS, format_drift, gather

_ARGUMENTS = {
    "plan": {"type": "raw", "required": True},
    **{part: {"type": "str"} for part in PARTS},
    "path": {"type": "path"},
}


class ActionModule(ControllerAction):
    """Collect the results on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        plan = load_plan(arguments["plan"])
        hostvars = variables["hostvars"]
        drift = gather(
            plan, {node: _read_registered(hostvars[node], arguments) for node in plan["nodes"] if node in hostvars}
        )
        data = drift.as_dict()
        show(format_drift(data))
        if arguments["path"]:
            update_file(Path(arguments["path"]), json.dumps(data, indent=2) + "\n", check_mode=False)
        return data


def _read_registered(variables: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the registered results of a host by part, without tasks that were skipped or did not run."""
    found = {part: variables.get(arguments[part]) for part in PARTS if arguments[part]}
    return {part: result for part, result in found.items() if result and not result.get("skipped")}

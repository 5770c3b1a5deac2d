# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import context

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import compare_plans
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes_text import format_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import read_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import Run, make_left_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show

_ARGUMENTS = {
    "old": {"type": "path", "required": True},
    "new": {"type": "path", "required": True},
}


class ActionModule(ControllerAction):
    """Compare on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        old, new = (read_plan(Path(arguments[name])) for name in ("old", "new"))
        run = Run(variables.get("groups", {}).get("all", ()), context.CLIARGS.get("inventory") or ())
        left = make_left_changes(old, new, run)
        changes = [*compare_plans(old, new), *left]
        show(format_changes(changes))
        return {"changes": [change.as_dict() for change in changes]}

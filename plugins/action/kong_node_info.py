# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import ConfigError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.restart_decision import RELOAD, RESTART, START
from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import NodeModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_text
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.node import decide_changes, make_options


class ActionModule(NodeModule):
    """Run the module with the options of the node, and decide whether a run of `site` would change the node."""

    _supports_async = False

    def execute(self, task_vars: Mapping[str, Any], *, wrap_async: bool = False, **arguments: Any) -> dict[str, Any]:
        node = self._task.args["node"]
        try:
            options = make_options(node, self._task.args.get("config") or {})
        except ConfigError as exc:
            raise TaskError(str(exc)) from None
        result = super().execute(task_vars, wrap_async=wrap_async, **arguments, node=options, config={})
        if result.get("failed"):
            return result
        found_warnings = [escape_text(text) for text in result.pop("found_warnings")]
        decided = {**result, **decide_changes(node, result)}
        # If Kong's file changes, the modules that change the node have these warnings.
        changes_file = decided.get("restart", {}).get("how") in (RELOAD, RESTART, START)
        more = [] if changes_file else found_warnings
        return {**decided, "warnings": [*decided.get("warnings", []), *more]}

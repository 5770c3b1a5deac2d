# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import ConfirmedModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_text


class ActionModule(ConfirmedModule):
    """Run the module, confirm a change, and print the reason for the backend."""

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        result = super().perform(task_vars)
        if result.get("changed") and "backend" in result and self._task.args.get("backend", "auto") == "auto":
            host = task_vars["inventory_hostname"]
            self._display.display(
                escape_text(f"{host}: backend {result['backend']}, because {result['backend_reason']}")
            )
        return result

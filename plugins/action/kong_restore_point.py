# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import (
    AnsibleInventory,
    explain_uncomputable,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import RUN_VARIABLES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import NodeModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

# Variables that the playbook rollback reads. It compiles no plan, which would refuse them.
_OF_ROLLBACK = [
    name for name in sorted(RUN_VARIABLES, key=make_natural_key) if name.startswith(("kong_firewall_", "kong_listen_"))
]
# The states of that playbook.
_ROLLBACK = ("found", "restored", "absent")


class ActionModule(NodeModule):
    """Run the module if the variables of a rollback can be computed."""

    _supports_async = False

    def execute(self, task_vars: Mapping[str, Any], *, wrap_async: bool = False, **arguments: Any) -> dict[str, Any]:
        if self._task.args["state"] in _ROLLBACK:
            host = task_vars["inventory_hostname"]
            own = AnsibleInventory(task_vars, self._loader).read_variables(host)
            if refused := explain_uncomputable(host, own, _OF_ROLLBACK):
                raise TaskError(refused)
        return super().execute(task_vars, wrap_async=wrap_async, **arguments)

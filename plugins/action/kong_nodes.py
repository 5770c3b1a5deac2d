# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible import context
from ansible.utils.vars import load_extra_vars

from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import (
    AnsibleInventory,
    compute_value,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.group import GroupError, select_nodes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import VariableError

_ARGUMENTS = {"group": {"type": "str", "default": "kong"}}


class ActionModule(ControllerAction):
    """Find the nodes on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        inventory = AnsibleInventory(variables, self._loader)
        selected = select_nodes(
            variables["groups"],
            arguments["group"],
            extra=self._compute_extra(load_extra_vars(self._loader).get("kong_group")),
            play_hosts=variables["ansible_play_hosts_all"],
            is_limited=bool(context.CLIARGS.get("subset")),
            groups_of_hosts=lambda hosts: (_find_group(inventory, name) for name in hosts),
        )
        return {"group": selected.group, "added": list(selected.added)}

    def _compute_extra(self, group: Any) -> Any:
        """Return the extra variable kong_group. The plays would use the default in place of one that cannot be computed."""
        try:
            return compute_value(self._templar, group)
        except VariableError as exc:
            raise GroupError(f"kong_group: its value cannot be computed; correct the extra variable: {exc}") from exc


def _find_group(inventory: AnsibleInventory, host: str) -> Any:
    """Return kong_group of a host without its facts: a host chooses its own facts, and must not choose the nodes."""
    try:
        return inventory.without_facts(host).get("kong_group")
    except VariableError as exc:
        raise GroupError(f"{host}: kong_group: its value cannot be computed; correct the template: {exc}") from exc

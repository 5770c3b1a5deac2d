# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.measure import list_ends
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import SETTINGS, read_found_hosts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import NodeModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_text


class ActionModule(NodeModule):
    """Run the module with the names of all settings that the variables of the collection have, or with the ends to dial.

    The result of an unreachable host has its `problem`: kong_adopt states each reason once.
    """

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return super().perform(task_vars)
        except AnsibleConnectionFailure as exc:
            problem = escape_text(exc)
            return {"changed": False, "problem": problem, "msg": problem}

    def execute(self, task_vars: Mapping[str, Any], *, wrap_async: bool = False, **arguments: Any) -> dict[str, Any]:
        registered = self._task.args.get("registered")
        given = {"ends": _list_ends(registered, task_vars)} if registered else {"settings": [*SETTINGS]}
        return super().execute(task_vars, wrap_async=wrap_async, **arguments, **given)


def _list_ends(registered: str, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    hosts = read_found_hosts(variables, registered)
    own = next(host for host in hosts if host.name == variables["inventory_hostname"])
    return [{"address": address, "port": port} for address, port in list_ends(own, hosts)]

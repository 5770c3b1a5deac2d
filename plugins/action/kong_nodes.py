# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.vars import load_extra_vars

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.group import select_nodes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import trusted_hostvars

_ARGUMENTS = {"group": {"type": "str", "default": "kong"}}


class ActionModule(ControllerAction):
    """Find the nodes on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        # A host chooses its own facts, and must not choose the nodes.
        _trusted, without_facts = trusted_hostvars(variables["hostvars"])
        selected = select_nodes(
            variables["groups"],
            arguments["group"],
            extra=load_extra_vars(self._loader).get("kong_group"),
            play_hosts=variables["ansible_play_hosts_all"],
            groups_of_hosts=lambda: (without_facts[name].get("kong_group") for name in variables["groups"]["all"]),
        )
        return {"group": selected.group, "added": list(selected.added)}

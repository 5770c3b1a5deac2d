# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import AnsibleInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.gateway_hosts import find_gateway_hosts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._libraries import require_libraries

_ARGUMENTS: Mapping[str, Any] = {}


class ActionModule(ControllerAction):
    """Find the gateways on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        require_libraries()
        gateways, errors = find_gateway_hosts(AnsibleInventory(variables, self._loader))
        return {"gateways": gateways, "warnings": [finding.message for finding in errors]}

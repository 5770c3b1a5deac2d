# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction

_ARGUMENTS = {
    "nodes": {"type": "str", "required": True},
    "gateways": {"type": "str", "required": True},
    "gateway_hosts": {"type": "list", "elements": "str", "required": True},
}


class ActionModule(ControllerAction):
    """Select the hosts on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        hostvars = variables["hostvars"]
        nodes = _read_runs(hostvars, variables["ansible_play_hosts"], arguments["nodes"])
        gateways = _read_runs(hostvars, arguments["gateway_hosts"], arguments["gateways"])
        last = max([*nodes.values(), *gateways.values()], default=None)
        return {
            "nodes": [host for host, run in nodes.items() if run == last],
            "gateways": [host for host, run in gateways.items() if run == last],
        }


def _read_runs(hostvars: Mapping[str, Any], hosts: Iterable[str], registered: str) -> dict[str, str]:
    """Return the run of each host with a restore point. An unreachable host has no result."""
    results = {host: hostvars[host].get(registered) or {} for host in hosts}
    return {host: str(result["run"]) for host, result in results.items() if result.get("found")}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.vars.hostvars import HostVars  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import load_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, escape_all
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.causes import list_suspects
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.gateways import read_registered_gateways
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import (
    compare,
    format_verification,
    read_registered_holders,
    read_registered_observers,
    read_registered_probes,
)

_ARGUMENTS = {
    "plan": {"type": "raw", "required": True},
    "registered": {"type": "str", "required": True},
    "placeholders": {"type": "str"},
    "observers": {"type": "str"},
    "gateways": {"type": "str"},
    "only_gateways": {"type": "bool", "default": False},
}


def _read_results(hostvars: HostVars, hosts: Iterable[str], names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return by host the results that it registered under these names.

    Each host is read once, and without templates, because registered results have none. For each look-up in ``hostvars``,
    Ansible combines the variables of the host again, and copies the whole result.
    """
    own = ((host, hostvars.raw_get(host)) for host in hosts if host in hostvars)
    return {host: {name: found[name] for name in names if name in found} for host, found in own}


def _list_placeholders(plan: Mapping[str, Any], hostvars: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """Return by node the ports of its placeholder, from the result of kong_placeholder that it registered."""
    found = {node: hostvars[node].get(name) for node in plan["nodes"] if name and node in hostvars}
    return {node: escape_all(result.get("placeholders", [])) for node, result in found.items() if result}


class ActionModule(ControllerAction):
    """Compare on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        plan = load_plan(arguments["plan"])
        hostvars = variables["hostvars"]
        inspected = read_registered_gateways(plan, hostvars, arguments["gateways"])
        names = [arguments[option] for option in ("registered", "placeholders", "observers") if arguments[option]]
        results = _read_results(hostvars, (*plan["nodes"], *plan["hosts"]), names)
        observers = read_registered_observers(plan, results, arguments["observers"])
        held = read_registered_holders(plan, results, arguments["registered"])
        probed = read_registered_probes(plan, results, arguments["registered"])
        verification = compare(plan, probed, observers, held, inspected)
        if arguments["only_gateways"]:
            return {"gateways": list_suspects(plan, verification.differences)}
        show(format_verification(verification, _list_placeholders(plan, results, arguments["placeholders"])))
        if verification.differences:
            # Ansible prints the complete result of a failed task. The differences are listed above.
            text = f"{count_noun(len(verification.differences), 'difference')} from the plan, listed above"
            raise TaskError(text)
        return {
            "outcomes": [outcome.as_dict() for outcome in verification.outcomes],
            "not_probed": list(verification.missing),
        }

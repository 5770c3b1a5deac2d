# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import AddressError, canonicalise_network
from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import AnsibleInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import update_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import load_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.names import list_names
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.sources import gather
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.text import (
    find_problems,
    format_counted,
    format_failure,
    format_summary,
    list_proposals,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show

FORMAT = 1
_ARGUMENTS = {
    "plan": {"type": "raw", "required": True},
    "registered": {"type": "str", "required": True},
    "expected": {"type": "list", "elements": "str", "default": []},
    "quiet_days": {"type": "int"},
    "path": {"type": "path"},
}


class ActionModule(ControllerAction):
    """Collect the counts on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        plan = load_plan(arguments["plan"])
        hostvars = variables["hostvars"]
        results = {node: hostvars[node].get(arguments["registered"]) for node in plan["nodes"] if node in hostvars}
        counted = gather(
            plan,
            {node: result for node, result in results.items() if result},
            _read_networks(arguments),
            lambda: list_names(AnsibleInventory(variables, self._loader)),
        )
        show(format_counted(counted))
        problems = find_problems(counted, arguments["quiet_days"])
        proposals = [asdict(proposal) for proposal in list_proposals(counted)]
        data = {"format": FORMAT, "problems": problems, "proposals": proposals, **counted.as_dict()}
        if arguments["path"]:
            update_file(Path(arguments["path"]), dump_json(data), check_mode=False)
        return {**data, "summary": format_summary(counted), "failure": format_failure(problems)}


def _read_networks(arguments: Mapping[str, Any]) -> list[str]:
    try:
        return [canonicalise_network(text) for text in arguments["expected"]]
    except AddressError as exc:
        raise TaskError(f"kong_staged_expected: {exc}") from None

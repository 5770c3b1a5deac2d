# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import (
    AnsibleInventory,
    explain_uncomputable,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import read_file, update_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, parse_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.left import (
    describe_damaged,
    describe_members,
    forget_left,
)

_ARGUMENTS = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "group": {"type": "str", "default": "kong"},
    "cleaned_in": {"type": "path"},
}

# Variables that the playbook remove reads. It compiles no plan, which would refuse them.
_OF_REMOVAL = ("kong_firewall_backend", "kong_firewall_rollback_timeout", "kong_plan_file")


class ActionModule(ControllerAction):
    """Work on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        if arguments["cleaned_in"]:
            return self._forget(Path(arguments["cleaned_in"]), arguments["hosts"])
        inventory = AnsibleInventory(variables, self._loader)
        for host in arguments["hosts"]:
            if refused := explain_uncomputable(host, inventory.read_variables(host), _OF_REMOVAL):
                raise PlanError(refused)
        members = variables["groups"].get(arguments["group"], ())
        warning = describe_members(arguments["hosts"], arguments["group"], members)
        return {"warnings": [warning]} if warning else {}

    def _forget(self, path: Path, cleaned: list[str]) -> dict[str, Any]:
        """Delete hosts from the nodes in `left` of a plan file. A file that is no plan does not change, with a warning."""
        if not path.exists():
            return {"changed": False}
        try:
            plan = parse_plan(read_file(path))
        except PlanError as exc:
            return {"changed": False, "warnings": [describe_damaged(path, str(exc), cleaned)]}
        if not {*plan.get("left", {})}.intersection(cleaned):
            return {"changed": False}
        update_file(path, dump_json(forget_left(plan, cleaned)), check_mode=self._task.check_mode)
        return {"changed": True}

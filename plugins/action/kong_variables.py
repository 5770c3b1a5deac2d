# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import AnsibleInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding, share_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.run_files import find_path_errors
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import count_hidden_findings, format_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show_once
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun

_ARGUMENTS = {
    "role": {"type": "str"},
    "files": {"type": "list", "elements": "str"},
    "hosts": {"type": "list", "elements": "str", "default": []},
}
_ROLES = Path(__file__).parents[2] / "roles"


class ActionModule(ControllerAction):
    """Check the variables on the controller, without a connection to a host."""

    arguments = _ARGUMENTS
    one_of = ("role", "files")

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        inventory = AnsibleInventory(variables, self._loader)
        if role := arguments["role"]:
            names = list_options(role)
            batch = variables["ansible_play_batch"]
            errors = [error for host in batch for error in find_errors(inventory, host, names)]
            title, subject = f"The role {role} has not touched any host", f"The role {role}"
        else:
            # A run has one value of each variable, which the playbooks read from the first host.
            first = [name for name in arguments["hosts"] if name in variables["ansible_play_hosts_all"]][:1]
            errors = [
                error
                for host in first
                for error in find_path_errors(HostVariables.read_fixed(inventory, host), arguments["files"])
            ]
            title, subject = "No host was touched", "This run"
        if not errors:
            return {}
        findings = share_findings(errors)
        show_once(
            [f"{title}, because of wrong variables:", *format_findings(findings)], variables["inventory_hostname"]
        )
        count = count_noun(sum(count_hidden_findings(findings)), "wrong variable")
        raise TaskError(f"{subject} has {count}, listed above")


def list_options(role: str) -> list[str]:
    """Return the names of the variables of a role of this collection, from its specification."""
    text = (_ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return list(yaml.safe_load(text)["argument_specs"]["main"]["options"])


def find_errors(inventory: AnsibleInventory, host: str, names: Sequence[str]) -> list[Finding]:
    """Return an error for each of the named variables of a host that has no value of its kind."""
    variables = HostVariables.read(inventory, host)
    for name in names:
        variables.read_value(name)
    return variables.findings

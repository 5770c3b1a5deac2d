# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._ansible_inventory import AnsibleInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import DEFAULT_VERSION
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import VariableError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    ROLES,
    VersionError,
    list_listener_names,
    list_listeners_of,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.names import explain_name

_ARGUMENTS = {
    "group": {"type": "str", "default": "kong"},
    "caller": {"type": "str"},
    "target": {"type": "str"},
    "listener": {"type": "str"},
    "opened": {"type": "list", "elements": "str"},
    "callers": {"type": "list", "elements": "str"},
}
_EXCLUDED = (
    "from: --limit excludes {0!r}, which has to test the connection. Add it to --limit, or run explain without --limit"
)


class ActionModule(ControllerAction):
    """Check names on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        groups, listener = variables["groups"], arguments["listener"]
        error = (
            explain_name("from", arguments["caller"], "host", groups["all"])
            or explain_name("to", arguments["target"], "Kong node", groups.get(arguments["group"], ()))
            or (listener and explain_name("listener", listener, "listener", self._list_listeners(arguments, variables)))
        )
        if error:
            raise TaskError(error)
        if arguments["callers"] is not None and arguments["caller"] not in arguments["callers"]:
            raise TaskError(_EXCLUDED.format(arguments["caller"]))
        return {}

    def _list_listeners(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> Collection[str]:
        """Return the listeners that the plan opens on the node, else the listeners of its version and role."""
        if arguments["opened"] is not None:
            return set(arguments["opened"])
        try:
            node = AnsibleInventory(variables, self._loader).read_variables(arguments["target"])
            return list_listeners_of(node.get("kong_version") or DEFAULT_VERSION, node.get("kong_role") or ROLES[0])
        except (KeyError, VariableError, VersionError):
            return list_listener_names()  # the plan has the error

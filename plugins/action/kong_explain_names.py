# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import list_listener_names
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.names import explain_name

_ARGUMENTS = {
    "group": {"type": "str", "default": "kong"},
    "caller": {"type": "str"},
    "target": {"type": "str"},
    "listener": {"type": "str"},
}


class ActionModule(ControllerAction):
    """Check names on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        groups = variables["groups"]
        listener = arguments["listener"]
        errors = [
            explain_name("from", arguments["caller"], "host", groups["all"]),
            explain_name("to", arguments["target"], "Kong node", groups.get(arguments["group"], ())),
            explain_name("listener", listener, "listener", list_listener_names()) if listener else "",
        ]
        if found := [error for error in errors if error]:
            raise AnsibleActionFail(found[0])
        return {}

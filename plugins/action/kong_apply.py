# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.action.kong_firewall import ActionModule as FirewallModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import ConfigError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import join_results
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_text
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.node import (
    explain_failed_rollback,
    make_change,
)

_FIREWALL = "gatehouse.kong.kong_firewall"


class ActionModule(FirewallModule):
    """Run the module with the options of the node. After a failure, roll the firewall back.

    If the firewall has to allow the sources of both states first, the call that confirms this over a new connection also applies
    the settings.
    """

    lost_connection = (
        "after the firewall allowed the old and the new sources, the connection to the host failed. If a new connection was not "
        "possible, the host rolls its rules back within {} seconds. Run the playbook again when the host is reachable"
    )

    join = staticmethod(join_results)

    def execute(self, task_vars: Mapping[str, Any], *, wrap_async: bool = False, **arguments: Any) -> dict[str, Any]:
        given = self._task.args
        try:
            options = make_change(given["node"], given.get("config") or {}, given["found"])
        except ConfigError as exc:
            raise TaskError(str(exc)) from None
        more = {"node": options, "config": {}, "found": {}}
        return super().execute(task_vars, wrap_async=wrap_async, **arguments, **more)

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        result = super().perform(task_vars)
        if result.pop("restores_firewall", False):
            return self._restore_firewall(result, task_vars)
        return result

    def _restore_firewall(self, result: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Allow exactly the sources that were allowed before, and return the result with the warnings and the error of this."""
        options = ("backend", "rollback_timeout")
        arguments = {
            "state": "rolled_back",
            **{name: self._task.args[name] for name in options if name in self._task.args},
        }
        try:
            closed = self.change(_FIREWALL, arguments, task_vars)
        except TaskError as exc:
            closed = exc.result
        except AnsibleConnectionFailure as exc:
            closed = {"failed": True, "msg": escape_text(exc)}
        message = explain_failed_rollback(result["reason"], closed["msg"]) if closed.get("failed") else result["msg"]
        warnings = [*result.get("warnings", []), *closed.get("warnings", [])]
        return {**result, "msg": message, **({"warnings": warnings} if warnings else {})}

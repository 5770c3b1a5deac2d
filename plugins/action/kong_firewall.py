# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import NodeModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_text


class ActionModule(NodeModule):
    """Run the module, and confirm a change over a new connection."""

    _supports_async = False

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        result = super().perform(task_vars)
        transaction = result.pop("_transaction", None)
        if transaction:
            result.update(self._confirm(transaction, result, task_vars))
        if result.get("changed") and self._task.args.get("backend", "auto") == "auto":
            host = task_vars["inventory_hostname"]
            self._display.display(
                escape_text(f"{host}: backend {result['backend']}, because {result['backend_reason']}")
            )
        return result

    def _confirm(self, transaction: str, result: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Confirm the change, and return the keys to add to the result. Raises TaskError without a new connection."""
        try:
            self._renew_connection()
            confirmed = self.execute(task_vars, confirm=transaction)
        except AnsibleConnectionFailure as exc:
            raise TaskError(
                "after the change of the rules a new connection to the host failed. The host rolls back within "
                f"{self._task.args.get('rollback_timeout', 30)} seconds: {escape_text(exc)}",
                result,
            ) from None
        # The result of the first call describes the change. The second call can only add a failure.
        return confirmed if confirmed.get("failed") else {}

    def _renew_connection(self) -> None:
        """Close the open connection, so that the next command needs a new connection through the new rules."""
        if type(self._connection).reset is not ConnectionBase.reset:
            self._connection.reset()
        else:
            self._connection.close()

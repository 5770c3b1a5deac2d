# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import split_values
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import explain_refusal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import NodeModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run import find_first_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_text

_ARGUMENTS = {"required": {"type": "bool", "default": True}}
SUBSET = ["!all", "!min", "network"]


class ActionModule(NodeModule):
    """Run ansible.builtin.setup, and state each reason of hosts without facts once."""

    _supports_async = False

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        if refused := explain_refusal(task_vars):
            raise TaskError(refused)
        _spec, arguments = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        host = task_vars["inventory_hostname"]
        is_reached = True
        try:
            answer = self._run_module({"gather_subset": SUBSET}, task_vars, module_name="ansible.builtin.setup")
            problem = self._explain_old_python(answer, task_vars) or _explain_failure(answer)
            if not problem:
                # As for ansible.builtin.setup, the option -v does not print the facts.
                return {**answer, "_ansible_verbose_override": True}
        except AnsibleConnectionFailure as exc:
            is_reached, problem = False, escape_text(exc)
        except TaskError as exc:
            problem = str(exc)
        if not arguments["required"]:
            return {"changed": False, "problem": problem, "msg": problem}
        if is_reached:
            raise TaskError(problem)
        first = find_first_host(split_values(problem)[0], host)
        return {"unreachable": True, "msg": problem if first == host else f"the same reason as {first}"}


def _explain_failure(answer: Mapping[str, Any]) -> str:
    """Return the message of a failed module with its output, empty if it did not fail."""
    if not answer.get("failed"):
        return ""
    texts = (answer.get("msg"), answer.get("module_stderr"), answer.get("module_stdout"))
    return escape_text(": ".join(str(text).strip().rstrip(".") for text in texts if text))

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin of all modules that run on a host. Here the results of a host enter the controller."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import partial
from typing import Any

from ansible.errors import AnsibleAction, AnsibleConnectionFailure, AnsibleError  # type: ignore[import-untyped]
from ansible.module_utils.basic import _PY_MIN  # type: ignore[import-untyped]
from ansible.plugins.connection import ConnectionBase  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.plugin_utils._become import explain_become
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import explain_refusal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run import provide_archive
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskAction, TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_all, escape_text

# The option of the modules for their code.
ARCHIVE = "archive"
# Ansible prints these texts as they are; each becomes one line.
_PRINTED = ("msg", "warnings", "reasons", "report")
# Texts of several lines, such as a diff, and settings in which a tab is a blank.
_KEPT = "\n\t"
# The output of `python -V`, of Python 2 on standard error.
_VERSION = re.compile(r"Python ((\d+)\.(\d+)\S*)")
# Ansible-core 2.20 and later need Python 3.9 on hosts.
_OLDEST_PYTHON = max((3, 8), _PY_MIN)
# Ansible itself adds this fact to an answer.
_INTERPRETER = "discovered_interpreter_"


def from_node(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of a module with its texts escaped and without facts, because no module here returns facts."""
    found = {key: escape_all(value, "" if _is_printed(key, value) else _KEPT) for key, value in answer.items()}
    facts = {name: value for name, value in found.pop("ansible_facts", {}).items() if name.startswith(_INTERPRETER)}
    return {**found, "ansible_facts": facts} if facts else found


def _is_printed(key: str, value: Any) -> bool:
    """Tell whether Ansible prints a value: from ansible-core 2.19 on, an exception is a dataclass with the message."""
    return key in _PRINTED or is_dataclass(value)


def join_results(result: Mapping[str, Any], confirmed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results of two calls that do different work as the result of one task."""
    joined = {**result, **confirmed}
    for key in ("warnings", "diff"):
        parts = [part[key] for part in (result, confirmed) if key in part]
        if parts:
            joined[key] = [entry for part in parts for entry in (part if isinstance(part, list) else [part])]
    return joined


class NodeModule(TaskAction):
    """Runs the module of the task like Ansible's own action plugin, with its code as an archive."""

    _supports_async = True

    def execute(self, task_vars: Mapping[str, Any], *, wrap_async: bool = False, **arguments: Any) -> dict[str, Any]:
        """Return the result of the module for the arguments of the task and further arguments."""
        return self.call(self._task.action, {**self._task.args, **arguments}, task_vars, wrap_async=wrap_async)

    def call(
        self, module: str, arguments: Mapping[str, Any], task_vars: Mapping[str, Any], *, wrap_async: bool = False
    ) -> dict[str, Any]:
        """Return the result of a module of this collection."""
        given = {**arguments, ARCHIVE: provide_archive(module.rpartition(".")[2])}
        answer = self._run_module(given, task_vars, module_name=module, wrap_async=wrap_async)
        if refused := self._explain_old_python(answer, task_vars):
            raise TaskError(refused)
        return from_node(answer)

    def _run_module(self, arguments: Mapping[str, Any], task_vars: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Return the answer of the module of the task, or of another module.

        Raises TaskError if Ansible cannot run it, for example without a password for become. A connection that failed stays
        the error of Ansible, so that the host is unreachable.
        """
        try:
            answer: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=task_vars, **options)
        except (AnsibleAction, AnsibleConnectionFailure):
            raise
        except AnsibleError as exc:
            raise TaskError(escape_text(explain_become(str(exc)))) from None
        return answer

    def _explain_old_python(self, answer: Mapping[str, Any], task_vars: Mapping[str, Any]) -> str:
        """Return the reason why a module did not start, if the host's Python is too old; else empty text.

        A Python older than 3.7 does not even read the program that Ansible sends.
        """
        program = str(self._used_interpreter or "").lstrip("#!")
        if not program or not ("module_stderr" in answer or "minimum of Python" in str(answer.get("msg"))):
            return ""
        version = self._low_level_execute_command(f"{program} -V")
        found = _VERSION.search(version["stdout"] + version["stderr"])
        if not found or (int(found[2]), int(found[3])) >= _OLDEST_PYTHON:
            return ""
        oldest = ".".join(map(str, _OLDEST_PYTHON))
        return escape_text(
            f"{task_vars.get('inventory_hostname')}: {program} is Python {found[1]}, and modules need Python {oldest} or later. "
            "Install it on the host, and set ansible_python_interpreter to its path"
        )

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of the module. Raises TaskError for facts with the names of variables."""
        if refused := explain_refusal(task_vars):
            raise TaskError(refused)
        in_background = bool(self._task.async_val and not self._connection.has_native_async)
        result = self.execute(task_vars, wrap_async=in_background)
        if not in_background:
            self._remove_tmp_path(self._connection._shell.tmpdir)  # noqa: SLF001 - as ansible.builtin.normal does
        return result


class ConfirmedModule(NodeModule):
    """Runs a module that changes the rules of a host, and confirms the change over a new connection."""

    _supports_async = False
    lost_connection = (
        "after the change of the rules a new connection to the host failed. The host rolls back within {} seconds"
    )

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        return self._confirm(super().perform(task_vars), partial(self.execute, task_vars), self.lost_connection)

    def change(self, module: str, arguments: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of another module that changes the rules, after the confirmation. Raises TaskError."""

        def call(**more: Any) -> dict[str, Any]:
            return self.call(module, {**arguments, **more}, task_vars)

        return self._confirm(call(), call, ConfirmedModule.lost_connection)

    def join(self, result: Mapping[str, Any], confirmed: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of both calls: the first call describes the change, and the second call can only add a failure."""
        return {**result, **(confirmed if confirmed.get("failed") else {})}

    def _confirm(self, result: dict[str, Any], call: Callable[..., dict[str, Any]], lost: str) -> dict[str, Any]:
        """Confirm the change, if there is one, and return the result of both calls.

        Raises TaskError with the text `lost` without a new connection.
        """
        transaction = result.pop("_transaction", None)
        if not transaction:
            return result
        try:
            self._renew_connection()
            confirmed = call(confirm=transaction)
        except AnsibleConnectionFailure as exc:
            message = lost.format(self._task.args.get("rollback_timeout", 30))
            raise TaskError(f"{message}: {escape_text(exc)}", result) from None
        return self.join(result, confirmed)

    def _renew_connection(self) -> None:
        """Close the open connection, so that the next command needs a new connection through the new rules."""
        if type(self._connection).reset is not ConnectionBase.reset:
            self._connection.reset()
        else:
            self._connection.close()

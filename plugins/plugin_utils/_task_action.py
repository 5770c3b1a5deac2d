# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of the action plugins, and the error with which they fail."""

from __future__ import annotations

import gc
import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail  # type: ignore[import-untyped]
from ansible.plugins.action import ActionBase  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run import find_first_host


class TaskError(AnsibleActionFail):  # type: ignore[misc]  # Ansible has no types
    """A failed task. Ansible prints its message once, in the result.

    Of other exceptions, and of results that an action returns as failed, ansible-core 2.19 and later print the message before
    the result too (result_dict_from_exception in ansible/_internal/_errors/_error_utils.py at 2.19 to 2.21).
    """

    omit_exception_key = True

    def __init__(self, message: str, result: Mapping[str, Any] | None = None) -> None:
        """Keep the result with the message, which ansible-core 2.21 adds only if Ansible itself handles the error."""
        super().__init__(message, result={**(result or {}), "failed": True, "msg": message})
        # Ansible-core 2.17 adds the traceback.
        self.result.pop("exception", None)


class TaskAction(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """The base of all action plugins. A subclass has the work."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the result of the task. Raises TaskError, unless the task judges its result itself.

        Ansible evaluates `failed_when`, `until` and `retries` for results only, not for exceptions. `failed_when` replaces
        `failed` of the result, so the result then has the message as `problem`, too.
        """
        # Ansible runs a task in a process of its own, which shares the memory of the inventory until it writes to it. Garbage
        # collection writes to every object that it searches.
        gc.freeze()
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            found = {**result, **self.perform(task_vars or {})}
        except TaskError as exc:
            failure = exc
        else:
            if not _is_expected_failure(found) or self._task.no_log:
                return _add_problem(found) if self._task.failed_when and not self._task.no_log else found
            failure = TaskError(found["msg"], found)
        if self._task.failed_when or self._task.until or self._task.retries:
            return _add_problem({**result, "changed": False, **failure.result})
        raise self._shorten(failure, (task_vars or {}).get("inventory_hostname", ""))

    def _shorten(self, failure: TaskError, host: str) -> TaskError:
        """Return the error of a host. If another host of this run has failed with the same text, the text is its name.

        The text stays complete if a later task may read it.
        """
        if self._task.ignore_errors or _is_rescued(self._task):
            return failure
        first = find_first_host(_replace_name(failure.result["msg"], host), host)
        return failure if first == host else TaskError(f"the same error as {first}", failure.result)

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keys of the result from the variables of the host. Raises TaskError for an expected error."""
        raise NotImplementedError


def _add_problem(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result with the message of a failure as `problem`."""
    return {**result, **({"problem": result.get("msg", "the task failed")} if result.get("failed") else {})}


def _is_rescued(task: Any) -> bool:
    """Tell whether tasks of a rescue or always follow if a task fails."""
    return bool(task and (getattr(task, "rescue", ()) or getattr(task, "always", ()) or _is_rescued(task._parent)))  # noqa: SLF001


def _replace_name(text: str, host: str) -> str:
    """Return a text with THIS_HOST in place of the name of a host."""
    return re.sub(rf"(?<![\w.-]){re.escape(host)}(?!\w|[.-]\w)", THIS_HOST, text)


def _is_expected_failure(result: Mapping[str, Any]) -> bool:
    """Tell whether a result has the message of a module that failed, and no traceback."""
    is_failure = bool(result.get("failed")) and "msg" in result and "module_stderr" not in result
    return is_failure and not _has_traceback(result.get("exception"))


def _has_traceback(exception: Any) -> bool:
    """Tell whether the exception of a result has a traceback. It is text; from ansible-core 2.19 on an event that may have one."""
    event = getattr(exception, "event", None)
    return bool(event.formatted_traceback if event else exception)

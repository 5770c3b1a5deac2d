# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error with which the action plugins fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail  # type: ignore[import-untyped]


class TaskError(AnsibleActionFail):  # type: ignore[misc]  # Ansible has no types
    """A failed task. Ansible prints its message once, in the result.

    Of other exceptions, and of results that an action returns as failed, ansible-core 2.19 and later print the message before
    the result too (result_dict_from_exception in ansible/_internal/_errors/_error_utils.py at 2.19 to 2.21).
    """

    omit_exception_key = True

    def __init__(self, message: str, result: Mapping[str, Any] | None = None) -> None:
        """Keep the result, to which Ansible adds the message."""
        super().__init__(message, result={**(result or {})})
        # Ansible-core 2.17 adds the traceback.
        self.result.pop("exception", None)


def fail_task(task: Any, message: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Raise TaskError, or return the failed result if the task judges its result itself.

    Ansible evaluates `failed_when` and `until` for results only, not for exceptions.
    """
    if task.failed_when or task.until:
        return {**result, "failed": True, "msg": message}
    raise TaskError(message, result)

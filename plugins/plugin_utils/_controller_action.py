# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of the action plugins that work on the controller, without a connection to a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import FileError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.group import GroupError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.trusted import explain_refusal
from ansible_collections.gatehouse.kong.plugins.plugin_utils._libraries import LibraryError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskAction, TaskError


class ControllerAction(TaskAction):
    """Checks the variables and the arguments of the task. A subclass has the work.

    ``arguments`` is the argument specification, ``one_of`` the options of which exactly one is needed.
    """

    _requires_connection = False
    arguments: ClassVar[Mapping[str, Any]]
    one_of: ClassVar[tuple[str, ...]] = ()

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of the work. Raises TaskError with the message of an expected error."""
        if refused := explain_refusal(task_vars):
            raise TaskError(refused)
        either = [self.one_of] if self.one_of else []
        _spec, arguments = self.validate_argument_spec(
            argument_spec=self.arguments, required_one_of=either, mutually_exclusive=either
        )
        try:
            return {"changed": False, **self.work(arguments, task_vars)}
        except (FileError, GroupError, LibraryError, PlanError) as exc:
            # Ansible would repeat the message of the cause.
            raise TaskError(str(exc)) from None

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of the task from its arguments and the variables of the host."""
        raise NotImplementedError

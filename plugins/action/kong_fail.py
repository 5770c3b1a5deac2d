# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskAction, TaskError

_ARGUMENTS = {"msg": {"type": "str", "required": True}}


class ActionModule(TaskAction):
    """Fail on the controller, without a connection to a host."""

    _requires_connection = False

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        _spec, arguments = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        raise TaskError(arguments["msg"])

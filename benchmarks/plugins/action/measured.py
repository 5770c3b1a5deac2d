# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

# Ansible imports the action plugin of each task in its main process. The plugin here stands for kong_plan.
from ansible_collections.gatehouse.kong.plugins.action import kong_plan as _kong_plan  # noqa: F401
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import PartedPlan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run import locate_plan, lock_plan_file


class ActionModule(ActionBase):
    """An action that runs ``read``, ``plan`` or ``use`` and returns its processor time.

    ``read`` reads every kong_* variable of every node through hostvars, which every compiler of the fleet must do. ``plan``
    is the whole of gatehouse.kong.kong_plan. ``use`` reads the kept plan as the lookup kong_plan does. Processor time does
    not depend on other work of the machine.
    """

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        part = self._task.args.pop("part")
        if part == "use":
            return {"changed": False, "processor_seconds": _read_parts()}
        _forget_plan()
        started = time.process_time()
        result = self._read(task_vars or {}) if part == "read" else self._compile(task_vars or {})
        return {**result, "processor_seconds": time.process_time() - started}

    def _compile(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        action = self._shared_loader_obj.action_loader.get(
            "gatehouse.kong.kong_plan",
            task=self._task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return action.run(task_vars=task_vars)

    @staticmethod
    def _read(task_vars: Mapping[str, Any]) -> dict[str, Any]:
        read = 0
        for node in task_vars["groups"]["kong"]:
            variables = task_vars["hostvars"][node]
            for name in variables:
                if name.startswith("kong_"):
                    _look_at(variables[name])
                    read += 1
        return {"changed": False, "variables": read}


def _read_parts() -> float:
    """Return the processor time in which one host reads its part of the plan: the mean of all hosts."""
    started = time.process_time()
    names = [*PartedPlan(locate_plan("kong"))["nodes"]]
    for name in names:
        select_host(PartedPlan(locate_plan("kong")), name)
    return (time.process_time() - started) / len(names)


def _forget_plan() -> None:
    """Remove the plan that kong_plan keeps for the rest of the run."""
    with lock_plan_file("kong") as kept:
        kept.unlink(missing_ok=True)


def _look_at(value: Any) -> None:
    """Read every part of a value, because Ansible templates the items of lists and mappings when they are read."""
    if isinstance(value, Mapping):
        for item in value.values():
            _look_at(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _look_at(item)

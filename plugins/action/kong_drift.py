# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import update_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import load_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import (
    format_drift,
    format_drift_summary,
    gather,
    gather_without_plan,
)

_ARGUMENTS = {
    "plan": {"type": "raw"},
    "group": {"type": "str"},
    "registered": {"type": "str", "default": ""},
    "reached": {"type": "str", "default": ""},
    "gateways": {"type": "str", "default": ""},
    "path": {"type": "path"},
}


class ActionModule(ControllerAction):
    """Collect the results on the controller, without a connection to a host."""

    arguments = _ARGUMENTS
    one_of = ("plan", "group")

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        hostvars, names = variables["hostvars"], (arguments["registered"], arguments["reached"])
        if arguments["plan"]:
            plan = load_plan(arguments["plan"])
            drift = gather(
                plan,
                {node: _find_result(hostvars[node], names) for node in plan["nodes"] if node in hostvars},
                {
                    gateway: _find_result(hostvars[gateway], (arguments["gateways"],))
                    for gateway in plan.get("gateways", ())
                    if gateway in hostvars
                },
            )
        else:
            nodes = variables["groups"][arguments["group"]]
            drift = gather_without_plan({node: _find_result(hostvars[node], names) for node in nodes})
        data = drift.as_dict()
        show(format_drift(data))
        if arguments["path"]:
            update_file(Path(arguments["path"]), json.dumps(data, indent=2) + "\n", check_mode=False)
        return {**data, "summary": format_drift_summary(data), "failure": drift.find_failure()}


def _find_result(variables: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
    """Return the first result of a node that some task registered, of tasks that were not skipped; empty without any."""
    results: Iterator[Mapping[str, Any]] = (variables.get(name) or {} for name in names if name)
    return next((result for result in results if result and not result.get("skipped")), {})

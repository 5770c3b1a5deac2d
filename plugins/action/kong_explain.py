# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import load_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.causes import list_suspects
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import (
    choose_probes,
    explain,
    list_outcomes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.gateways import read_registered_gateways

_ARGUMENTS = {
    "plan": {"type": "raw", "required": True},
    "caller": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
    "listener": {"type": "str"},
    "results": {"type": "list", "elements": "dict", "default": []},
    "observer": {"type": "dict"},
    "gateways": {"type": "str"},
    "only_gateways": {"type": "bool", "default": False},
}


class ActionModule(ControllerAction):
    """Explain on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        plan = load_plan(arguments["plan"])
        probes = choose_probes(plan, arguments["caller"], arguments["target"], arguments["listener"])
        outcomes = list_outcomes(plan, probes, arguments["results"], arguments["observer"])
        if arguments["only_gateways"]:
            return {"gateways": list_suspects(plan, outcomes.values())}
        inspected = read_registered_gateways(plan, variables["hostvars"], arguments["gateways"])
        lines = [line for probe in probes for line in ("", *explain(plan, probe, outcomes, inspected))]
        show(lines or [_NO_PROBES])
        different = [name for name, outcome in outcomes.items() if outcome.differs]
        if different:
            raise TaskError(f"not as expected: {', '.join(different)}")
        return {"lines": lines}


_NO_PROBES = (
    "no connection to test: a host connects to itself only through a hairpin, and not to an address that another host of "
    "its own site has. A staged node drops nothing, so a connection that the plan blocks there is not tested"
)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import NodeModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, open_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_all
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.certificates import with_certificate
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.kept_sample import provide_sample
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_probes_from

_PAIRS = 20000


class ActionModule(NodeModule):
    """Run the module on the host, and read the certificates on the controller, which has a library for them."""

    def execute(self, task_vars: Mapping[str, Any], *, wrap_async: bool = False, **arguments: Any) -> dict[str, Any]:
        given = self._task.args
        if (given.get("plan") is None) == (given.get("probes") is None):
            raise TaskError("give exactly one of probes and plan")
        if given.get("plan") is not None:
            chosen = _choose_probes(given["plan"], given.get("pairs", _PAIRS), task_vars["inventory_hostname"])
            arguments = {**arguments, **chosen, "plan": None}
        return super().execute(task_vars, wrap_async=wrap_async, **arguments)

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        result = super().perform(task_vars)
        if "probes" in result:
            # The other texts of the host are escaped.
            result["probes"] = [
                escape_all(with_certificate(probe)) if probe.get("certificate") else probe for probe in result["probes"]
            ]
        return result


def _choose_probes(plan: Any, pairs: Any, host: str) -> dict[str, Any]:
    """Return the probes of a host and its virtual addresses. Raises TaskError for a wrong plan or number.

    The task has no templates for them: Ansible would copy each probe, and import the filters for each host.
    """
    if not str(pairs).isdigit() or int(pairs) < 1:
        raise TaskError(f"pairs is {pairs!r}; give a number, at least 1")
    try:
        opened = open_plan(plan)
        probes = provide_sample(plan, int(pairs)).get(host)
        if probes is None:
            probes = [probe.as_dict() for probe in list_probes_from(opened, host)]
    except PlanError as exc:
        raise TaskError(str(exc)) from None
    node = opened["nodes"].get(host, {})
    return {"probes": probes, "addresses": node.get("virtual_addresses", [])}

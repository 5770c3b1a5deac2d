# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: kong_sample
short_description: The connections with which all hosts verify a plan, or a sample of them
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a plan and a maximum number of connections, and returns for each host the probes for module
    M(gatehouse.kong.kong_probe). Up to that number they are all probes that P(gatehouse.kong.kong_probes#filter) returns.
  - Every listener of every node is tested at least once from an allowed host, and once from a host that is not allowed, if
    such hosts exist, even if that takes more connections.
  - The choice depends on names only. The same fleet always has the same sample, and a larger number only adds probes.
  - For the plan of a run, the first host chooses the sample, and the other hosts of the run read it.
positional: pairs
options:
  _input:
    description: The path of a plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  pairs:
    description: Number of connections of all hosts together, at least 1.
    type: int
    required: true
seealso:
  - plugin: gatehouse.kong.kong_probes
    plugin_type: filter
  - module: gatehouse.kong.kong_verification
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Test the connections
  gatehouse.kong.kong_probe:
    probes: "{{ (fleet.path | gatehouse.kong.kong_sample(5000))[inventory_hostname] }}"
  register: reach
"""

RETURN = r"""
_value:
  description: The probes by host, with the keys C(name), C(kind), C(address) and C(port).
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.kept_sample import provide_sample


def kong_sample(plan: Any, pairs: Any) -> dict[str, list[dict[str, Any]]]:
    if not str(pairs).isdigit() or int(pairs) < 1:
        raise AnsibleFilterError(f"gatehouse.kong.kong_sample: pairs is {pairs!r}; give a number, at least 1")
    try:
        return provide_sample(plan, int(pairs))
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.kong_sample: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kong_sample": kong_sample}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: host_interception
short_description: The intercept rules of a Kong node, with sources as networks
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a plan and the name of a node, and returns its intercept rules for M(gatehouse.kong.kong_transparent).
positional: host
options:
  _input:
    description: The plan, as M(gatehouse.kong.kong_plan) returns it, or read from a plan file with P(ansible.builtin.from_json#filter).
    type: dict
    required: true
  host:
    description: Inventory name of the node.
    type: str
    required: true
seealso:
  - module: gatehouse.kong.kong_transparent
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Intercept the packets of the plan on this gateway
  gatehouse.kong.kong_transparent:
    catches: "{{ fleet.plan | gatehouse.kong.host_interception(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description:
    - A dictionary for each listener and family, in the form of the option O(gatehouse.kong.kong_transparent#module:catches).
  type: list
  elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import select_interception
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import PlanError, check_plan, get_node


def host_interception(plan: Any, host: str) -> list[dict[str, Any]]:
    try:
        get_node(check_plan(plan), host)
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.host_interception: {exc}") from exc
    return select_interception(plan, host)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"host_interception": host_interception}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: host_ruleset
short_description: The ruleset of a Kong node with its sets
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a plan and the name of a node, and returns the rules and sets that the node's own firewall needs, without those
    of other nodes. The result is the option O(gatehouse.kong.kong_firewall#module:ruleset).
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
  - plugin: gatehouse.kong.firewall_rules
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Make this host's firewall match the plan
  gatehouse.kong.kong_firewall:
    ruleset: "{{ fleet.plan | gatehouse.kong.host_ruleset(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The ruleset.
  type: dict
  contains:
    allow:
      description: An entry for each address, port and protocol, with V(any) or the names of sets as its sources.
      type: list
      elements: dict
    sets:
      description: The sets by name, each with the lists V(ipv4) and V(ipv6) of networks (CIDR).
      type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import select_ruleset
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import PlanError, check_plan, get_node


def host_ruleset(plan: Any, host: str) -> dict[str, Any]:
    try:
        get_node(check_plan(plan), host)
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.host_ruleset: {exc}") from exc
    return select_ruleset(plan, host)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"host_ruleset": host_ruleset}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_advertise
short_description: The address and port that a node of Kong 0.6 to 0.10 advertises to its cluster
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Takes a plan and the name of a node, and returns the C(address:port) that all its peers can reach, through NAT if
    needed. This is the value of Kong's setting C(cluster_advertise).
  - Nodes of Kong 0.11 and later do not advertise an address. For them the filter fails.
positional: host
options:
  _input:
    description: The path of a plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  host:
    description: Inventory name of the node.
    type: str
    required: true
seealso:
  - plugin: gatehouse.kong.kong_path
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Show the advertised address of this node
  ansible.builtin.debug:
    msg: "{{ fleet.path | gatehouse.kong.cluster_advertise(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: IPv4 address and port, such as V(192.168.10.5:9000).
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, open_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import find_advertised_address


def cluster_advertise(plan: Any, host: str) -> str:
    try:
        return find_advertised_address(open_plan(plan), host)
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.cluster_advertise: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"cluster_advertise": cluster_advertise}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_drift
short_description: Show how the hosts of a fleet differ from their plan
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a plan and the result of M(gatehouse.kong.kong_node_info) from each node. Prints a table of the differences. A
    difference is no failure; RV(differs) tells whether there is a difference.
  - Runs on the controller and connects to no host.
  - A node without results, for example an unreachable node, is reported as not checked.
options:
  plan:
    description:
      - The path of the plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
      - Exactly one of O(plan) and O(group) is needed.
    type: raw
  group:
    description: The group of the nodes, if there is no plan. All of its nodes are reported as not checked.
    type: str
  registered:
    description: Name of the variable in which each node registered the result of M(gatehouse.kong.kong_node_info).
    type: str
    default: ""
  reached:
    description:
      - Name of the variable in which each node registered the result of an earlier task that connects to it.
      - If the node was unreachable then, its message is the reason why the node was not checked.
    type: str
    default: ""
  gateways:
    description: >-
      Name of the variable in which each gateway of the plan registered the result of M(gatehouse.kong.kong_gateway) in check
      mode.
    type: str
    default: ""
  path:
    description: A file on the controller for the differences as JSON.
    type: path
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_node_info
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Compare each node with the plan
  gatehouse.kong.kong_node_info:
    node: "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname) }}"
  register: node
  failed_when: false

- name: Show the differences
  gatehouse.kong.kong_drift:
    plan: "{{ fleet.path }}"
    registered: node
  register: drift
  failed_when: drift.differs
  run_once: true
"""

RETURN = r"""
differs:
  description: Whether any node differs from the plan.
  returned: always
  type: bool
nodes:
  description: >-
    A line for each difference, by node and part (C(firewall), C(listeners), C(settings), C(interception), and
    C(run) if an earlier run did not end). Gateways are among the nodes, with the part C(gateway).
  returned: always
  type: dict
  sample: {a1: {firewall: ["192.168.10.13 cannot reach udp 7946 (cluster) and should"], listeners: [], settings: []}}
not_checked:
  description: The reasons for each node that could not be checked, or not completely, by node.
  returned: always
  type: dict
  sample: {b1: ["kong_node_info needs root, and this task runs as deploy: set become: true"]}
gateways:
  description: The names of the gateways in the plan.
  returned: if the plan has gateways
  type: list
  elements: str
  sample: [branch-router]
summary:
  description: The result in one line.
  returned: always
  type: str
  sample: "3 of 3 nodes checked: no difference from the plan"
failure:
  description: Why M(gatehouse.kong.kong_exit_status) fails. Empty if no node differs and there is a plan.
  returned: always
  type: str
  sample: ""
format:
  description: The number of the format of this result and of the file, 1.
  returned: always
  type: int
"""

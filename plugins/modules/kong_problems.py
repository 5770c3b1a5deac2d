# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_problems
short_description: Fail before any change if nodes cannot be changed as planned
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes the result of M(gatehouse.kong.kong_node_info) from each node of the play. Prints each C(problem) once, with all its
    nodes, and fails if there is a problem.
  - Runs on the controller and connects to no host.
options:
  registered:
    description: Name of the variable in which each node registered the result of M(gatehouse.kong.kong_node_info).
    type: str
    required: true
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_node_info
"""

EXAMPLES = r"""
- name: Compare each node with the plan
  gatehouse.kong.kong_node_info:
    node: "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname) }}"
  register: node

- name: Fail before any change if nodes cannot be changed as planned
  gatehouse.kong.kong_problems:
    registered: node
  run_once: true
"""

RETURN = r"""
"""

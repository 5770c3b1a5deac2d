# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_problems
short_description: Fail before any change if hosts cannot be changed
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes the results of tasks from each host of the play, for example of M(gatehouse.kong.kong_node_info). A host with a
    C(problem) in a result cannot be changed. A failed task has one, too. Prints each reason once, with all its hosts, and fails
    if there is one.
  - Runs on the controller and connects to no host.
options:
  registered:
    description: Names of the variables in which each host registered the results. The tasks have C(failed_when=false).
    type: list
    elements: str
    required: true
  purpose:
    description: The change in words that follow "cannot be".
    type: str
    default: changed as planned
  partial:
    description: Whether the run goes on with the other hosts. Then the task fails only if no host can be changed.
    type: bool
    default: false
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
  failed_when: false

- name: Fail before any change if nodes cannot be changed as planned
  gatehouse.kong.kong_problems:
    registered: node
  run_once: true
"""

RETURN = r"""
hosts:
  description: The hosts that cannot be changed.
  returned: success
  type: list
  elements: str
"""

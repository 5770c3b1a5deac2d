# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_leaving
short_description: Check the hosts from which the collection is removed, and delete them from a plan file
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Warns of hosts that are still Kong nodes, before the playbook C(remove) cleans them.
  - With O(cleaned_in), deletes the hosts from the nodes in that plan file that left the fleet, after they were cleaned.
  - Runs on the controller and connects to no host.
options:
  hosts:
    description: The hosts to clean. With O(cleaned_in), the hosts that were cleaned.
    type: list
    elements: str
    required: true
  group:
    description: The inventory group of the Kong nodes.
    type: str
    default: kong
  cleaned_in:
    description: The plan file. Give it after the hosts were cleaned.
    type: path
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_plan
"""

EXAMPLES = r"""
- name: Warn of hosts that are still Kong nodes
  gatehouse.kong.kong_leaving:
    hosts: [k3]
  run_once: true
"""

RETURN = r"""
changed:
  description: Whether the plan file changed.
  returned: success
  type: bool
"""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_staged
short_description: Show the counted sources of a fleet and the effect of enforcing the plan
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a plan and the result of M(gatehouse.kong.kong_firewall_info) from each node. Prints a table of the counted sources
    and the source terms that would allow them.
  - Does not fail because of a problem. RV(failure) tells why the plan should not be enforced yet, and
    M(gatehouse.kong.kong_exit_status) fails with this text.
  - Runs on the controller and connects to no host.
options:
  plan:
    description: The path of the plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  registered:
    description: Name of the variable in which each node registered the result of M(gatehouse.kong.kong_firewall_info).
    type: str
    required: true
  expected:
    description: Addresses and networks whose packets may be dropped.
    type: list
    elements: str
    default: []
  quiet_days:
    description:
      - Only sources with a packet in that many last days are a problem, and each node must have counted for so long.
      - Without this option every counted source is a problem, and a count may be short.
    type: int
  path:
    description: A file on the controller for the result as JSON.
    type: path
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_firewall_info
  - module: gatehouse.kong.kong_exit_status
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Read the counts of the node
  gatehouse.kong.kong_firewall_info:
  register: node
  failed_when: false

- name: Show the sources and the effect of enforcing the plan
  gatehouse.kong.kong_staged:
    plan: "{{ fleet.path }}"
    registered: node
    quiet_days: 7
  register: counts
  run_once: true

- name: Fail if the plan should not be enforced yet
  gatehouse.kong.kong_exit_status:
    result: "{{ counts }}"
  run_once: true
"""

RETURN = r"""
problems:
  description: Unexpected sources, incomplete counts, and counts that are shorter than O(quiet_days).
  returned: always
  type: list
  elements: str
  sample: ["unexpected sources in the last 7 days on a1"]
proposals:
  description: The source terms that would allow the sources, with C(variable), C(nodes) and C(terms).
  returned: always
  type: list
  elements: dict
  sample: [{variable: kong_admin_sources, nodes: [a1], terms: [bastion, 192.168.30.4/30]}]
sources:
  description:
    - The counted sources, with C(node), C(listener), C(protocol), C(port), C(address), C(hosts) (inventory names), C(network),
      C(packets), C(age) (seconds since the last packet) and C(effect).
    - C(effect) is V(dropped), V(dropped, as expected), V(none, allowed) if the plan allows the source now, or V(none, not a
      planned port).
    - C(network) is the smallest network that covers this and similar unknown sources of the port.
  returned: always
  type: list
  elements: dict
nodes:
  description:
    - Each checked node, with C(staged), C(counts) (whether it counts), C(seconds) (how long it has counted, null if longer than
      entries are kept) and C(uncounted) (packets without an entry).
  returned: always
  type: dict
not_checked:
  description: The reason for each node that could not be checked.
  returned: always
  type: dict
format:
  description: The number of the format of this result and of the file, 1.
  returned: always
  type: int
summary:
  description: The result in one line.
  returned: always
  type: str
  sample: "3 of 3 nodes checked, 3 staged: enforcing would drop no source"
failure:
  description: Why the plan should not be enforced yet, as one text. Empty if there is no problem.
  returned: always
  type: str
  sample: ""
"""

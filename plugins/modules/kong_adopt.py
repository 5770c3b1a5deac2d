# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_adopt
short_description: Propose an inventory for a fleet that runs Kong already
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes the facts and the result of M(gatehouse.kong.kong_adopt_info) of every host of the inventory, and writes variables
    for the nodes, an inventory with the group C(kong), and a report with the evidence and the open questions.
  - Keeps the clients that it was given in the file C(observed.yml), and adds them to those of the next run.
  - A file that was edited is not written again. Its new text goes into a file with the suffix C(.new) next to it.
  - Fails after it has written the files if no host could be read.
  - Runs on the controller and connects to no host.
options:
  path:
    description: The folder for the files. It is created if it is missing.
    type: path
    required: true
  registered:
    description: Name of the variable in which each host registered the result of M(gatehouse.kong.kong_adopt_info).
    type: str
    required: true
  measured:
    description: Name of the variable in which each host registered its connections to other hosts, as kong_adopt_info returns them.
    type: str
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_adopt_info
"""

EXAMPLES = r"""
- name: Read the running Kong of each host
  gatehouse.kong.kong_adopt_info:
  register: running
  failed_when: false

- name: Write the proposed inventory
  gatehouse.kong.kong_adopt:
    path: adopted
    registered: running
  run_once: true
"""

RETURN = r"""
nodes:
  description: The hosts with proposed variables.
  returned: success
  type: list
  elements: str
left_out:
  description: The reason for each other host.
  returned: success
  type: dict
files:
  description: The files that change, by path below O(path), with V(written), or V(edited) for a file that was edited.
  returned: success
  type: dict
"""

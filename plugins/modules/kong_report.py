# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_report
short_description: Write a plan as a page that people read
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Writes one HTML page with a picture of the fleet, the findings, what the NAT devices must forward, and for each node
    its ports and who may connect to them. It needs no other file, no network and no script, and prints well.
  - Runs on the controller and connects to no host.
options:
  plan:
    description: The plan, as M(gatehouse.kong.kong_plan) returns it.
    type: dict
    required: true
  path:
    description: File on the controller for the page.
    type: path
    required: true
extends_documentation_fragment:
  - gatehouse.kong.attributes
attributes:
  check_mode:
    support: full
    details: The file is not written.
  diff_mode:
    support: none
seealso:
  - module: gatehouse.kong.kong_plan
  - module: gatehouse.kong.kong_proof
  - module: gatehouse.kong.kong_drift
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Write it for people
  gatehouse.kong.kong_report:
    plan: "{{ fleet.plan }}"
    path: "{{ playbook_dir }}/report.html"
  run_once: true
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
"""

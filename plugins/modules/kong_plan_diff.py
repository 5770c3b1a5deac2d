# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_plan_diff
short_description: Tell who gains or loses which port between two plans
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Reads two plan files, as M(gatehouse.kong.kong_plan) writes them, and prints what is different between them. These are
    nodes that join or leave, who gains or loses access to which port, changed settings and addresses, forwards of the NAT
    devices, and findings. What changes alike on several nodes is one line.
  - Runs on the controller and connects to no host. Differences are no failure.
options:
  old:
    description: The plan file from before.
    type: path
    required: true
  new:
    description: The plan file from after.
    type: path
    required: true
extends_documentation_fragment:
  - gatehouse.kong.attributes
attributes:
  check_mode:
    support: full
    details: It never changes anything.
  diff_mode:
    support: none
seealso:
  - module: gatehouse.kong.kong_plan
  - module: gatehouse.kong.kong_report
"""

EXAMPLES = r"""
- name: Tell what a merge request changes
  gatehouse.kong.kong_plan_diff:
    old: main/kong-plan.json
    new: kong-plan.json
"""

RETURN = r"""
changes:
  description: Every change. Empty where the plans are the same to everybody concerned.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(gains), V(loses) or V(changes).
      type: str
    where:
      description: The nodes that it holds for, or the NAT device.
      type: list
      elements: str
    what:
      description: Which port, setting, forward or finding.
      type: str
    how:
      description: Who gains or loses it, or from what to what it changes.
      type: str
  sample:
    - kind: gains
      where: [a1, a2]
      what: cluster 7946/tcp+udp
      how: 192.168.10.13 (a3)
"""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_plan_diff
short_description: Show the sources that gain or lose access to ports between two plans
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Reads two plan files of M(gatehouse.kong.kong_plan) and prints their differences. These are added and removed nodes,
    sources that gain or lose access to ports, changed settings and addresses, forwards of NAT devices, and findings. The
    same change on several nodes is one line. Of many changes, examples of each kind are printed, and RV(changes) has all.
    Nodes that left the fleet get the command that removes our rules.
  - Runs on the controller and connects to no host. Differences are no failure.
options:
  old:
    description: The older plan file.
    type: path
    required: true
  new:
    description: The newer plan file.
    type: path
    required: true
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_plan
  - module: gatehouse.kong.kong_report
"""

EXAMPLES = r"""
- name: Show the changes of a merge request
  gatehouse.kong.kong_plan_diff:
    old: main/kong-plan.json
    new: kong-plan.json
"""

RETURN = r"""
changes:
  description: Every change. Empty if the plans are equivalent.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(gains), V(loses) or V(changes).
      type: str
    where:
      description: The affected nodes, or the NAT device.
      type: list
      elements: str
    subject:
      description: The port, setting, forward or finding.
      type: str
    how:
      description: The sources that gain or lose access, or the old and the new value.
      type: str
  sample:
    - kind: gains
      where: [a1, a2]
      subject: cluster 7946/tcp+udp
      how: 192.168.10.13 (a3)
"""

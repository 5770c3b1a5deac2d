# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_report
short_description: Write plan, verification and drift as a report that people and CI read
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Writes a report of a fleet. It has a picture with what is dialled and what is seen on each arrow, the findings, what the
    NAT devices must forward, and for each node its ports and who may connect to them; where there is a verification its matrix,
    where there is drift its table, and compared with an older plan who gains or loses which port.
  - The HTML page needs no other file, no network and no script, and prints well. The Markdown has its picture as Mermaid.
    The JSON holds what the report was written from. The JUnit XML has a test for each node, each connection that was tried,
    and each part of a node that was compared with the plan.
  - Runs on the controller and connects to no host.
options:
  plan:
    description:
      - The plan, as M(gatehouse.kong.kong_plan) returns it.
      - Exactly one of O(plan) and O(refused_group) is needed.
    type: dict
  refused_group:
    description:
      - The inventory group of Kong nodes for which M(gatehouse.kong.kong_plan) failed in this run because of errors in the
        inventory. The report says that there is no plan, and has every finding. Each error is a failed test in the JUnit XML.
      - The other options have no effect on such a report.
    type: str
  path:
    description:
      - Folder on the controller, in which C(report.html), C(report.md), C(report.json) and C(report.xml) are written. A path
        that ends in C(.html), C(.md), C(.json) or C(.xml) is one file. Folders that are missing are made.
      - A verification or drift that the C(report.json) of the folder holds is kept, with its time, as long as the plan is the same.
        So C(verify) and C(drift) can fill one report after each other.
    type: path
    required: true
  before:
    description: A plan file from before. The report tells what is different.
    type: path
  registered:
    description: Name of the variable in which each host registered the result of M(gatehouse.kong.kong_probe).
    type: str
  placeholders:
    description:
      - Name of the variable in which nodes registered the result of M(gatehouse.kong.kong_placeholder). The report says where
        a placeholder listened, and not Kong.
    type: str
  observers:
    description:
      - Name of the variable in which nodes registered the result of M(gatehouse.kong.kong_placeholder) with C(state=absent).
        It decides about UDP listeners that need not answer.
    type: str
  drift:
    description: What M(gatehouse.kong.kong_drift) returned.
    type: dict
extends_documentation_fragment:
  - gatehouse.kong.attributes
attributes:
  check_mode:
    support: full
    details: No file is written.
  diff_mode:
    support: none
seealso:
  - module: gatehouse.kong.kong_plan
  - module: gatehouse.kong.kong_plan_diff
  - module: gatehouse.kong.kong_verification
  - module: gatehouse.kong.kong_drift
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Write it for a merge request, with what it changes
  gatehouse.kong.kong_report:
    plan: "{{ fleet.plan }}"
    path: report
    before: kong-plan.json
  run_once: true

- name: Try every listener of every node
  gatehouse.kong.kong_probe:
    probes: "{{ fleet.plan | gatehouse.kong.kong_probes(inventory_hostname) }}"
  register: reach

- name: Write only the test results, for CI
  gatehouse.kong.kong_report:
    plan: "{{ fleet.plan }}"
    path: kong-verification.xml
    registered: reach
  run_once: true
"""

RETURN = r"""
path:
  description: The HTML page, or the one file that was written.
  returned: success
  type: str
files:
  description: All files of the report.
  returned: success
  type: list
  elements: str
"""

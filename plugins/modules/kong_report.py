# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_report
short_description: Write plan, verification, drift and counted sources as a report for people and CI
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Writes a report of a fleet. It has a picture with the dialled address and the source address on each arrow, the findings, the
    forwards of the NAT devices, and for each node its ports with their allowed sources. It has the matrix of a verification,
    the table of drift and the counted sources of staged nodes, if given. Compared with an older plan, it has the sources that
    gain or lose access to ports.
  - The HTML page needs no other file and no network, and can be printed. It has an index of the nodes. Its only script filters
    the tables by the names of nodes; without it, all nodes are shown. The Markdown file has its picture as
    Mermaid. The JSON file has the data of the report. The JUnit XML file has a test for each node, for each tested
    connection, for each part of a node that was compared with the plan, and for the counted sources.
  - The header has the name of the fleet, the time, the version of the collection, the inventory, and its commit if the
    inventory is in a git tree. If a new report differs from the existing report only in the time, the files do not change.
  - Runs on the controller and connects to no host.
options:
  plan:
    description:
      - The path of the plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
      - Exactly one of O(plan) and O(refused_group) is needed.
    type: raw
  refused_group:
    description:
      - The inventory group of Kong nodes for which M(gatehouse.kong.kong_plan) failed in this run because of errors in the
        inventory. The report states that there is no plan, and has every finding. Each error is a failed test in the JUnit XML.
      - Such a report ignores all other options except O(path) and O(fleet).
    type: str
  path:
    description:
      - Folder on the controller for C(report.html), C(report.md), C(report.json) and C(report.xml). If the path ends in
        C(.html), C(.md), C(.json) or C(.xml), only this file is written. Missing folders are created.
      - Verification, drift and counted sources in the existing C(report.json) of the folder are kept, with their times, if
        the plan is the same. Therefore C(verify), C(drift) and C(staged) can write to the same report, one after the other.
    type: path
    required: true
  before:
    description: An older plan file. The report shows the differences.
    type: path
  fleet:
    description:
      - Name of the fleet in the header of the report. The playbooks and roles use C(kong_fleet_name).
      - By default, the name of the inventory file without its suffix, or of the inventory folder.
    type: str
  registered:
    description: Name of the variable in which each host registered the result of M(gatehouse.kong.kong_probe).
    type: str
  placeholders:
    description:
      - Name of the variable in which nodes registered the result of M(gatehouse.kong.kong_placeholder). The report shows the
        ports on which a placeholder listened instead of Kong.
    type: str
  observers:
    description:
      - Name of the variable in which nodes registered the result of M(gatehouse.kong.kong_placeholder) with C(state=absent).
        It decides about UDP listeners that need not answer.
    type: str
  gateways:
    description:
      - Name of the variable in which NAT gateways of the plan registered the result of M(gatehouse.kong.kong_gateway) in check
        mode. The cause of a difference then names the differences of the gateways on the path of the connection.
    type: str
  drift:
    description: The result of M(gatehouse.kong.kong_drift).
    type: dict
  staged:
    description: The result of M(gatehouse.kong.kong_staged). The report shows at most 200 rows of counted sources; its JSON has
      all sources.
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
  - module: gatehouse.kong.kong_staged
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Write the report for a merge request, with its changes
  gatehouse.kong.kong_report:
    plan: "{{ fleet.path }}"
    path: report
    before: kong-plan.json
  run_once: true

- name: Probe every listener of every node
  gatehouse.kong.kong_probe:
    probes: "{{ fleet.path | gatehouse.kong.kong_probes(inventory_hostname) }}"
  register: reach

- name: Write only the test results, for CI
  gatehouse.kong.kong_report:
    plan: "{{ fleet.path }}"
    path: kong-verification.xml
    registered: reach
  run_once: true
"""

RETURN = r"""
path:
  description: The HTML page, or the only file that was written.
  returned: success
  type: str
files:
  description: All files of the report.
  returned: success
  type: list
  elements: str
"""

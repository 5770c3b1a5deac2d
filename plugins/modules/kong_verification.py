# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_verification
short_description: Compare the results of all probes with the plan, and show them
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a plan and the results of M(gatehouse.kong.kong_probe) from each host. Prints a table of every source and every
    listener with the expected and the actual result, and fails if they differ.
  - Runs on the controller and connects to no host.
  - The actual result is C(open), C(refused) (the packet passed the firewalls, but no process listens), C(filtered) (no
    answer, or an administrative prohibition) or C(unreachable). The expected result is C(open), C(filtered) or C(closed).
    With C(closed), any actual result except C(open) is correct. It is expected for pairs without a route, with a NAT device
    in between, or with a listener on loopback.
  - For a listener that need not answer, such as a stream over UDP, the observations of the node itself decide
    (O(observers)). A pair without an observation is C(silent) in the table and reported as unverified. It is no difference.
  - With more than eight sources, or with names that are too long for the terminal, only the differences are listed, without the
    table.
options:
  plan:
    description: The path of the plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  registered:
    description:
      - Name of the variable in which each host registered the result of M(gatehouse.kong.kong_probe).
      - Hosts of the plan without results are reported as not probed.
    type: str
    required: true
  placeholders:
    description:
      - Name of the variable in which nodes registered the result of M(gatehouse.kong.kong_placeholder). The table then
        distinguishes answers of a placeholder from answers of Kong.
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
  only_gateways:
    description:
      - If true, nothing is shown and the module does not fail. It returns the gateways on the path of connections
        that differ from the plan, so that they can be inspected for O(gateways).
    type: bool
    default: false
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_probe
  - module: gatehouse.kong.kong_placeholder
  - plugin: gatehouse.kong.kong_probes
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Probe every listener of every node
  gatehouse.kong.kong_probe:
    probes: "{{ fleet.path | gatehouse.kong.kong_probes(inventory_hostname) }}"
  register: reach

- name: Show the verification
  gatehouse.kong.kong_verification:
    plan: "{{ fleet.path }}"
    registered: reach
  run_once: true
"""

RETURN = r"""
outcomes:
  description: Every probe with its expected and its actual result.
  returned: success, unless O(only_gateways=true)
  type: list
  elements: dict
  sample:
    - from: a1
      to: b1
      listener: cluster
      protocol: udp
      port: 80
      dial_address: 192.168.10.5
      dial_port: 9000
      expected: open
      result: open
      detail: acknowledged
      cause: ""
      certificate:
      status:
not_probed:
  description: Hosts of the plan without results.
  returned: success, unless O(only_gateways=true)
  type: list
  elements: str
gateways:
  description: The gateways of the plan on the path of connections that differ from the plan.
  returned: O(only_gateways=true)
  type: list
  elements: str
  sample: [branch-router]
"""

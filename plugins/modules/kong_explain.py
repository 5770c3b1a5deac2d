# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_explain
short_description: Explain why a host can or cannot reach a listener
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Shows for a host and the listeners of a node the dialled address, the devices on the path, the address and source with
    which packets arrive, the rule that decides, and the expected result. With results of M(gatehouse.kong.kong_probe), it
    shows the actual result too, and fails if the two differ.
  - Runs on the controller and connects to no host.
options:
  plan:
    description: The path of the plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  caller:
    description: Inventory name of the host that connects.
    type: str
    required: true
  target:
    description: Inventory name of the node to which the host connects.
    type: str
    required: true
  listener:
    description: Name of a listener, such as V(admin). By default all listeners of the node.
    type: str
  results:
    description: The value that M(gatehouse.kong.kong_probe) returned in its key C(probes).
    type: list
    elements: dict
    default: []
  observer:
    description:
      - The value that M(gatehouse.kong.kong_placeholder) on the node returned in its key C(observer). Without it, UDP
        listeners that need not answer cannot be verified, and O(results) shows them as silent.
    type: dict
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
  - plugin: gatehouse.kong.kong_path
    plugin_type: filter
  - module: gatehouse.kong.kong_verification
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Explain how this host reaches the first node
  gatehouse.kong.kong_explain:
    plan: "{{ fleet.path }}"
    caller: "{{ inventory_hostname }}"
    target: "{{ groups['kong'] | first }}"
"""

RETURN = r"""
lines:
  description: The printed lines.
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

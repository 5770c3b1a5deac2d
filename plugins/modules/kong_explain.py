# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_explain
short_description: Say why one host reaches a listener, or does not
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Shows for one host and the listeners of one node what the host dials, what is on the way, where the packets arrive and
    from which source, which rule decides, and what is expected. With what M(gatehouse.kong.kong_probe) met, it shows that as
    well, and fails where it is something else.
  - Runs on the controller and connects to no host.
options:
  plan:
    description: The plan, as M(gatehouse.kong.kong_plan) returns it.
    type: dict
    required: true
  caller:
    description: Inventory name of the host that connects.
    type: str
    required: true
  target:
    description: Inventory name of the node that is connected to.
    type: str
    required: true
  listener:
    description: Name of one listener, such as V(admin). All of the node's listeners by default.
    type: str
  seen:
    description: What M(gatehouse.kong.kong_probe) returned in its key C(probes).
    type: list
    elements: dict
    default: []
  observer:
    description:
      - What M(gatehouse.kong.kong_placeholder) on the node returned in its key C(observer). Without it nothing is known of UDP
        listeners that need not answer, and O(seen) shows them as silent.
    type: dict
extends_documentation_fragment:
  - gatehouse.kong.attributes
attributes:
  check_mode:
    support: full
    details: It never changes anything.
  diff_mode:
    support: none
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

- name: Say how this host reaches the first node
  gatehouse.kong.kong_explain:
    plan: "{{ fleet.plan }}"
    caller: "{{ inventory_hostname }}"
    target: "{{ groups['kong'] | first }}"
"""

RETURN = r"""
lines:
  description: What was shown.
  returned: always
  type: list
  elements: str
differences:
  description: Names of the probes that met something else than expected.
  returned: always
  type: list
  elements: str
"""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_verification
short_description: Compare what all hosts reached with the plan, and show it
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Takes a plan and what M(gatehouse.kong.kong_probe) found on each host, prints a table of every source against every
    listener with what was expected and what was seen, and fails if anything differs.
  - Runs on the controller and connects to no host.
  - The table tells C(open) from C(refused) (the packet passed the firewalls and nobody listens), C(filtered) (no answer,
    or an administrative prohibition) and C(unreachable). Expected is C(open), C(filtered) or C(closed). The last one is for
    pairs without a path, with a NAT device in between or with a listener on loopback, where any refusal will do.
  - Where nobody need answer, as at a stream over UDP, it counts what the node itself saw of the packet (O(observers)). A
    pair of which nobody knows that is C(silent) in the table and named as unverified. It is no difference.
  - With more than eight sources the table is left out and only differences are listed.
options:
  plan:
    description: The plan, as M(gatehouse.kong.kong_plan) returns it.
    type: dict
    required: true
  registered:
    description:
      - Name of the variable in which each host registered the result of M(gatehouse.kong.kong_probe).
      - Hosts of the plan that registered nothing are named as not probed.
    type: str
    required: true
  placeholders:
    description:
      - Name of the variable in which nodes registered the result of M(gatehouse.kong.kong_placeholder). What a placeholder
        answered is then told from what Kong did.
    type: str
  observers:
    description:
      - Name of the variable in which nodes registered the result of M(gatehouse.kong.kong_placeholder) with C(state=absent).
        It decides about UDP listeners that need not answer.
    type: str
extends_documentation_fragment:
  - gatehouse.kong.attributes
attributes:
  check_mode:
    support: full
    details: It never changes anything.
  diff_mode:
    support: none
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

- name: Try every listener of every node
  gatehouse.kong.kong_probe:
    probes: "{{ fleet.plan | gatehouse.kong.kong_probes(inventory_hostname) }}"
  register: reach

- name: Show the verification
  gatehouse.kong.kong_verification:
    plan: "{{ fleet.plan }}"
    registered: reach
  run_once: true
"""

RETURN = r"""
outcomes:
  description: Every probe with what was expected and what was seen.
  returned: success
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
      seen: open
      detail: acknowledged
      cause: ""
      certificate:
      status:
differences:
  description: The probes in which the two differ, in the form of RV(outcomes), the first hundred with the likely cause.
  returned: always
  type: list
  elements: dict
not_probed:
  description: Hosts of the plan that took no part.
  returned: always
  type: list
  elements: str
"""

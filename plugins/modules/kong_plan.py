# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_plan
short_description: Compile how every Kong node listens, what it advertises and who may reach it
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Reads the whole inventory and compiles the plan of the fleet. For each Kong node these are the settings of its
    version, the listeners that really open, the paths of its neighbours through NAT and VPN, and the ruleset of its
    firewall; for the NAT devices the forwards they need.
  - Runs on the controller and connects to no host. It always compiles the whole fleet, whatever O(ignore:--limit), C(serial)
    or unreachable hosts leave of the play, so a node never loses a peer because a run was a small one.
  - Whatever cannot work is an error that names the host, the variable, the value and the way out. All errors are reported
    at once, and there is no plan then.
  - The plan is compiled once for each run of C(ansible-playbook) and node group. Later plays, batches and hosts of the same
    run get the plan that was compiled first, even if variables have changed since.
  - The C(kong_*) variables are documented with the role P(gatehouse.kong.kong_firewall#role). They are read as Ansible's
    C(hostvars) show them, so they belong into the inventory, C(group_vars), C(host_vars) or extra variables. Variables of
    a play or a role are not seen.
options:
  group:
    description: The inventory group of the Kong nodes.
    type: str
    default: kong
  path:
    description:
      - File on the controller to which the plan is written as JSON. By default it is not written.
      - The text is the same to the byte for the same inventory, so it can be kept under version control and reviewed.
    type: path
  show:
    description: Print the plan as tables. Of more than 50 nodes the first 50 are shown; the plan file has them all.
    type: bool
    default: false
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.findings
attributes:
  check_mode:
    support: full
    details: The plan file is not written.
  diff_mode:
    support: full
    details: Shows who gains or loses which port, and what else is different from the plan that the file held.
notes:
  - Where a node's address comes from facts, the facts of B(every) node must be known, for example from a fact cache. A node
    whose address is not known is an error.
  - Needs the Python packages C(netaddr) and C(jmespath) on the controller.
seealso:
  - plugin: gatehouse.kong.host_ruleset
    plugin_type: filter
  - plugin: gatehouse.kong.firewall_rules
    plugin_type: filter
  - plugin: gatehouse.kong.kong_path
    plugin_type: filter
  - plugin: gatehouse.kong.cluster_advertise
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Keep the plan for review
  gatehouse.kong.kong_plan:
    path: "{{ playbook_dir }}/kong-plan.json"
  run_once: true

- name: Use the plan in a template of your own
  ansible.builtin.debug:
    msg: "{{ fleet.plan.nodes[inventory_hostname].settings }}"
"""

RETURN = r"""
plan:
  description: The plan. Plain data; its format is described in the collection's C(docs/design.md).
  returned: success
  type: dict
  contains:
    format:
      description: Number of the plan's format.
      type: int
    sets:
      description: Groups of sources as a site sees them, by name.
      type: dict
    nodes:
      description: What is compiled for each Kong node, by inventory name.
      type: dict
    hosts:
      description: The other hosts that source terms or C(kong_verify_outsiders) name.
      type: dict
    nat_forwards:
      description: The forwards that NAT devices need.
      type: list
      elements: dict
    findings:
      description: Warnings and remarks.
      type: list
      elements: dict
errors:
  description:
    - The number of errors because of which there is no plan. They are printed, each text once with all its hosts.
    - M(gatehouse.kong.kong_report) with O(gatehouse.kong.kong_report#module:refused_group) writes all findings into a report.
  returned: failure
  type: int
path:
  description: The plan file.
  returned: when O(path) is given
  type: str
"""

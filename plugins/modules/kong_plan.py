# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_plan
short_description: Compile listeners, advertised addresses and allowed sources of all Kong nodes
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Reads the whole inventory and compiles the plan of the fleet. The plan has for each Kong node the settings of its version,
    its real listeners, the paths from its neighbours through NAT and VPN, and the ruleset of its firewall. For each NAT
    device it has the needed forwards.
  - Runs on the controller and connects to no host. It always compiles the whole fleet, independent of O(ignore:--limit),
    C(serial) and unreachable hosts. Therefore a node never loses a peer because a run covers only some hosts.
  - Each configuration that cannot work is an error with the host, the variable, the value and the fix. All errors are
    reported together, and no plan is returned. With the variable C(kong_strict), warnings are errors.
  - The plan is compiled once for each run of C(ansible-playbook) and each node group. Later plays, batches and hosts of the
    same run get the first plan, even if variables have changed since.
  - The plan is kept on the controller until the end of the run. Filters and modules take its path, and
    P(gatehouse.kong.kong_plan#lookup) returns the part of one host.
  - The C(kong_*) variables are documented with the role P(gatehouse.kong.kong_firewall#role). They are read from Ansible's
    C(hostvars), so set them in the inventory, in C(group_vars) or C(host_vars), or as extra variables. Variables of a play
    or a role are ignored.
options:
  group:
    description: The inventory group of the Kong nodes.
    type: str
    default: kong
  path:
    description:
      - File on the controller for the plan as JSON. By default it is not written.
      - The same inventory gives exactly the same text, so the file can be kept under version control and reviewed.
      - A node of the old file that is not in the plan is a warning, with the command that removes our rules. The new file keeps
        the node in C(left) until the playbook C(remove) has cleaned it.
      - A file with other text than a plan is an error, and is not replaced. An empty file is a warning, because it names no nodes
        that left.
    type: path
  show:
    description: Print the plan as tables. With more than 20 nodes, each table shows at most 6 rows; O(path) writes the whole plan.
    type: bool
    default: false
  return_plan:
    description: Return the whole plan as RV(plan). A plan of 1,000 nodes has several megabytes.
    type: bool
    default: false
  before_facts:
    description:
      - Only find the errors that no fact can correct. No plan is compiled, and only RV(errors) is returned.
      - Reads the variables whose values do not depend on facts, and compares the nodes that need no facts with each other. Other
        errors are found when the plan is compiled.
      - A template that names a fact, C(hostvars), a lookup or an encrypted variable counts as a value that depends on facts.
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
    details: Shows the differences from the previous plan file, such as sources that gain or lose access to ports.
notes:
  - If the address of a node is taken from facts, the facts of B(every) such node are needed, for example from a fact cache. A
    node without a known address is an error.
  - Needs the Python packages C(netaddr) and C(jmespath) on the controller.
seealso:
  - plugin: gatehouse.kong.kong_plan
    plugin_type: lookup
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

- name: Use the plan of each node in your own template
  ansible.builtin.debug:
    msg: "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname).settings }}"
"""

RETURN = r"""
path:
  description:
    - The path of the plan of this run, as input of filters and modules. Only the user can read the file, and it is removed at
      the end of the run.
  returned: success
  type: str
nodes:
  description: Inventory names of the Kong nodes in the plan.
  returned: success
  type: list
  elements: str
hosts:
  description: Inventory names of the other hosts in the plan.
  returned: success
  type: list
  elements: str
gateways:
  description: Inventory names of the NAT devices that are hosts of the inventory, see M(gatehouse.kong.kong_gateway).
  returned: success
  type: list
  elements: str
findings:
  description: The number of warnings and the number of notes. A finding of several hosts counts once.
  returned: success
  type: dict
  sample: {warning: 1, info: 2}
plan:
  description: The plan. Plain data; its format is described in the collection's C(docs/design.md).
  returned: with O(return_plan)
  type: dict
  contains:
    format:
      description: Number of the plan's format.
      type: int
    sets:
      description: Groups of sources by name, with the addresses that a site sees.
      type: dict
    nodes:
      description: The compiled data of each Kong node, by inventory name.
      type: dict
    hosts:
      description: The other hosts in source terms and in C(kong_verify_outsiders).
      type: dict
    nat_forwards:
      description: The forwards that NAT devices need.
      type: list
      elements: dict
    gateways:
      description: The translations of NAT devices that are hosts of the inventory, by inventory name. Missing if there are none.
      type: dict
    findings:
      description: Warnings and notes.
      type: list
      elements: dict
errors:
  description:
    - The number of errors that prevent the plan. They are printed, each text once with all its hosts.
    - M(gatehouse.kong.kong_report) with O(gatehouse.kong.kong_report#module:refused_group) writes all findings into a report.
  returned: failure
  type: int
file:
  description: The plan file.
  returned: with O(path)
  type: str
"""

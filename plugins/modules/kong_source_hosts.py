# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_source_hosts
short_description: Find the hosts of source terms whose facts are needed
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Finds the hosts that are not Kong nodes, that C(kong_*_sources) or C(kong_verify_outsiders) of a node name, and that have
    no C(kong_address). The playbooks gather the facts of these hosts.
  - Keeps the nodes of the play for M(gatehouse.kong.kong_plan), which names the hosts that C(--limit) excludes.
  - Runs on the controller and connects to no host.
options:
  group:
    description: The inventory group of the Kong nodes.
    type: str
    default: kong
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_nodes
  - module: gatehouse.kong.kong_plan
"""

EXAMPLES = r"""
- name: Find the hosts of source terms
  gatehouse.kong.kong_source_hosts:
  register: found
  run_once: true
"""

RETURN = r"""
hosts:
  description: The names of the hosts, sorted. Hosts in the group C(kong_asked_sources) are left out, because this run has tried to gather their facts.
  returned: success
  type: list
  elements: str
  sample: [bastion]
"""

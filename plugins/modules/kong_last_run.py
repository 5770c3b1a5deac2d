# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_last_run
short_description: Select the nodes and gateways that the last run of site changed
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes the results of M(gatehouse.kong.kong_restore_point) with C(state=found) from the nodes of the play and from gateways.
    Selects the hosts whose restore point is that of the last run. A host without a result is not selected.
  - Runs on the controller and connects to no host.
options:
  nodes:
    description: Name of the variable in which each node of the play registered the result.
    type: str
    required: true
  gateways:
    description: Name of the variable in which each gateway registered the result.
    type: str
    required: true
  gateway_hosts:
    description: The names of the gateways.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_gateway_hosts
  - module: gatehouse.kong.kong_restore_point
"""

EXAMPLES = r"""
- name: Select the nodes and gateways that the last run changed
  gatehouse.kong.kong_last_run:
    nodes: point
    gateways: translations
    gateway_hosts: [branch-router]
  register: changed
  run_once: true
"""

RETURN = r"""
nodes:
  description: The nodes that the last run changed.
  returned: success
  type: list
  elements: str
gateways:
  description: The gateways that the last run changed.
  returned: success
  type: list
  elements: str
"""

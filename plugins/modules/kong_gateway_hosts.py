# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_gateway_hosts
short_description: Find the hosts of the inventory that are NAT gateways
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Finds the hosts that C(kong_nat) or C(kong_nat_query) of another host names as C(device). The plan has the same gateways, but
    needs the facts of the nodes and an inventory without errors.
  - Warns about a C(kong_nat) that cannot be read, because a gateway may be missing then.
  - Runs on the controller and connects to no host.
options: {}
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_gateway
  - module: gatehouse.kong.kong_restore_point
"""

EXAMPLES = r"""
- name: Find the gateways
  gatehouse.kong.kong_gateway_hosts:
  register: found
  run_once: true
"""

RETURN = r"""
gateways:
  description: The names of the hosts, in natural order.
  returned: success
  type: list
  elements: str
  sample: [branch-router]
"""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_explain_names
short_description: Check the names for the playbook explain
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal module of the playbook C(explain), which calls it before facts are gathered, and again with the plan.
  - If a name is missing or unknown, the module fails with one line that has the valid names.
  - Runs on the controller and connects to no host.
options:
  group:
    description: The inventory group of the Kong nodes.
    type: str
    default: kong
  caller:
    description: The host that connects.
    type: str
  target:
    description: The Kong node.
    type: str
  listener:
    description: The name of a listener.
    type: str
  opened:
    description: The names of the listeners that the plan opens on the node. Without it, the listeners of its version and role.
    type: list
    elements: str
  callers:
    description: The hosts of this run that can connect. The module fails if O(caller) is not among them. Without it, this is not checked.
    type: list
    elements: str
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_explain
"""

EXAMPLES = r"""
- name: Check the names
  gatehouse.kong.kong_explain_names:
    caller: a1
    target: b1
    listener: cluster
  run_once: true
"""

RETURN = r"""
"""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_variables
short_description: Check the variables of a role
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Reads the variables of a role of this collection for all hosts of the batch, and fails if a variable has no value of its
    kind. Each error is printed once, with its hosts.
  - A role that compiles the plan needs no such task, because M(gatehouse.kong.kong_plan) checks all variables.
  - Runs on the controller and connects to no host.
options:
  role:
    description: The name of the role.
    type: str
    required: true
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_plan
"""

EXAMPLES = r"""
- name: Check the variables of the role kong_rollback
  gatehouse.kong.kong_variables:
    role: kong_rollback
  run_once: true
"""

RETURN = r"""
"""

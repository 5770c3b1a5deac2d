# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_variables
short_description: Check the variables of a role, or the paths of files on the controller
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Reads the variables of a role of this collection for all hosts of the batch, and fails if a variable has no value of its
    kind. Each error is printed once, with its hosts.
  - A role that compiles the plan needs no such task, because M(gatehouse.kong.kong_plan) checks all variables.
  - Runs on the controller and connects to no host.
  - Or checks that the files which variables name can be read and written, before a connection to any host.
options:
  role:
    description:
      - The name of the role.
      - Exactly one of O(role) and O(files) is required.
    type: str
  files:
    description:
      - Names of variables with a path on the controller. A variable that is not set is not checked, and neither is a value that
        facts may change.
    type: list
    elements: str
  hosts:
    description: Hosts whose variables the run uses, for O(files). The variables of the first host of the play are checked.
    type: list
    elements: str
    default: []
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

- name: Check the path of the plan file
  gatehouse.kong.kong_variables:
    files: [kong_plan_file]
    hosts: "{{ groups.kong }}"
  run_once: true
"""

RETURN = r"""
"""

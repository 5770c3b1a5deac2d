# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_exit_status
short_description: Set the exit status of a playbook that checks the nodes
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, which call it after the report has been written.
  - Fails if C(failure) of the result is not empty, for example because a node differs from the plan. C(ansible-playbook) then
    exits with status 2.
  - If there is no failure, but a node of the play could not be checked, the result is unreachable. C(ansible-playbook) then
    exits with status 4, as for an unreachable host. Nodes outside C(--limit) do not change the status.
  - Runs on the controller and connects to no host.
options:
  result:
    description: The result of M(gatehouse.kong.kong_drift) or M(gatehouse.kong.kong_staged).
    type: dict
    required: true
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_drift
  - module: gatehouse.kong.kong_staged
"""

EXAMPLES = r"""
- name: Show the differences
  gatehouse.kong.kong_drift:
    plan: "{{ fleet.path }}"
    registered: node
  register: drift
  run_once: true

- name: Fail if a node differs from the plan
  gatehouse.kong.kong_exit_status:
    result: "{{ drift }}"
  run_once: true
"""

RETURN = r"""
msg:
  description: The result in one line.
  returned: always
  type: str
  sample: "3 of 3 nodes checked: no difference from the plan"
"""

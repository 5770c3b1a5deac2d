# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_network_facts
short_description: Gather the network facts of a host, and state each reason of hosts without facts once
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Runs M(ansible.builtin.setup) with the subset C(network).
  - A host without a connection is unreachable. If hosts have the same reason, the first host has it, and the other hosts name the
    first host.
options:
  required:
    description: Whether a host without facts is unreachable or failed. If not, its result has the reason as RV(problem).
    type: bool
    default: true
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: ansible.builtin.setup
"""

EXAMPLES = r"""
- name: Gather the network facts of the nodes
  gatehouse.kong.kong_network_facts:
    required: false
  register: reached
"""

RETURN = r"""
problem:
  description: The reason why the host has no facts.
  returned: if the host has no facts and they are not required
  type: str
  sample: "Failed to connect to the host via ssh: ssh: connect to host 10.0.0.1 port 22: Connection refused"
"""

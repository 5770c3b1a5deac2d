# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_nodes
short_description: Check that there are Kong nodes to work on
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Fails if the inventory does not exist, if the group of the Kong nodes is missing or empty, or if C(--limit) excludes every
    Kong node. Without this check such a run would end with status 0.
  - Runs on the controller and connects to no host.
options:
  group:
    description: The inventory group of the Kong nodes, as the first host of the play sees it.
    type: str
    default: kong
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_plan
"""

EXAMPLES = r"""
- name: Check that the inventory and --limit have Kong nodes
  gatehouse.kong.kong_nodes:
    group: "{{ kong_group | default('kong') }}"
  run_once: true
"""

RETURN = r"""
group:
  description: The group of the Kong nodes.
  returned: success
  type: str
  sample: kong
added:
  description:
    - The nodes, if the inventory sets C(kong_group). The pattern of a play does not see such a variable, so the playbooks add
      these nodes to the group C(kong) of the run.
  returned: success
  type: list
  elements: str
"""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: kong_fail
short_description: Fail with a message that is printed once
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Does the same as M(ansible.builtin.fail), whose message ansible-core 2.19 and later print twice.
  - Runs on the controller and connects to no host.
options:
  msg:
    description: The message.
    type: str
    required: true
extends_documentation_fragment:
  - gatehouse.kong.attributes.controller
seealso:
  - module: gatehouse.kong.kong_problems
"""

EXAMPLES = r"""
- name: Fail if no plan file is given
  gatehouse.kong.kong_fail:
    msg: Give the plan file, -e old=FILE
  when: old is not defined
"""

RETURN = r"""
"""

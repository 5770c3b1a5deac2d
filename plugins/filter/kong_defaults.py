# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: kong_defaults
short_description: Kong's defaults of the settings of a node
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a node of the plan, and returns for its settings the values that its version of Kong uses without a line in the file.
    A line that only repeats such a value is not written, and its absence is no difference.
  - Empty for a node with C(kong_listen_target=env) in a container, which may have a C(kong.conf) with other values. On a
    host, M(gatehouse.kong.kong_conf) reads that file.
options:
  _input:
    description: A node of the plan of M(gatehouse.kong.kong_plan).
    type: dict
    required: true
seealso:
  - module: gatehouse.kong.kong_conf
"""

EXAMPLES = r"""
- name: Show the settings that need no line in Kong's file
  ansible.builtin.debug:
    msg: "{{ lookup('gatehouse.kong.kong_plan', 'a1') | gatehouse.kong.kong_defaults }}"
"""

RETURN = r"""
_value:
  description: Kong settings and their defaults as text.
  type: dict
  sample: {role: traditional, status_listen: 'off'}
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.defaults import find_defaults


def kong_defaults(node: Any) -> dict[str, str]:
    if not isinstance(node, Mapping) or not {"version", "settings", "settings_file"} <= set(node):
        raise AnsibleFilterError("gatehouse.kong.kong_defaults: this is not a node of a plan: it has no settings")
    return find_defaults(node)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kong_defaults": kong_defaults}

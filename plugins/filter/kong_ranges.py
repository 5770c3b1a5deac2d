# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: kong_ranges
short_description: Names of hosts as a short text
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Returns names in natural order, with ranges of consecutive numbers, and their count.
options:
  _input:
    description: The names of hosts.
    type: list
    elements: str
    required: true
seealso:
  - module: gatehouse.kong.kong_node_info
"""

EXAMPLES = r"""
- name: Report the nodes that do not change
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts | gatehouse.kong.kong_ranges }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The text, such as C(k1 to k40, k42, 41 nodes).
  type: str
"""

from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import format_ranges


def kong_ranges(names: Iterable[str]) -> str:
    return format_ranges(names)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kong_ranges": kong_ranges}

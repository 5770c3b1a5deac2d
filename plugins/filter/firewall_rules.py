# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: firewall_rules
short_description: The rules of a Kong node, with sources as networks
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Takes a plan and the name of a node, and returns a list with one rule for each address, port and protocol that Kong
    opens there, with all allowed networks. All other remote sources must be dropped.
  - Use it for your own templates, or with other firewall modules. For M(gatehouse.kong.kong_firewall) use the more compact
    result of P(gatehouse.kong.kong_plan#lookup).
positional: host
options:
  _input:
    description: The path of a plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  host:
    description: Inventory name of the node.
    type: str
    required: true
seealso:
  - plugin: gatehouse.kong.kong_plan
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Show the allowed sources of this node
  ansible.builtin.debug:
    msg: "{{ item.protocol }} {{ item.port }}: {{ [item.sources] | flatten | join(' ') or 'no source' }}"
  loop: "{{ fleet.path | gatehouse.kong.firewall_rules(inventory_hostname) }}"
  loop_control:
    label: "{{ item.listener }}"
"""

RETURN = r"""
_value:
  description: A dictionary for each rule, in the order of Kong's settings.
  type: list
  elements: dict
  contains:
    listener:
      description: Name of the listener, such as V(proxy), V(admin) or V(cluster).
      type: str
    protocol:
      description: V(tcp) or V(udp).
      type: str
    port:
      description: The local port, which the node's own firewall sees.
      type: int
    address:
      description:
        - Local address. V(0.0.0.0) is every IPv4 address, V(::) every IPv6 address.
        - Null is every address of both families.
      type: str
    sources:
      description: V(any), or a list of allowed networks (CIDR). With an empty list only the node itself may connect.
      type: raw
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, open_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import list_rules


def firewall_rules(plan: Any, host: str) -> list[dict[str, Any]]:
    try:
        return list_rules(open_plan(plan), host)
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.firewall_rules: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"firewall_rules": firewall_rules}

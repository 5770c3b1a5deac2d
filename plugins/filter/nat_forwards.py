# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: nat_forwards
short_description: The forwards that NAT devices need for Kong nodes
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Takes a plan, and returns the forwards that a NAT device needs, with their sources, as plain data for the modules of other
    collections, or for a file.
  - Nodes that share a virtual address also share its forwards. Each shared forward is one entry with the sources of all nodes.
  - A device must not change the source of forwarded packets, except for a hairpin.
positional: device
options:
  _input:
    description: The path of a plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  device:
    description:
      - The C(device) of a mapping in C(kong_nat), or its C(outside) address if the mapping names no device.
      - The filter fails if no node has a mapping of this device. By default it returns the forwards of all devices.
    type: str
seealso:
  - plugin: gatehouse.kong.cloud_firewall_rules
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Show the forwards
  ansible.builtin.debug:
    msg: >-
      {{ item.device }}: {{ item.protocol }} {{ item.outside }}:{{ item.outside_port }}
      to {{ item.inside }}:{{ item.inside_port }} from {{ item.sources | join(', ') }}
  loop: "{{ fleet.path | gatehouse.kong.nat_forwards }}"
  loop_control:
    label: "{{ item.description }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - A dictionary for each forward, by device, outside address, port and protocol.
    - A listener without allowed sources has no forward.
  type: list
  elements: dict
  contains:
    name:
      description: A name that is unique on the device, such as C(kong-192.168.10.5-9000-tcp), of letters, digits, C(-) and C(.).
      type: str
    description:
      description: The listener and the nodes, such as C(Kong cluster of b1).
      type: str
    device:
      description: The NAT device.
      type: str
    outside:
      description: Destination address before the translation.
      type: str
    outside_port:
      description: Destination port before the translation.
      type: int
    protocol:
      description: V(tcp) or V(udp).
      type: str
    inside:
      description: Destination address after the translation.
      type: str
    inside_port:
      description: Destination port after the translation.
      type: int
    sources:
      description:
        - The allowed networks (CIDR), at least one, of the family of the outside address. Any source is V(0.0.0.0/0) or V(::/0).
        - These are the sources of the port as the node sees them, so a source that reaches the node on another path is listed, too.
      type: list
      elements: str
    hairpin:
      description:
        - Whether hosts of the node's own site also connect to the outside address. The device must send their packets back
          inside, with the C(hairpin_source) of the mapping as source.
      type: bool
    listener:
      description: Name of the listener, such as V(proxy), V(admin) or V(cluster).
      type: str
    nodes:
      description: Inventory names of the nodes.
      type: list
      elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.device_forwards import list_device_forwards
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, open_plan


def nat_forwards(plan: Any, device: str | None = None) -> list[dict[str, Any]]:
    try:
        return list_device_forwards(open_plan(plan), device)
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.nat_forwards: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nat_forwards": nat_forwards}

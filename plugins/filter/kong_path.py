# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: kong_path
short_description: The address that a host dials to reach a Kong node, and the source that the node sees
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Takes a plan and the names of two hosts, and returns for each listener of the second host the address and port that the
    first host dials, the sources that the node's firewall sees, and the kind of the path.
  - A path does not mean that the source is allowed. For allowed sources see P(gatehouse.kong.firewall_rules#filter).
positional: caller, target, listener
options:
  _input:
    description: The path of a plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  caller:
    description: Inventory name of the host that connects, a node or a host that a source term names.
    type: str
    required: true
  target:
    description: Inventory name of the node to which the host connects.
    type: str
    required: true
  listener:
    description: Name of a listener, such as V(cluster) or V(admin). By default all listeners of the node.
    type: str
seealso:
  - plugin: gatehouse.kong.firewall_rules
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Show the paths from this node to each node
  ansible.builtin.debug:
    msg: "{{ fleet.path | gatehouse.kong.kong_path(inventory_hostname, item) }}"
  loop: "{{ groups['kong'] }}"
"""

RETURN = r"""
_value:
  description: A dictionary for each path. Empty if there is no path.
  type: list
  elements: dict
  contains:
    from:
      description: The host that connects.
      type: str
    to:
      description: The node to which it connects.
      type: str
    listener:
      description: Name of the listener.
      type: str
    protocol:
      description: V(tcp) or V(udp).
      type: str
    dial_address:
      description: The address to dial.
      type: str
    dial_port:
      description: The port to dial.
      type: int
    sources:
      description: The source networks (CIDR) that the node sees.
      type: list
      elements: str
    address:
      description: The node's own address at which the packets arrive.
      type: str
    port:
      description: The node's own port at which the packets arrive.
      type: int
    via:
      description: V(local), V(vpn), V(nat) or V(hairpin).
      type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, open_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import list_paths, path_as_dict


def kong_path(plan: Any, caller: str, target: str, listener: str | None = None) -> list[dict[str, Any]]:
    try:
        return [path_as_dict(path) for path in list_paths(open_plan(plan), caller, target, listener)]
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.kong_path: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kong_path": kong_path}

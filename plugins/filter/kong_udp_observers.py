# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: kong_udp_observers
short_description: The nodes that need a packet observer during a verification
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a plan and returns the nodes with a UDP listener that need not answer, which is a stream, or encrypted gossip. Only
    M(gatehouse.kong.kong_placeholder) on the node can observe whether it accepted a packet.
positional: host
options:
  _input:
    description: The path of a plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  host:
    description: Return only this host, if it is such a node. The rest of the plan is not read then.
    type: str
seealso:
  - module: gatehouse.kong.kong_placeholder
  - plugin: gatehouse.kong.kong_probes
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Observe packets while other hosts connect
  gatehouse.kong.kong_placeholder:
    listeners: "{{ lookup('gatehouse.kong.kong_plan', inventory_hostname).listeners }}"
    listen: false
  when: inventory_hostname in fleet.path | gatehouse.kong.kong_udp_observers(inventory_hostname)
"""

RETURN = r"""
_value:
  description: Inventory names of nodes.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, open_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    list_silent_nodes,
    needs_observer,
)


def kong_udp_observers(plan: Any, host: str | None = None) -> list[str]:
    try:
        opened = open_plan(plan)
        if host is None:
            return list_silent_nodes(opened)
        return [host] if host in opened["nodes"] and needs_observer(get_node(opened, host)) else []
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.kong_udp_observers: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kong_udp_observers": kong_udp_observers}

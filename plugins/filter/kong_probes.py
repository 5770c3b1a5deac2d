# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: kong_probes
short_description: The connections with which a host verifies a plan
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Internal to the roles and playbooks of this collection, and may change with every release.
  - Takes a plan and the name of a host, and returns the probes for module M(gatehouse.kong.kong_probe) on that host, which are
    connections to every listener of every node, allowed or not, at the address in the plan.
  - Gossip over UDP (Kong 0.6 to 0.10) is tested with a ping. Streams and encrypted gossip (C(cluster_encrypt_key) in
    C(kong_config)) need not answer. They get a datagram with a mark, and M(gatehouse.kong.kong_placeholder) on the node
    reports whether the datagram was accepted. P(gatehouse.kong.kong_udp_observers#filter) returns such nodes.
positional: host, local, target, listener
options:
  _input:
    description: The path of a plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  host:
    description: Inventory name of the host, a node or a host that a source term or C(kong_verify_outsiders) names.
    type: str
    required: true
  local:
    description:
      - Return probes of the host's own listeners instead, for use on the host itself, where its firewall does not apply. All
        of them must be open when Kong has started. UDP listeners that need not answer are not included.
    type: bool
    default: false
  target:
    description: Return only the probes of this node.
    type: str
  listener:
    description: With O(target), return only the probes of its listener with this name.
    type: str
seealso:
  - module: gatehouse.kong.kong_probe
  - module: gatehouse.kong.kong_verification
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Connect to every listener of every node
  gatehouse.kong.kong_probe:
    probes: "{{ fleet.path | gatehouse.kong.kong_probes(inventory_hostname) }}"
  register: reach

- name: Wait until Kong listens on all planned ports
  gatehouse.kong.kong_probe:
    probes: "{{ fleet.path | gatehouse.kong.kong_probes(inventory_hostname, local=true) }}"
  register: listening
  until: listening.probes | rejectattr('result', 'eq', 'open') | length == 0
  retries: 20
  delay: 1
"""

RETURN = r"""
_value:
  description: The probes, with the keys C(name), C(kind), C(address) and C(port).
  type: list
  elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, open_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import choose_probes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    Probe,
    list_local_probes,
    list_probes_from,
)


def kong_probes(
    plan: Any, host: str, local: bool = False, target: str | None = None, listener: str | None = None
) -> list[dict[str, Any]]:
    try:
        return [probe.as_dict() for probe in _select_probes(open_plan(plan), host, local, target, listener)]
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.kong_probes: {exc}") from exc


def _select_probes(plan: Any, host: str, local: bool, target: str | None, listener: str | None) -> list[Probe]:
    if target is not None:
        return choose_probes(plan, host, target, listener)
    return list_local_probes(plan, host) if local else list_probes_from(plan, host)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kong_probes": kong_probes}

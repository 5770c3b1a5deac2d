# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
name: cloud_firewall_rules
short_description: The ingress rules of a cloud firewall for Kong nodes
version_added: 0.1.0
author: gatehouse.kong contributors (@gatehouse-kong)
description:
  - Takes a plan and one or several nodes, and returns their allowed sources as the arguments of the module for the firewall of
    a cloud provider. The provider's firewall drops all other packets.
  - The nodes and the provider's firewall see the same sources, because the translation of a public address
    to the private address of a host does not change the source.
  - A port that several of the nodes open has the sources of all of them. Networks are merged. Ports on a loopback address, and
    ports without an allowed source, have no rule.
positional: hosts, provider
options:
  _input:
    description: The path of a plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data.
    type: raw
    required: true
  hosts:
    description: Inventory name of a node, or a list of the nodes that share the firewall, such as C(groups.kong_cp).
    type: raw
    required: true
  provider:
    description:
      - V(aws) returns C(rules) of C(amazon.aws.ec2_security_group).
      - V(azure) returns C(rules) of C(azure.azcollection.azure_rm_securitygroup).
      - V(gcp) returns the arguments of a task with C(google.cloud.gcp_compute_firewall) for each rule, without project and network.
      - V(hetzner) returns C(rules) of C(hetzner.hcloud.firewall).
      - V(openstack) returns the ingress rules for C(security_group_rules) of C(openstack.cloud.security_group). That module removes
        rules that are not listed, so add the egress rules.
    type: str
    required: true
    choices: [aws, azure, gcp, hetzner, openstack]
  prefix:
    description: The beginning of names and descriptions. With V(gcp), names of rules are unique in a project.
    type: str
    default: kong
  limit:
    description:
      - The largest number of entries, if the provider raised yours. Beyond the limit, the filter fails. Above 90 percent of
        the limit, it warns.
      - By default 60 networks of each family for V(aws), 1000 rules for V(azure), 5000 networks in a rule for V(gcp), and 500
        networks for V(hetzner). Google states 5000 for firewall policies, and nothing for other rules.
      - The rules for V(azure) can also have at most 4000 networks together. This option does not change that limit.
      - For V(openstack) it depends on the project, so there is no default.
    type: int
seealso:
  - plugin: gatehouse.kong.firewall_rules
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compile the plan of the whole fleet
  gatehouse.kong.kong_plan:
  register: fleet
  run_once: true

- name: Show the rules of the security group of the control planes
  ansible.builtin.debug:
    msg: "{{ fleet.path | gatehouse.kong.cloud_firewall_rules(groups.kong, 'aws') }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The rules by port, each with at least one source.
  type: list
  elements: dict
"""

from collections.abc import Callable, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.gatehouse.kong.plugins.plugin_utils._cloud.ingress import list_ingress
from ansible_collections.gatehouse.kong.plugins.plugin_utils._cloud.providers import make_cloud_rules
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, open_plan


def cloud_firewall_rules(
    plan: Any, hosts: str | Sequence[str], provider: str, prefix: str = "kong", limit: int | None = None
) -> list[dict[str, Any]]:
    names = [hosts] if isinstance(hosts, str) else hosts
    try:
        found = make_cloud_rules(list_ingress(open_plan(plan), names), provider, prefix, limit)
    except PlanError as exc:
        raise AnsibleFilterError(f"gatehouse.kong.cloud_firewall_rules: {exc}") from exc
    for warning in found.warnings:
        Display().warning(f"gatehouse.kong.cloud_firewall_rules: {warning}")
    return found.rules


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"cloud_firewall_rules": cloud_firewall_rules}

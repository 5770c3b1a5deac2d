# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ingress policy as the arguments of the modules for cloud firewalls, and the limits of each provider. Pure.

The modules are in the package ansible 12. The limits are in the documentation of AWS (rules of a security group; each network
is a rule), Azure (rules of a group), Hetzner (effective rules of a firewall) and Google (source ranges of a rule of a firewall
policy; a limit for rules of a network was not found).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._cloud.ingress import Ingress
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError

Rules = list[dict[str, Any]]
_FAMILIES = ("ipv4", "ipv6")
_FIRST_PRIORITY = 100


@dataclass(frozen=True, slots=True)
class Provider:
    """How a provider's rules are made; ``count`` returns the largest number that ``most`` limits, None without a limit."""

    make: Callable[[Sequence[Ingress], str], Rules]
    prefix: re.Pattern[str]
    counted: str = ""
    count: Callable[[Sequence[Ingress]], int] = len
    most: int | None = None


def _make_for_aws(policy: Sequence[Ingress], prefix: str) -> Rules:
    """Return `rules` of amazon.aws.ec2_security_group. A rule has the networks of one family."""
    return [
        {
            "proto": ingress.protocol,
            "ports": [str(ingress.port)],
            {"ipv4": "cidr_ip", "ipv6": "cidr_ipv6"}[family]: [*networks],
            "rule_desc": f"{prefix} {ingress.name}",
        }
        for ingress in policy
        for family in _FAMILIES
        if (networks := getattr(ingress, family))
    ]


def _make_for_azure(policy: Sequence[Ingress], prefix: str) -> Rules:
    """Return `rules` of azure.azcollection.azure_rm_securitygroup."""
    return [
        {
            "name": f"{prefix}-{ingress.name}",
            "priority": priority,
            "direction": "Inbound",
            "access": "Allow",
            "protocol": ingress.protocol.capitalize(),
            "destination_port_range": str(ingress.port),
            "source_address_prefix": [*ingress.networks],
        }
        for priority, ingress in enumerate(policy, _FIRST_PRIORITY)
    ]


def _make_for_google(policy: Sequence[Ingress], prefix: str) -> Rules:
    """Return the arguments of a task with google.cloud.gcp_compute_firewall for each rule: the networks of one family."""
    return [
        {
            "name": f"{prefix}-{ingress.name}-{family}",
            "description": f"{prefix} {ingress.name}",
            "direction": "INGRESS",
            "allowed": [{"ip_protocol": ingress.protocol, "ports": [str(ingress.port)]}],
            "source_ranges": [*networks],
        }
        for ingress in policy
        for family in _FAMILIES
        if (networks := getattr(ingress, family))
    ]


def _make_for_hetzner(policy: Sequence[Ingress], prefix: str) -> Rules:
    """Return `rules` of hetzner.hcloud.firewall."""
    return [
        {
            "direction": "in",
            "protocol": ingress.protocol,
            "port": str(ingress.port),
            "source_ips": [*ingress.networks],
            "description": f"{prefix} {ingress.name}",
        }
        for ingress in policy
    ]


def _make_for_openstack(policy: Sequence[Ingress], prefix: str) -> Rules:
    """Return ingress rules for `security_group_rules` of openstack.cloud.security_group: one for each network."""
    return [
        {
            "direction": "ingress",
            "ether_type": "IPv6" if ":" in network else "IPv4",
            "protocol": ingress.protocol,
            "port_range_min": ingress.port,
            "port_range_max": ingress.port,
            "remote_ip_prefix": network,
            "description": f"{prefix} {ingress.name}",
        }
        for ingress in policy
        for network in ingress.networks
    ]


def _count_of_family(policy: Sequence[Ingress]) -> int:
    return max(sum(len(getattr(ingress, family)) for ingress in policy) for family in _FAMILIES)


def _count_of_rule(policy: Sequence[Ingress]) -> int:
    return max((len(getattr(ingress, family)) for ingress in policy for family in _FAMILIES), default=0)


def _count_all(policy: Sequence[Ingress]) -> int:
    return sum(len(ingress.networks) for ingress in policy)


_TEXT = re.compile(r"[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,100}")
_NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,29}")
PROVIDERS: Mapping[str, Provider] = {
    "aws": Provider(_make_for_aws, _TEXT, "networks of a family", _count_of_family, 60),
    "azure": Provider(_make_for_azure, _NAME, "rules", most=1000),
    "gcp": Provider(_make_for_google, re.compile(r"[a-z][a-z0-9-]{0,19}"), "networks in a rule", _count_of_rule, 5000),
    "hetzner": Provider(_make_for_hetzner, _TEXT, "networks", _count_all, 500),
    # The quota of a project, which only its administrator knows.
    "openstack": Provider(_make_for_openstack, _TEXT, "networks", _count_all),
}


def make_cloud_rules(policy: Sequence[Ingress], name: str, prefix: str, limit: int | None) -> Rules:
    """Return the policy as arguments of the provider's module. Raises PlanError for an unknown name, or beyond the limit.

    ``limit`` is used in place of the provider's limit, which some accounts can raise.
    """
    if name not in PROVIDERS:
        raise PlanError(f"provider is {name!r}; accepted are {', '.join(PROVIDERS)}")
    provider = PROVIDERS[name]
    if not provider.prefix.fullmatch(prefix):
        raise PlanError(
            f"prefix is {prefix!r}, which {name} does not accept in names; it must match {provider.prefix.pattern}"
        )
    most, count = limit or provider.most, provider.count(policy)
    if most is not None and count > most:
        raise PlanError(
            f"{name} accepts at most {most} {provider.counted}, and these hosts need {count}. Write larger networks as sources, give "
            "fewer hosts one firewall, or raise the quota and set limit"
        )
    return provider.make(policy, prefix)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ingress policy as the arguments of the modules for cloud firewalls, and the limits of each provider. Pure.

The modules are in the package ansible 12. The limits are in the documentation of AWS (rules of a security group; each network
is a rule), Azure (rules of a group, and source addresses of all its rules), Hetzner (effective rules of a firewall) and Google
(source ranges of a rule of a firewall policy; a limit for rules of a network was not found). The forms of names and descriptions
are in the documentation of AWS, Azure and Google. For Hetzner and OpenStack none was found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._cloud.ingress import Ingress
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError

Rules = list[dict[str, Any]]
_FAMILIES = ("ipv4", "ipv6")
_FIRST_PRIORITY = 100


# A part of a limit, above which a warning says how many entries are left.
_NEAR = 0.9


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest number of what ``count`` returns, None if only the account has a limit."""

    counted: str
    count: Callable[[Sequence[Ingress]], int]
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """How a provider's rules are made. An account may have raised the first of the ``limits``.

    ``key`` is the key of a rule whose complete text has the form ``text``.
    """

    make: Callable[[Sequence[Ingress], str], Rules]
    prefix: re.Pattern[str]
    limits: tuple[Limit, ...]
    key: str
    text: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class CloudRules:
    """The arguments of the provider's module, and a warning for each limit that is near."""

    rules: Rules
    warnings: tuple[str, ...]


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
_DESCRIPTION = re.compile(r"[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}")
PROVIDERS: Mapping[str, Provider] = {
    "aws": Provider(
        _make_for_aws, _TEXT, (Limit("networks of a family", _count_of_family, 60),), "rule_desc", _DESCRIPTION
    ),
    "azure": Provider(
        _make_for_azure,
        _NAME,
        (Limit("rules", len, 1000), Limit("networks in all rules", _count_all, 4000)),
        "name",
        re.compile(r"[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]{0,78}[a-zA-Z0-9_])?"),
    ),
    "gcp": Provider(
        _make_for_google,
        re.compile(r"[a-z][a-z0-9-]{0,19}"),
        (Limit("networks in a rule", _count_of_rule, 5000),),
        "name",
        re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"),
    ),
    "hetzner": Provider(_make_for_hetzner, _TEXT, (Limit("networks", _count_all, 500),), "description", _DESCRIPTION),
    # The quota of a project, which only its administrator knows.
    "openstack": Provider(_make_for_openstack, _TEXT, (Limit("networks", _count_all),), "description", _DESCRIPTION),
}


def make_cloud_rules(policy: Sequence[Ingress], name: str, prefix: str, limit: int | None) -> CloudRules:
    """Return the policy as arguments of the provider's module. Raises PlanError for an unknown name, or beyond a limit.

    ``limit`` is used in place of the provider's first limit, which some accounts can raise. Raises PlanError also for a name or
    description that the provider does not accept.
    """
    if name not in PROVIDERS:
        raise PlanError(f"provider is {name!r}; accepted are {', '.join(PROVIDERS)}")
    provider = PROVIDERS[name]
    if not provider.prefix.fullmatch(prefix):
        raise PlanError(
            f"prefix is {prefix!r}, which {name} does not accept in names; it must match {provider.prefix.pattern}"
        )
    first, *others = provider.limits
    limits = (replace(first, most=limit or first.most), *others)
    warnings = tuple(
        warning for known in limits if (warning := _check_limit(known, name, policy, is_adjustable=known is limits[0]))
    )
    rules = provider.make(policy, prefix)
    for rule in rules:
        if not provider.text.fullmatch(rule[provider.key]):
            raise PlanError(
                f"{name} does not accept the {provider.key} {rule[provider.key]!r}; it must match {provider.text.pattern}. Use a "
                "shorter prefix, or correct the listener's name in the plan file"
            )
    return CloudRules(rules, warnings)


def _check_limit(limit: Limit, name: str, policy: Sequence[Ingress], *, is_adjustable: bool) -> str:
    """Return a warning if a limit is near, else an empty text. Raises PlanError beyond the limit."""
    count = limit.count(policy)
    if limit.most is None or count <= limit.most * _NEAR:
        return ""
    quota = ", or raise the quota and set limit" if is_adjustable else ""
    remedy = f"Write larger networks as sources, or give fewer hosts one firewall{quota}"
    if count > limit.most:
        raise PlanError(f"{name} accepts at most {limit.most} {limit.counted}, and these hosts need {count}. {remedy}")
    return f"{name} accepts at most {limit.most} {limit.counted}, and these hosts already need {count}. {remedy}"

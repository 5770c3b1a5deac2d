# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: the compiled fleet as plain data, identical to the byte for the same inventory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import ERROR, Finding, share_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import list_named_sites
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.fleet import Fleet, find_fixed_errors, read_fleet
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.forwards import Forward, list_forwards
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.gateways import (
    Gateway,
    check_gateways,
    find_gateways,
    list_gateways,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.policy import Allow, Policy
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.sets import SetKey, describe_sets
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import (
    make_unknown_warnings,
    make_unverified_warnings,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.viewer import Viewer
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.interception import InterceptRule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.limit import explain_excluded
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import find_published_address
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import Inventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import LOCALHOST, Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.gateways import describe_gateways
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

FORMAT = 1
_SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Compilation:
    """The result of compiling a fleet: the plan, or None if there are errors, and all findings, errors first.

    In ``parts``, the plan, each node is described when it is read, because the nodes of a large fleet take much memory together.
    """

    parts: Mapping[str, Any] | None
    findings: tuple[Finding, ...]

    @property
    def plan(self) -> dict[str, Any] | None:
        """The plan as plain data."""
        return None if self.parts is None else {**self.parts, "nodes": dict(self.parts["nodes"])}

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that prevent a plan."""
        return tuple(finding for finding in self.findings if finding.severity == ERROR)


def compile_plan(inventory: Inventory, group: str, played: Collection[str] | None = None) -> Compilation:
    """Compile the fleet of the inventory's group of Kong nodes (section 5 of DESIGN is the plan's format).

    ``played`` are the nodes that --limit leaves, if the facts of the hosts in the limit were gathered.
    """
    fleet = read_fleet(inventory, group)
    if any(finding.severity == ERROR for finding in fleet.findings):
        findings = fleet.findings if played is None else explain_excluded(fleet.findings, inventory, group, played)
        return Compilation(None, _sort_findings(findings))
    hosts = [*(node.host for node in fleet.nodes.values()), *fleet.hosts.values()]
    policy = Policy(Viewer(fleet.members, list_named_sites(hosts)))
    allows = {name: policy.allows(node, fleet.drafts[name]) for name, node in fleet.nodes.items()}
    intercepted = {name: _list_intercepted(policy, node, fleet.drafts[name]) for name, node in fleet.nodes.items()}
    forwards = {name: list_forwards(node, allows[name]) for name, node in fleet.nodes.items()}
    gateways = find_gateways(fleet, inventory)
    viewed = [*make_unverified_warnings(policy.viewer.unverified), *make_unknown_warnings(policy.viewer.unknown)]
    behind = check_gateways(fleet, forwards, gateways)
    findings = _sort_findings([*fleet.findings, *policy.findings, *behind, *viewed])
    if any(finding.severity == ERROR for finding in findings):
        return Compilation(None, findings)
    compiled = _Compiled(allows, intercepted, forwards, list_gateways(fleet, forwards, gateways))
    return Compilation(_make_plan(fleet, policy, compiled, findings), findings)


def list_fixed_errors(inventory: Inventory, group: str) -> tuple[Finding, ...]:
    """Return errors of compile_plan that no fact can change, in its order, without reading any fact."""
    return _sort_findings(find_fixed_errors(inventory, group))


def _sort_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    distinct = {
        (finding.severity, finding.code, finding.host, finding.variable, finding.message): finding
        for finding in findings
    }
    return tuple(
        sorted(
            distinct.values(),
            key=lambda finding: (
                _SEVERITIES.index(finding.severity),
                make_natural_key(finding.host, finding.variable, finding.code, finding.message),
            ),
        )
    )


class _Compiled(NamedTuple):
    """By node: its allow entries, its intercept rules with their allow entries, and its forwards. And all gateways."""

    allows: Mapping[str, list[Allow]]
    intercepted: Mapping[str, list[tuple[InterceptRule, Allow]]]
    forwards: Mapping[str, list[Forward]]
    gateways: list[Gateway]


def _list_intercepted(policy: Policy, node: Node, draft: Draft) -> list[tuple[InterceptRule, Allow]]:
    return [(rule, policy.allow_intercepted(node, draft, rule)) for rule in draft.intercept_rules]


def _make_plan(fleet: Fleet, policy: Policy, compiled: _Compiled, findings: Sequence[Finding]) -> dict[str, Any]:
    names = policy.sets.list_names()
    return {
        "format": FORMAT,
        "sets": describe_sets(names),
        "nodes": _Nodes(fleet.nodes, compiled, names),
        "hosts": {name: host.as_dict() for name, host in fleet.hosts.items()},
        "nat_forwards": [
            _describe_forward(node, forward, device, names)
            for name, node in fleet.nodes.items()
            for forward in compiled.forwards[name]
            for device in forward.mapping.devices
        ],
        **describe_gateways(compiled.gateways, names),
        "findings": share_findings(findings),
    }


@dataclass(frozen=True)
class _Nodes(Mapping[str, Any]):
    """The nodes of the plan, each as plain data that is made when it is read."""

    _nodes: Mapping[str, Node]
    _compiled: _Compiled
    _names: Mapping[SetKey, str]

    def __getitem__(self, name: str) -> dict[str, Any]:
        return _describe_node(self._nodes[name], self._compiled, self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)


def _describe_node(node: Node, compiled: _Compiled, names: Mapping[SetKey, str]) -> dict[str, Any]:
    return {
        **node.host.as_dict(),
        **({"connection": dict(node.connection)} if node.connection else {}),
        "cluster": node.cluster,
        "version": node.version,
        "role": node.role,
        "generation": node.generation,
        "settings": dict(sorted(node.settings.items())),
        "config": list(node.config),
        "settings_file": dict(node.settings_file),
        "listeners": [_describe_listener(listener) for listener in node.listeners],
        **(
            {}
            if node.published is None
            else {"published": [_describe_published(listener) for listener in node.published]}
        ),
        "ruleset": {
            "allow": [_allow(node, allow, names) for allow in compiled.allows[node.name]],
            **({"staged": True} if node.staged else {}),
            **({"count_days": node.count_days} if node.count_days else {}),
        },
        "interception": [_intercept_rule(rule, allow, names) for rule, allow in compiled.intercepted[node.name]],
    }


def _describe_listener(listener: Listener) -> dict[str, Any]:
    return {
        "name": listener.name,
        "setting": listener.setting,
        "address": listener.address,
        "port": listener.port,
        "protocols": list(listener.protocols),
        "flags": list(listener.flags),
    }


def _describe_published(listener: Listener) -> dict[str, Any]:
    return {
        "listener": listener.name,
        "address": find_published_address(listener),
        "port": listener.port,
        "container_port": listener.container_port,
        "protocols": list(listener.protocols),
    }


def _allow(node: Node, allow: Allow, names: Mapping[SetKey, str]) -> dict[str, Any]:
    return {
        "listener": allow.listener.name,
        "protocol": allow.protocol,
        "port": allow.listener.port,
        "address": _find_matched_address(allow.listener, of_serf=node.advertised is not None),
        "sources": _name_sources(allow, names),
        **({"published": True} if allow.listener.container_port else {}),
    }


def _intercept_rule(rule: InterceptRule, allow: Allow, names: Mapping[SetKey, str]) -> dict[str, Any]:
    listener = rule.listener
    return {
        "method": rule.method,
        "family": f"ipv{rule.family}",
        "destinations": list(rule.destinations),
        "own": rule.own,
        "ports": list(rule.ports),
        "interfaces": list(rule.interfaces),
        "listener": listener.name,
        "address": "127.0.0.1" if listener.address == LOCALHOST else listener.bound,
        "port": listener.port,
        "sources": _name_sources(allow, names),
    }


def _name_sources(allow: Allow, names: Mapping[SetKey, str]) -> str | list[str]:
    return "any" if allow.any_source else [names[key] for key in allow.sets]


def _find_matched_address(listener: Listener, *, of_serf: bool) -> str | None:
    """Return the address that a host's rule matches: 0.0.0.0 or :: for a whole family, None for both families or a name.

    A Serf agent that binds 0.0.0.0 listens on IPv6 as well, like every Go program (package net, favoriteAddrFamily).
    """
    if of_serf and not listener.container_port and listener.is_wildcard and listener.name in ("cluster", "cluster_rpc"):
        return None
    if listener.is_loopback:
        return "::1" if listener.families == (6,) else "127.0.0.1"
    if len(listener.families) > 1:
        return None
    if listener.is_wildcard:
        return "::" if listener.families == (6,) else "0.0.0.0"
    return listener.address


def _describe_forward(node: Node, forward: Forward, device: str, names: Mapping[SetKey, str]) -> dict[str, Any]:
    return {
        "device": device,
        "outside": forward.mapping.outside,
        "outside_port": forward.outside_port,
        "protocol": forward.allow.protocol,
        "inside": forward.inside,
        "inside_port": forward.allow.listener.port,
        "node": node.name,
        "listener": forward.allow.listener.name,
        "sources": _name_sources(forward.allow, names),
        "hairpin": forward.hairpin,
    }

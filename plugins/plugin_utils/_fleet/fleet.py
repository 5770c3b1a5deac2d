# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet: all nodes of the inventory, completed with settings that depend on other nodes, and the hosts they name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import ERROR, Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.duplicates import (
    find_binds_of_others,
    find_duplicate_addresses,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.empty_terms import find_empty_terms
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.forwards import check_mappings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.gossip import advertise
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.hybrid import connect
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.interception_checks import (
    check_protected,
    check_taken_ports,
    find_protected,
    make_redirect_notes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.mixed_sites import find_mixed_sites
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.networks import Dialled
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.pinned import check_pinned
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.private_sources import find_private_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.shared_values import (
    Values,
    find_different_values,
    read_shared_values,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.source_families import find_other_families
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.temporary_sources import find_temporary_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.traps import find_traps
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unfit import mark_unfit
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.viewer import GroupKey
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import get_facts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.group import describe_no_nodes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.hosts import (
    NAT_VARIABLES,
    list_temporary_addresses,
    read_host,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft, read_fixed_node, read_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.source_hosts import ASKED, OUTSIDERS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    FactsNeededError,
    HostVariables,
    Inventory,
    Names,
    make_host_error,
    make_host_warning,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first, make_natural_key


@dataclass(frozen=True)
class Fleet:
    """Nodes and their drafts by name, the other hosts that they name, and all findings.

    ``members`` are the hosts of each source term.
    """

    nodes: Mapping[str, Node]
    drafts: Mapping[str, Draft]
    hosts: Mapping[str, Host]
    members: Mapping[GroupKey, Sequence[Host]]
    findings: tuple[Finding, ...]


def read_fleet(inventory: Inventory, group: str) -> Fleet:
    """Read and check the whole fleet. Errors are in its findings."""
    names = Names.read(inventory)
    if not names.groups.get(group):
        return Fleet({}, {}, {}, {}, (_make_no_nodes(group, names),))
    findings: list[Finding] = []
    drafts: dict[str, Draft] = {}
    outsiders: list[str] = []
    shared_values: dict[str, Values] = {}
    for name in _sort(names.groups[group]):
        variables = HostVariables.read(inventory, name)
        if draft := read_node(variables, names):
            drafts[name] = draft
        shared_values[name] = read_shared_values(variables)
        outsiders += _list_outsiders(variables, names)
        findings += variables.findings
    findings += find_different_values(shared_values)
    own_drafts_are_sound = not _select_errors(findings)
    hosts = _read_other_hosts(drafts, outsiders, inventory, findings)
    dialled = Dialled(draft.node for draft in drafts.values())
    hosts = {name: dialled.restrict(host) for name, host in hosts.items()}
    drafts = {name: _with_host(draft, dialled.restrict(draft.node.host)) for name, draft in drafts.items()}
    drafts, hosts = mark_unfit(drafts, hosts, names.groups)
    nodes = {name: draft.node for name, draft in drafts.items()}
    if own_drafts_are_sound:
        findings += _compare(drafts.values())
        findings += find_empty_terms(drafts.values())
        findings += find_binds_of_others(drafts.values())
        findings += _find_unknown_sites(nodes.values(), {host.site for host in hosts.values()})
        if not _select_errors(findings):
            nodes |= _connect_all(drafts, findings)
            findings += find_private_sources(drafts.values(), hosts.values(), names.groups)
            findings += find_other_families(drafts.values())
            list_unnamed = partial(_list_temporary, inventory, names.hosts - {*drafts, *hosts})
            findings += find_temporary_sources(drafts.values(), hosts.values(), list_unnamed)
            findings += find_mixed_sites(drafts.values())
            findings += find_traps(drafts.values())
    return Fleet(nodes, drafts, hosts, _list_members(nodes, hosts, names), tuple(findings))


def find_fixed_errors(inventory: Inventory, group: str) -> list[Finding]:
    """Return the errors that no fact can change: of single nodes, and between the nodes that need no facts.

    Errors that depend on all nodes are found if no node needs facts, and no other host behind a NAT, because it may change their
    remedies. read_fleet finds the same errors of single nodes. It may find fewer errors between nodes, because it does not compare
    nodes if facts add an error of a single node.
    """
    names = Names.read(inventory)
    findings: list[Finding] = []
    drafts: dict[str, Draft] = {}
    shared_values: dict[str, Values] = {}
    nodes = _sort(names.groups.get(group, ()))
    for name in nodes:
        variables = HostVariables.read_fixed(inventory, name)
        if draft := read_fixed_node(variables, names):
            drafts[name] = draft
        with suppress(FactsNeededError):
            _list_outsiders(variables, names)
        with suppress(FactsNeededError):
            shared_values[name] = read_shared_values(variables)
        findings += variables.findings
    if nodes and len(shared_values) == len(nodes):
        findings += find_different_values(shared_values)
    if not _select_errors(findings):
        findings += _compare(drafts.values())
        if len(drafts) == len(nodes):
            findings += find_empty_terms(drafts.values())
            if not _select_errors(findings):
                with suppress(FactsNeededError):
                    others = _read_hosts_behind_nat(drafts, inventory)
                    marked, _others = mark_unfit(drafts, others, names.groups)
                    _connect_all(marked, findings)
    return _select_errors(findings)


def _select_errors(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == ERROR]


def _compare(drafts: Collection[Draft]) -> Iterator[Finding]:
    """Yield the errors and notes about pairs of nodes. More nodes can only add to them."""
    nodes = [draft.node for draft in drafts]
    yield from check_mappings(nodes)
    yield from find_duplicate_addresses(nodes)
    yield from _check_interception(drafts)


def _connect_all(drafts: Mapping[str, Draft], findings: list[Finding]) -> dict[str, Node]:
    """Return the nodes that connect to their cluster, with the settings for that. Adds the errors about these connections."""
    connected = advertise(drafts, findings) | connect(drafts, findings)
    findings += check_pinned(drafts.values())
    return connected


def _list_temporary(inventory: Inventory, names: Iterable[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield hosts with the addresses that look temporary in their facts."""
    for name in _sort(names):
        yield name, list_temporary_addresses(HostVariables.read(inventory, name))


def _sort(names: Iterable[str]) -> list[str]:
    return sorted(names, key=make_natural_key)


def _with_host(draft: Draft, host: Host) -> Draft:
    return draft if host is draft.node.host else replace(draft, node=replace(draft.node, host=host))


def _make_no_nodes(group: str, names: Names) -> Finding:
    return make_host_error("no-nodes", "localhost", "kong_group", group, describe_no_nodes(names.groups))


def _list_outsiders(variables: HostVariables, names: Names) -> list[str]:
    """Return the hosts of kong_verify_outsiders, including the members of its groups."""
    found: list[str] = []
    for item in variables.list_items(OUTSIDERS):
        members = names.groups.get(item[1:]) if item.startswith("@") else [item]
        if members and all(member in names.hosts for member in members):
            found += members
        else:
            message = "it is neither a host of the inventory nor a group written as @group"
            variables.add_error("source-unknown", OUTSIDERS, item, message)
    return found


def _list_named_hosts(drafts: Mapping[str, Draft], groups: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the names of the hosts that source terms name, including the members of groups."""
    terms = [terms for draft in drafts.values() for terms in draft.terms.values()]
    named = {group for each in terms for group in each.groups}
    return {name for each in terms for name in each.hosts}.union(*(groups[group] for group in named))


def _read_other_hosts(
    drafts: Mapping[str, Draft], outsiders: Iterable[str], inventory: Inventory, findings: list[Finding]
) -> dict[str, Host]:
    """Read the hosts that are not nodes and that source terms or kong_verify_outsiders name.

    If the facts of a host could not be gathered in this run, the error says so.
    """
    asked = {*inventory.groups.get(ASKED, ())}
    named = {*_list_named_hosts(drafts, inventory.groups), *outsiders} - set(drafts)
    hosts = {}
    for name in sorted(named, key=make_natural_key):
        variables = HostVariables.read(inventory, name)
        hosts[name] = read_host(variables)
        has_no_answer = name in asked and not get_facts(variables)
        is_unknown = {finding.code for finding in variables.findings} == {"address-unknown"}
        findings += [_make_no_answer(name)] if has_no_answer and is_unknown else variables.findings
    return hosts


def _read_hosts_behind_nat(drafts: Mapping[str, Draft], inventory: Inventory) -> dict[str, Host]:
    """Read the hosts that are not nodes, that source terms name, and whose variables name a NAT.

    No other host changes the remedies of nodes. Raises FactsNeededError if facts may change one of them.
    """
    hosts = {}
    for name in _list_named_hosts(drafts, inventory.groups) - set(drafts):
        variables = HostVariables.read_fixed(inventory, name)
        if any(nat in variables.variables for nat in NAT_VARIABLES):
            hosts[name] = read_host(variables)
    return hosts


def _make_no_answer(name: str) -> Finding:
    message = (
        "the host is named as a source, and its facts could not be gathered in this run, so its address is not known. Set "
        "kong_address, keep facts in a cache, or run again when the host answers"
    )
    return make_host_error("source-host-unknown", name, "kong_address", None, message)


def _list_members(nodes: Mapping[str, Node], hosts: Mapping[str, Host], names: Names) -> dict[GroupKey, Sequence[Host]]:
    known = {name: node.host for name, node in nodes.items()} | dict(hosts)
    members: dict[GroupKey, list[Host]] = {}
    for node in nodes.values():
        for key in ("peers", "control_planes", "data_planes"):
            members.setdefault((key, node.cluster), [])
        members["peers", node.cluster].append(node.host)
        if node.role != "traditional":
            members[f"{node.role}s", node.cluster].append(node.host)
        if node.advertised:
            members.setdefault(("gossip", node.cluster), []).append(node.host)
    members |= {("host", name): [known[name]] if name in known else [] for name in names.hosts}
    for group, group_members in names.groups.items():
        members["group", group] = [known[name] for name in sorted(group_members, key=make_natural_key) if name in known]
    return dict(members)


def _check_interception(drafts: Collection[Draft]) -> Iterator[Finding]:
    """Yield the errors and notes about the intercept rules of all nodes."""
    intercepting = [draft for draft in drafts if draft.intercept_rules]
    if not intercepting:
        return
    protected = [found for draft in drafts for found in find_protected(draft.node, draft.ssh_port)]
    for draft in intercepting:
        yield from check_protected(draft.node, draft.intercept_rules, protected)
        yield from check_taken_ports(draft.node, draft.intercept_rules)
        yield from make_redirect_notes(draft.node, draft.intercept_rules)


def _find_unknown_sites(nodes: Collection[Node], others: set[str]) -> Iterator[Finding]:
    """Yield a warning for each mapping with a site that has no host. The site may belong to another inventory."""
    known = others | {node.site for node in nodes}
    for node in nodes:
        for mapping in node.host.nat:
            if unknown := sorted(set(mapping.sites) - known, key=make_natural_key):
                message = f"no host is in site {list_first(unknown, 4)}; the sites are {list_first(sorted(known, key=make_natural_key), 6)}"
                yield make_host_warning("nat-site-unknown", node.name, "kong_nat", list(mapping.sites), message)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conflicting rules of nftables, with advice: they drop or divert packets to ports that a ruleset opens."""

from __future__ import annotations

import typing as t
from collections.abc import Container, Iterable
from itertools import groupby

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict_analysis import (
    Finding,
    Own,
    analyse_tables,
    is_partial,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import EGRESS, FORWARD, MARK, PREROUTING
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_properties import FAMILY_OF_HEADER
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import Tables, parse_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_xtables import find_tables_of_iptables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import DIVERT, Chain, Rule
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset

_DIVERTED = "Our rules never see these packets. If Docker publishes the port, publish another port, or publish it on 127.0.0.1 only"
_STILL_DROPPED = "our own chain still drops unauthorised sources"
# Docker evaluates this chain before its own rules, and changes no rule in it.
_CHAIN_FOR_USERS = "DOCKER-USER"

__all__ = ["Own", "explain_findings", "explain_rule", "find_conflicts"]


def find_conflicts(objects: list[dict[str, t.Any]], ruleset: Ruleset, own: Own) -> tuple[Conflict, ...]:
    """Return the conflicting rules of all chains that packets to the ports of a ruleset, or replies, pass.

    `objects` is the list "nftables" in the output of `nft -j list ruleset`.
    """
    tables = parse_tables(objects)
    return explain_findings(tables, analyse_tables(tables.values(), ruleset, own), own, objects)


def explain_findings(
    tables: Tables, findings: Iterable[Finding], own: Own, objects: list[dict[str, t.Any]]
) -> tuple[Conflict, ...]:
    """Return the findings about the tables as conflicts with advice, one for each rule. `objects` are the listed tables."""
    of_iptables = find_tables_of_iptables(objects, own.of_files)
    found = sorted(findings, key=_make_key)
    return tuple(
        _make_conflict(tables, list(same), own, of_iptables) for _rule, same in groupby(found, key=_identify_rule)
    )


def _make_key(finding: Finding) -> tuple[t.Any, ...]:
    return _identify_rule(finding), finding.service.order


def _identify_rule(finding: Finding) -> tuple[t.Any, ...]:
    return finding.base.place, not finding.certain, _explain_finding(finding), finding.effect


def _explain_finding(finding: Finding) -> str:
    return explain_rule(finding.base, finding.chain, finding.rule)


def explain_rule(base: Chain, chain: Chain, rule: Rule | None) -> str:
    """Return a text that names a rule in a chain, to which a base chain leads. None is the policy of the base chain."""
    # Before 1.0.7, nft does not list the interface.
    interface = f" (network interface {base.device or 'of the chain'})" if is_partial(base) else ""
    if rule is None:
        return f"its policy is {base.policy}{interface}"
    return f"its rule `{rule.text}` in chain {chain.name}{interface}"


def _make_conflict(tables: Tables, same: list[Finding], own: Own, of_iptables: Container[tuple[str, str]]) -> Conflict:
    first = same[0]
    services = list(dict.fromkeys(finding.service for finding in same))
    if first.effect == DIVERT:
        advice = _DIVERTED
    else:
        ports = [f"{service.port}/{service.protocol}" for service in services]
        advice = _advise_without_mark(first.base, ports, own) or _advise_for_manager(tables, first, ports)
        advice = advice or _advise_with_mark(first, is_of_iptables=(first.base.family, first.base.table) in of_iptables)
    return Conflict(
        first.certain,
        f"nftables chain {first.base.place}",
        _explain_finding(first),
        tuple(map(str, services)),
        advice,
        first.effect,
    )


def _advise_without_mark(base: Chain, ports: list[str], own: Own) -> str:
    """Return the fix for a drop in a chain that never sees our mark, or "" if the chain sees the mark."""
    listed = ", ".join(ports)
    if base.hook == EGRESS:
        return f"It may drop replies: accept packets from {listed} there"
    if is_partial(base) or base.hook == PREROUTING:
        return f"It precedes our rules and never sees our mark: accept {listed} there"
    if own.marked_after is None:
        return f"Accept {listed} there; {_STILL_DROPPED}"
    if not own.has_mark_before(base):
        return (
            f"It precedes our chain (priority {base.priority} before {own.marked_after}) and never sees our mark: "
            f"accept {listed} there; {_STILL_DROPPED}"
        )
    return ""


def _advise_for_manager(tables: Tables, finding: Finding, ports: list[str]) -> str:
    """Return the fix for a drop in a chain of firewalld, ufw or Docker with commands of that program, or "" for other chains."""
    base = finding.base
    if base.table == "firewalld":
        options = " ".join(f"--add-port={port}" for port in ports)
        return f"It belongs to firewalld: run `firewall-cmd --permanent {options}`, `firewall-cmd --reload`; {_STILL_DROPPED}"
    chains = tables[base.family, base.table]
    if any(name.startswith("ufw") for name in chains):
        if base.hook == FORWARD:
            return _advise_for_forward_of_ufw(finding)
        commands = ", ".join(f"`ufw allow {port}`" for port in ports)
        return f"It belongs to ufw: run {commands}; {_STILL_DROPPED}"
    if base.hook == FORWARD and _CHAIN_FOR_USERS in chains and finding.chain.name != _CHAIN_FOR_USERS:
        program = FAMILY[FAMILY_OF_HEADER[base.family]].iptables
        return (
            f"It belongs to Docker: run `{program} -I {_CHAIN_FOR_USERS} -m mark --mark {MARK:#x}/{MARK:#x} -j ACCEPT`, and save "
            "the rule in the file from which this host loads its iptables rules at boot"
        )
    return ""


def _advise_for_forward_of_ufw(finding: Finding) -> str:
    """Return the fix for a drop of forwarded packets by ufw. A rule of `ufw route` cannot match our mark, but a file can."""
    number = "6" if finding.base.family == "ip6" else ""
    if finding.rule is not None and finding.chain.name != f"ufw{number}-reject-forward":
        return "It belongs to ufw: find its number with `ufw status numbered`, and remove it with `ufw delete NUMBER`"
    return (
        f"It belongs to ufw: write `-A ufw{number}-after-forward -m mark --mark {MARK:#x}/{MARK:#x} -j ACCEPT` into "
        f"/etc/ufw/after{number}.rules before COMMIT, and run `ufw reload`"
    )


def _advise_with_mark(finding: Finding, *, is_of_iptables: bool) -> str:
    """Return the fix for a drop by a rule or a policy. All bans of the chain stay effective."""
    base = finding.base
    if finding.rule is not None:
        spared = f"-m mark ! --mark {MARK:#x}/{MARK:#x}" if is_of_iptables else f"meta mark & {MARK:#x} != {MARK:#x}"
        return f"Remove it, or add `{spared}` to it, so that authorised packets reach the rules after it"
    if is_of_iptables:
        program = FAMILY[FAMILY_OF_HEADER[base.family]].iptables
        return (
            f"It belongs to iptables: run `{program} -A {base.name} -m mark --mark {MARK:#x}/{MARK:#x} -j ACCEPT`, and save "
            "the rule in the file from which this host loads its iptables rules at boot"
        )
    line = f"meta mark & {MARK:#x} == {MARK:#x} accept"
    return (
        f"Run `nft 'add rule {base.place} {line}'`, and write `{line}` as the chain's last rule into the file "
        "that the host loads at boot, such as /etc/nftables.conf"
    )

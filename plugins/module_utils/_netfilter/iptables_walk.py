# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of iptables tables for packets to our ports, from the output of iptables-save and ip6tables-save."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict_analysis import (
    Finding,
    Own,
    analyse_tables,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_rule import parse_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import select_table
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import (
    FORWARD,
    IPTABLES_BASES,
    LATE_RULE,
    MARK,
    PRIORITY,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import ACCEPT, DIVERT, DROP, Chain
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset

Table = t.Mapping[str, t.Sequence[str]]  # the lines of each chain
Place = t.Tuple[str, int]  # a chain, and the number of lines before the place in it

_OUR_CHAINS = " -j GATEHOUSE-KONG"
# linux/netfilter_ipv4.h. Other rules than those of adopt do not concern forwarded packets of iptables-legacy.
_FORWARD_PRIORITIES = {"mangle": -150, "filter": 0, "security": 50}
_TABLES = ("raw", "mangle", "nat", "filter", "security")
_DIVERTED = "If Docker publishes the port, publish another port, or publish it on 127.0.0.1 only"
_UNMARKED = "Remove it, or exclude Kong's ports from it"
_MARKED = f"Remove it, or add `-m mark ! --mark {MARK:#x}/{MARK:#x}` to it, so that authorised packets reach the rules after it"
_AT_POLICY = (
    f"Accept packets with our mark (`-m mark --mark {MARK:#x}/{MARK:#x} -j ACCEPT`) as the last rule, and let no rule before it "
    "change that bit of the mark"
)
_OWN = Own(frozenset(), PRIORITY)


def parse_table(saved: str, name: str) -> Table:
    """Return the lines of each chain of one table in the output of iptables-save or ip6tables-save."""
    chains: dict[str, list[str]] = {}
    for line in select_table(saved, name):
        words = line.split(" ", 2)
        if line.startswith(":"):
            chains[words[0][1:]] = []
        elif line.startswith("-A "):
            chains.setdefault(words[1], []).append(line)
    return chains


def find_conflicts(saved: str, want: Ruleset, family: str, late: Iterable[Place]) -> tuple[Conflict, ...]:
    """Return the rules of iptables that drop or divert packets of authorised sources although our rules are loaded.

    A conflict is certain if it affects every packet of every authorised source of an entry. It is possible if a match of
    the rule is unknown; before our rules, such a rule must name the port. Bans of some sources and limits are not
    conflicts. `saved` is the output of iptables-save or ip6tables-save. `late` are the places of our accept rule in the
    table filter, counted without our lines.
    """
    tables = {name: _select_third_party_rules(parse_table(saved, name)) for name in _TABLES}
    with_late = tables["filter"]
    for chain, index in sorted(late, reverse=True):
        with_late.setdefault(chain, []).insert(index, f"-A {chain} {LATE_RULE}")
    found = analyse_tables(_parse_all(tables, saved, family), want, _OWN)
    return tuple(
        _make_conflict(family, list(same)) for _rule, same in groupby(sorted(found, key=_make_key), key=_identify_rule)
    )


def parse_saved(saved: str, family: str) -> list[dict[str, Chain]]:
    """Return the chains of each table in the output of iptables-save or ip6tables-save, with their rules and policies.

    The base chains for forwarded packets are among them.
    """
    tables = _parse_all({name: parse_table(saved, name) for name in _TABLES}, saved, family)
    for chains, name in zip(tables, _TABLES):
        if "FORWARD" in chains:
            chains["FORWARD"].hook, chains["FORWARD"].priority = FORWARD, _FORWARD_PRIORITIES[name]
    return tables


def _parse_all(tables: Mapping[str, Table], saved: str, family: str) -> list[dict[str, Chain]]:
    chains = [parse_chains(table, name, family) for name, table in tables.items()]
    for of_table, name in zip(chains, tables):
        for chain in _find_dropping_policies(saved, name):
            of_table[chain].policy = DROP
    return chains


def _find_dropping_policies(saved: str, name: str) -> list[str]:
    """Return the base chains of a table whose policy drops."""
    words = (line.split(" ", 2) for line in select_table(saved, name) if line.startswith(":"))
    return [chain[1:] for chain, policy, *_counters in words if policy == "DROP"]


def _select_third_party_rules(table: Table) -> dict[str, list[str]]:
    return {
        chain: [line for line in lines if _OUR_CHAINS not in line and LATE_RULE not in line.replace('"', "")]
        for chain, lines in table.items()
    }


def parse_chains(table: Table, name: str = "", family: str = "") -> dict[str, Chain]:
    """Return the chains of a table with their rules. Base chains of the table `name` have a hook and a priority."""
    names = frozenset(table)
    return {
        chain: Chain(chain, [parse_rule(line, names) for line in lines], *IPTABLES_BASES.get((name, chain), ("", 0)),
                     ACCEPT, FAMILY[family].ip if family else "", name)
        for chain, lines in table.items()
    }  # fmt: skip


def _make_key(finding: Finding) -> tuple[t.Any, ...]:
    return _identify_rule(finding), finding.service.order


def _identify_rule(finding: Finding) -> tuple[str, str, bool, str]:
    return finding.base.table, finding.effect, not finding.certain, finding.rule.text if finding.rule else ""


def _make_conflict(family: str, same: Sequence[Finding]) -> Conflict:
    first = same[0]
    return Conflict(
        certain=first.certain,
        where=f"table {first.base.table} of {FAMILY[family].iptables}",
        reason=f"it has `{first.rule.text}`"
        if first.rule
        else f"the policy of {first.base.name} is {first.base.policy.upper()}",
        ports=tuple(dict.fromkeys(str(finding.service) for finding in same)),
        advice=_suggest_fix(first),
        effect=first.effect,
    )


def _suggest_fix(finding: Finding) -> str:
    if finding.effect == DIVERT:
        return _DIVERTED
    if not _OWN.has_mark_before(finding.base):
        return _UNMARKED
    return _MARKED if finding.rule else _AT_POLICY

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parsing of our nftables table from `nft -j list` (libnftables-json(5)). Unexpected objects are reported."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.counts import (
    PUBLISHED_UNAUTHORISED,
    SETS,
    UNAUTHORISED,
    ListedCounts,
    list_count_chains,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.parse_rule import (
    PACKET_MARK,
    Json,
    UnrecognisedError,
    parse_rule,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.rules import (
    Rule,
    compile_published,
    compile_rules,
    decompile_rules,
    get_first_name,
    set_name,
    split_set_name,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import (
    CHAIN,
    FORWARD,
    MARK_MASK,
    PRIORITY,
    PUBLISHED,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_elements import read_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_text import format_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset, SourceSet, make_ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live

_LOOPBACK = [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"return": None}]
_UNMARK = [{"mangle": {"key": PACKET_MARK, "value": {"&": [PACKET_MARK, MARK_MASK]}}}]
_FIRST_RULES = [_LOOPBACK, _UNMARK]
_BASE = {"type": "filter", "prio": PRIORITY, "policy": "accept"}
_CHAINS = {
    CHAIN: {**_BASE, "hook": "input"},
    FORWARD: {**_BASE, "hook": "forward"},
    **dict.fromkeys((PUBLISHED, UNAUTHORISED, PUBLISHED_UNAUTHORISED), dict.fromkeys(_BASE)),
}
_DISPATCH = [
    {"match": {"op": "==", "left": {"ct": {"key": "direction"}}, "right": "original"}},
    {"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}},
    {"jump": {"target": PUBLISHED}},
]
_SET_KEYS = {"family", "table", "name", "type", "flags", "handle", "elem", "auto-merge"}


@dataclass
class _Table:
    """The parsed part of a table. `drift` has a line for each unexpected or changed object.

    The keys of `sets` and `names` are first names of sets; `names` has the name under which each set is in use.
    """

    names: Mapping[str, str]
    sets: dict[str, Networks] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    published: list[Rule] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    chains: set[str] = field(default_factory=set)
    first_rules: int = 0
    dispatch: bool = False
    counts: ListedCounts = field(default_factory=ListedCounts)


def parse_table(objects: Iterable[Mapping[str, Json]]) -> Live[Ruleset]:
    """Return the ruleset of the listed table, a line for each unexpected object in it, and the counted packets.

    `objects` is the list "nftables" in the output of `nft -j list table inet gatehouse_kong`.
    """
    objects = list(objects)
    table = _Table(find_names_in_use(objects))
    for item in objects:
        for kind, value in item.items():
            _add_object(table, kind, value)
    published = decompile_rules(table.published)
    entries = [replace(entry, published=entry in published) for entry in decompile_rules(table.rules)]
    counts, has_published = table.counts, bool(table.published)
    ruleset = make_ruleset(entries, _read_source_sets(table), staged=counts.staged, count_days=counts.days)
    chains = list_count_chains(ruleset, published=has_published)
    needed = {CHAIN, *((FORWARD, PUBLISHED) if has_published else ()), *chains}
    drift = (*table.drift, *_check_order(table, ruleset), *_check_input(table, ruleset))
    drift += (*counts.compare(ruleset, published=has_published), *_check_chains(table, needed))
    return Live(ruleset, drift, counts.read())


def find_names_in_use(objects: Iterable[Mapping[str, Json]]) -> dict[str, str]:
    """Return the name under which the rules use each listed set, by its first name (see swap_name).

    If a change was killed, both sets are present, and the rules use one of them.
    """
    objects = list(objects)
    used = {name for item in objects if "rule" in item for name in _list_sets_of_rule(item["rule"])}
    names: dict[str, str] = {}
    for name in (item["set"]["name"] for item in objects if "set" in item):
        if name in used or get_first_name(name) not in names:
            names[get_first_name(name)] = name
    return names


def _list_sets_of_rule(rule: Mapping[str, Json]) -> Iterator[str]:
    for expression in rule["expr"]:
        right = expression.get("match", {}).get("right")
        if isinstance(right, str) and right.startswith("@"):
            yield right[1:]


def _add_object(table: _Table, kind: str, value: Mapping[str, Json]) -> None:
    try:
        if kind == "set":
            _add_set(table, value)
        elif kind == "counter":
            table.counts.add_counter(value)
        elif kind == "chain":
            _add_chain(table, value)
        elif kind == "rule":
            _add_rule(table, value)
        elif kind == "table" and "flags" in value:
            raise UnrecognisedError("flags")
        elif kind not in ("metainfo", "table"):
            raise UnrecognisedError(kind)
    except (ValueError, KeyError, TypeError, AttributeError):
        named = "name" in value
        table.drift.append(
            f"{kind} {value['name']}: {_describe_oddity(value)}"
            if named
            else f"unexpected {kind} {_format_rule(value)}"
        )


def _add_set(table: _Table, value: Mapping[str, Json]) -> None:
    if value["name"] in SETS:
        table.counts.add_set(value)
        return
    name = get_first_name(value["name"])
    if table.names[name] != value["name"]:
        raise UnrecognisedError("the rules use it under its other name")
    table.sets[name] = _parse_set(value)


def _add_chain(table: _Table, value: Mapping[str, Json]) -> None:
    expected = _CHAINS[value["name"]]
    if {key: value.get(key) for key in expected} != expected:
        raise UnrecognisedError(value["name"])
    table.chains.add(value["name"])


def _add_rule(table: _Table, value: Mapping[str, Json]) -> None:
    if value["chain"] == FORWARD:
        if value["expr"] != _DISPATCH or table.dispatch:
            raise UnrecognisedError("the chain has only the rule that leads to the published ports")
        table.dispatch = True
    elif value["chain"] in (UNAUTHORISED, PUBLISHED_UNAUTHORISED):
        table.counts.add_rule(value)
    elif value["chain"] == PUBLISHED:
        table.published.append(parse_rule(value["expr"], value["comment"], published=True))
    elif value["expr"] not in _FIRST_RULES:
        table.rules.append(parse_rule(value["expr"], value["comment"], published=False))
    elif table.rules or value["expr"] != dict(enumerate(_FIRST_RULES)).get(table.first_rules):
        raise UnrecognisedError("the first rules are in another order or repeated")
    else:
        table.first_rules += 1


def _parse_set(value: Mapping[str, Json]) -> Networks:
    _name, family = split_set_name(value["name"])
    # Newer versions of nft list a single flag as text.
    if value["type"] != f"{family}_addr" or value["flags"] not in ("interval", ["interval"]) or {*value} - _SET_KEYS:
        raise UnrecognisedError(value["name"])
    return from_ranges(family, (read_range(family, element) for element in value.get("elem", ())))


def _read_source_sets(table: _Table) -> list[SourceSet]:
    names = {split_set_name(name)[0] for name in table.sets}
    return [
        SourceSet(name, *(table.sets.get(set_name(name, family), from_ranges(family, ())) for family in FAMILIES))
        for name in names
    ]


def _check_order(table: _Table, ruleset: Ruleset) -> list[str]:
    """Return a line for each missing, unused or misplaced part."""
    expected = {set_name(source_set.name, family) for source_set in ruleset.sets for family in FAMILIES}
    rules = [*table.rules, *table.published]
    named = {set_name(rule.source_set, t.cast("str", rule.family)) for rule in rules if rule.source_set}
    lines = [f"set {name}: unused" for name in sorted({*table.sets} - expected)]
    lines += [f"set {name}: missing" for name in sorted((expected | named) - {*table.sets})]
    lines += [] if table.dispatch or not table.published else [f"the rule that leads to chain {PUBLISHED}: missing"]
    compiled = compile_published(ruleset.allow, counts=bool(ruleset.count_days))
    return lines + _compare_rules(table.published, compiled, "rules of published ports")


def _check_input(table: _Table, ruleset: Ruleset) -> list[str]:
    complete = table.first_rules == len(_FIRST_RULES)
    lines = [] if complete else ["the rules for loopback and for the packet mark: missing or not the first rules"]
    return lines + _compare_rules(table.rules, compile_rules(ruleset.allow, counts=bool(ruleset.count_days)), "rules")


def _compare_rules(found: list[Rule], expected: tuple[Rule, ...], group: str) -> list[str]:
    """Return a line for each missing or unexpected rule, or a line about the order of the rules."""
    if tuple(found) == expected:
        return []
    if len({*found}) < len(found):
        return [f"{group}: repeated or in another order"]
    lines = [f"rule missing: {rule}" for rule in expected if rule not in found]
    lines += [f"unexpected rule: {rule}" for rule in found if rule not in expected]
    return lines or [f"{group}: in another order"]


def _check_chains(table: _Table, needed: set[str]) -> list[str]:
    lines = [f"chain {name}: missing or changed" for name in sorted(needed - table.chains)]
    return lines + [f"chain {name}: not needed" for name in sorted(table.chains - needed)]


def _describe_oddity(value: Mapping[str, Json]) -> str:
    """Return the differences of a table, chain, set or other object, for a line of the drift."""
    if "flags" in value and "table" not in value:
        return "it has flags such as `dormant`, which disables all its rules"
    expected = _CHAINS.get(value["name"], {}).items()
    odd = [f"{key} is {value.get(key)!r}, expected {wanted!r}" for key, wanted in expected if value.get(key) != wanted]
    return ", ".join(odd) if odd and "hook" in value else "unexpected or changed"


def _format_rule(value: Mapping[str, Json]) -> str:
    return f"in chain {value.get('chain')}: {format_rule(value.get('expr', ()))}"

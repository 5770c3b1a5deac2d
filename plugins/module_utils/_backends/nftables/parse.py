# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads our nftables table back from `nft -j list` (libnftables-json(5)), whatever else somebody put into it."""

from __future__ import annotations

import ipaddress
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.rules import (
    Rule,
    compile_published,
    compile_rules,
    decompile_rules,
    first_name,
    set_name,
    split_set_name,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import (
    CHAIN,
    FORWARD,
    MARK,
    MARK_MASK,
    PRIORITY,
    PUBLISHED,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_elements import element_range, elements_of
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_text import rule_text
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    FAMILIES,
    Ruleset,
    SourceSet,
    make_ruleset,
)

Json = t.Any

_LOOPBACK = [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"return": None}]
_PACKET_MARK = {"meta": {"key": "mark"}}
_UNMARK = [{"mangle": {"key": _PACKET_MARK, "value": {"&": [_PACKET_MARK, MARK_MASK]}}}]
_FIRST_RULES = [_LOOPBACK, _UNMARK]
_ACCEPT = [{"mangle": {"key": _PACKET_MARK, "value": {"|": [_PACKET_MARK, MARK]}}}, {"accept": None}]
_DROP = [{"drop": None}]
_BASE = {"type": "filter", "prio": PRIORITY, "policy": "accept"}
_CHAINS = {CHAIN: {**_BASE, "hook": "input"}, FORWARD: {**_BASE, "hook": "forward"}, PUBLISHED: dict.fromkeys(_BASE)}
_DISPATCH = [
    {"match": {"op": "==", "left": {"ct": {"key": "direction"}}, "right": "original"}},
    {"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}},
    {"jump": {"target": PUBLISHED}},
]
_FAMILY = {"ip": "ipv4", "ip6": "ipv6"}
_NFPROTO = {family: family for family in FAMILIES}
# Without /etc/protocols, which minimal systems lack, nft lists numbers where names were written.
_PROTOCOL = {"tcp": "tcp", "udp": "udp", 6: "tcp", 17: "udp"}
_PROTOCOL_AND_PORT = [{"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}}]
_SET_KEYS = {"family", "table", "name", "type", "flags", "handle", "elem", "auto-merge"}


class UnrecognisedError(ValueError):
    """Something that this collection does not write."""


@dataclass
class _Table:
    """What was found so far; `drift` has one line for each thing that is not ours or not as we write it.

    `sets` are by their first name; `names` tells under which of the two each is in use.
    """

    names: Mapping[str, str]
    sets: dict[str, Networks] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    published: list[Rule] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    chains: set[str] = field(default_factory=set)
    first_rules: int = 0
    dispatch: bool = False


def parse_table(objects: Iterable[Mapping[str, Json]]) -> tuple[Ruleset, tuple[str, ...]]:
    """Return the ruleset of the listed table, and a line for each unexpected object in it.

    `objects` is the list below "nftables" in the output of `nft -j list table inet gatehouse_kong`.
    """
    objects = list(objects)
    table = _Table(names_in_use(objects))
    for one in objects:
        for kind, value in one.items():
            _take(table, kind, value)
    published = decompile_rules(table.published)
    entries = [replace(entry, published=entry in published) for entry in decompile_rules(table.rules)]
    ruleset = make_ruleset(entries, _source_sets(table))
    needed = {CHAIN, *((FORWARD, PUBLISHED) if table.published else ())}
    drift = (*table.drift, *_disorder(table, ruleset), *_input_disorder(table, ruleset))
    return ruleset, (*drift, *_chain_disorder(table, needed))


def names_in_use(objects: Iterable[Mapping[str, Json]]) -> dict[str, str]:
    """Under which of its two names (other_name) each of the listed sets is used, by the first of them.

    A change that was killed leaves both, and the rules use one.
    """
    objects = list(objects)
    used = {name for one in objects if "rule" in one for name in _sets_named(one["rule"])}
    names: dict[str, str] = {}
    for name in (one["set"]["name"] for one in objects if "set" in one):
        if name in used or first_name(name) not in names:
            names[first_name(name)] = name
    return names


def _sets_named(rule: Mapping[str, Json]) -> Iterator[str]:
    for expression in rule["expr"]:
        right = expression.get("match", {}).get("right")
        if isinstance(right, str) and right.startswith("@"):
            yield right[1:]


def _take(table: _Table, kind: str, value: Mapping[str, Json]) -> None:
    try:
        if kind == "set":
            _take_set(table, value)
        elif kind == "chain":
            _take_chain(table, value)
        elif kind == "rule":
            _take_rule(table, value)
        elif kind == "table" and "flags" in value:
            raise UnrecognisedError("flags")
        elif kind not in ("metainfo", "table"):
            raise UnrecognisedError(kind)
    except (ValueError, KeyError, TypeError, AttributeError):
        table.drift.append(f"{kind} {value['name'] + _oddity(value) if 'name' in value else _rule_text(value)}")


def _take_set(table: _Table, value: Mapping[str, Json]) -> None:
    name = first_name(value["name"])
    if table.names[name] != value["name"]:
        raise UnrecognisedError("the rules use it under its other name")
    table.sets[name] = _networks(value)


def _take_chain(table: _Table, value: Mapping[str, Json]) -> None:
    expected = _CHAINS[value["name"]]
    if {key: value.get(key) for key in expected} != expected:
        raise UnrecognisedError(value["name"])
    table.chains.add(value["name"])


def _take_rule(table: _Table, value: Mapping[str, Json]) -> None:
    if value["chain"] == FORWARD:
        if value["expr"] != _DISPATCH or table.dispatch:
            raise UnrecognisedError("the one rule there leads to the published ports")
        table.dispatch = True
    elif value["chain"] == PUBLISHED:
        table.published.append(_rule(value["expr"], value["comment"], published=True))
    elif value["expr"] not in _FIRST_RULES:
        table.rules.append(_rule(value["expr"], value["comment"], published=False))
    elif table.rules or value["expr"] != dict(enumerate(_FIRST_RULES)).get(table.first_rules):
        raise UnrecognisedError("the first rules are in another order, or repeated")
    else:
        table.first_rules += 1


def _rule(expressions: list[Mapping[str, Json]], comment: str, *, published: bool) -> Rule:
    accept = expressions[-2:] == _ACCEPT
    if not accept and expressions[-1:] != _DROP:
        raise UnrecognisedError("verdict")
    rule = Rule(comment, None, None, (), None, accept)
    matches = [expression["match"] for expression in expressions[: -2 if accept else -1]]
    for match in _as_dialled(matches) if published else matches:
        rule = _with_match(rule, match)
    if not rule.ports:
        raise UnrecognisedError("a rule for every port")
    return rule


def _as_dialled(matches: Iterable[Mapping[str, Json]]) -> Iterator[Mapping[str, Json]]:
    """The matches of a rule for a published port, as if the packet still had the address and port that were dialled."""
    protocol = None
    for match in matches:
        left = match["left"]
        key = left["ct"]["key"] if left.get("ct", {}).get("dir") == "original" else None
        if left == _PROTOCOL_AND_PORT[0] and protocol is None and match["op"] == "==":
            protocol = match["right"]
        elif key == "proto-dst":
            yield {**match, "left": {"payload": {"protocol": protocol, "field": "dport"}}}
        elif key in ("ip daddr", "ip6 daddr"):
            yield {**match, "left": {"payload": dict(zip(("protocol", "field"), key.split()))}}
        elif left.get("payload", {}).get("field") == "saddr" or left == {"meta": {"key": "nfproto"}}:
            yield match
        else:
            raise UnrecognisedError("what a packet is addressed to after its translation")


def _with_match(rule: Rule, match: Mapping[str, Json]) -> Rule:
    """The rule with one match more; each kind of match may come once."""
    left, right = match["left"], match["right"]
    if match["op"] != "==":
        raise UnrecognisedError(match["op"])
    if left == {"meta": {"key": "nfproto"}} and rule.family is None:
        return replace(rule, family=_NFPROTO[right])
    if "concat" in left and not rule.ports:
        return replace(rule, ports=_both_protocols(left, right))
    protocol, name = left["payload"]["protocol"], left["payload"]["field"]
    if name == "dport" and not rule.ports:
        return replace(rule, ports=tuple((_PROTOCOL[protocol], port) for port in elements_of(right)))
    family = _FAMILY[protocol]
    if name == "daddr" and rule.family is None:
        return replace(rule, family=family, address=str(ipaddress.ip_address(right)))
    if name == "saddr" and rule.source_set is None and rule.family in (None, family):
        return replace(rule, family=family, source_set=_source(right, family))
    raise UnrecognisedError(name)


def _both_protocols(left: Json, right: Json) -> tuple[tuple[str, int], ...]:
    if left["concat"] != _PROTOCOL_AND_PORT:
        raise UnrecognisedError("concatenation")
    pairs = (value["concat"] for value in elements_of(right))
    return tuple(sorted(((_PROTOCOL[protocol], port) for protocol, port in pairs), key=lambda pair: pair[::-1]))


def _source(right: str, family: str) -> str:
    name, of = split_set_name(right.removeprefix("@"))
    if of != family:
        raise UnrecognisedError(right)
    return name


def _networks(value: Mapping[str, Json]) -> Networks:
    _name, family = split_set_name(value["name"])
    # A list of one flag is listed as text by newer versions of nft.
    if value["type"] != f"{family}_addr" or value["flags"] not in ("interval", ["interval"]) or {*value} - _SET_KEYS:
        raise UnrecognisedError(value["name"])
    return from_ranges(family, (element_range(family, element) for element in value.get("elem", ())))


def _source_sets(table: _Table) -> list[SourceSet]:
    names = {split_set_name(name)[0] for name in table.sets}
    return [
        SourceSet(name, *(table.sets.get(set_name(name, family), from_ranges(family, ())) for family in FAMILIES))
        for name in names
    ]


def _disorder(table: _Table, ruleset: Ruleset) -> list[str]:
    """What each part alone does not show: parts that are missing, left over or in another order."""
    expected = {set_name(one.name, family) for one in ruleset.sets for family in FAMILIES}
    rules = [*table.rules, *table.published]
    named = {set_name(rule.source_set, t.cast("str", rule.family)) for rule in rules if rule.source_set}
    lines = [f"set {name}: no rule uses it" for name in sorted({*table.sets} - expected)]
    lines += [f"set {name}: missing" for name in sorted((expected | named) - {*table.sets})]
    lines += [] if table.dispatch or not table.published else [f"the rule that leads to chain {PUBLISHED}: missing"]
    return lines + _misplaced(table.published, compile_published(ruleset.allow), "rules of published ports")


def _input_disorder(table: _Table, ruleset: Ruleset) -> list[str]:
    complete = table.first_rules == len(_FIRST_RULES)
    lines = [] if complete else ["the rules for loopback and for the packet mark: missing, or not the first"]
    return lines + _misplaced(table.rules, compile_rules(ruleset.allow), "rules")


def _misplaced(found: list[Rule], expected: tuple[Rule, ...], what: str) -> list[str]:
    """The rules that are not those which they stand for together."""
    if tuple(found) == expected:
        return []
    if len({*found}) < len(found):
        return [f"{what}: repeated, or in another order"]
    lines = [f"rule missing: {rule}" for rule in expected if rule not in found]
    lines += [f"rule: {rule}" for rule in found if rule not in expected]
    return lines or [f"{what}: in another order"]


def _chain_disorder(table: _Table, needed: set[str]) -> list[str]:
    lines = [f"chain {name}: missing, or not as this collection makes it" for name in sorted(needed - table.chains)]
    return lines + [f"chain {name}: nothing of ours needs it" for name in sorted(table.chains - needed)]


def _oddity(value: Mapping[str, Json]) -> str:
    """What of a chain is another than ours, or of a table."""
    if "flags" in value and "table" not in value:
        return ": it has flags, as `dormant`, with which no packet comes to it"
    ours = _CHAINS.get(value["name"], {}).items()
    odd = [f"{key} is {value.get(key)!r} and not {own!r}" for key, own in ours if value.get(key) != own]
    return f": {', '.join(odd)}" if odd and "hook" in value else ""


def _rule_text(value: Mapping[str, Json]) -> str:
    return f"in chain {value.get('chain')}: {rule_text(value.get('expr', ()))}"

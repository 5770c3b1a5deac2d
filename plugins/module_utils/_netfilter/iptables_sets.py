# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of third-party ipsets, put into the rules of iptables that match sources against them (ipset(8), set in
iptables-extensions(8)).

A set stays unknown if its members are not networks, if a rule changes it, or if it is large: each member adds to the evaluation time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_matches import Test
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_rule import IptablesRule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import Chain, Rule

_MATCH, _SOURCE = "--match-set", "src"
_KINDS = ("hash:net", "hash:ip", "bitmap:ip")
# With these options of a set, a member matches other addresses than its own.
_CHANGED = {"netmask", "bitmask", "markmask"}
# Options of a member that do not change its addresses.
_NEUTRAL = ("timeout", "packets", "bytes", "comment", "skbmark", "skbprio", "skbqueue")
_CHANGES = re.compile(r" --(?:add|del|map)-set (\S+) ")
_COMMENT = re.compile(r' comment "[^"]*"')
_MOST_MEMBERS = 1_000


def read_sets(host: Host, tables: Iterable[Mapping[str, Chain]]) -> dict[str, Networks]:
    """Return the members of the sets that rules match sources against, by name. Empty if ipset is missing or fails."""
    texts = [rule.text for rule in _list_rules(tables)]
    if not any(f" {_MATCH} " in text for text in texts) or host.which("ipset") is None:
        return {}
    changed = {name for text in texts for name in _CHANGES.findall(f"{text} ")}
    with suppress(HostError):
        found = parse_members(host.run("ipset", "save"))
        return {name: members for name, members in found.items() if name not in changed}
    return {}


def parse_members(saved: str) -> dict[str, Networks]:
    """Return the members of each known set in the output of `ipset save`, by name."""
    families: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    unknown: set[str] = set()
    for line in saved.splitlines():
        command, name, *words = _COMMENT.sub("", line).split(" ")
        if command == "create":
            family = next((family for family, data in FAMILY.items() if data.inet in words), "ipv4")
            families[name] = family
            members[name] = []
            if words[0] not in _KINDS or _CHANGED & {*words}:
                unknown.add(name)
        elif command == "add" and name in members:
            members[name].append(words[0])
            if any(option not in _NEUTRAL for option in words[1::2]):
                unknown.add(name)
    found = {}
    for name in members.keys() - unknown:
        if len(members[name]) <= _MOST_MEMBERS:
            with suppress(ValueError):
                found[name] = from_ranges(families[name], [parse_range(families[name], text) for text in members[name]])
    return found


def put_members(tables: Iterable[Mapping[str, Chain]], sets: Mapping[str, Networks]) -> None:
    """Put the members of sets into the rules that match sources against them."""
    for chains in tables:
        for chain in chains.values():
            chain.rules[:] = [_with_members(rule, sets) for rule in chain.rules]


def _with_members(rule: Rule, sets: Mapping[str, Networks]) -> Rule:
    if not isinstance(rule, IptablesRule) or f" {_MATCH} " not in rule.text:
        return rule
    return replace(rule, tests=tuple(_with_members_of(test, sets) for test in rule.tests))


def _with_members_of(test: Test, sets: Mapping[str, Networks]) -> Test:
    is_of_source = test.option == _MATCH and test.values[1:] == (_SOURCE,)
    return replace(test, members=sets.get(test.values[0])) if is_of_source else test


def _list_rules(tables: Iterable[Mapping[str, Chain]]) -> list[IptablesRule]:
    rules = (rule for chains in tables for chain in chains.values() for rule in chain.rules)
    return [rule for rule in rules if isinstance(rule, IptablesRule)]

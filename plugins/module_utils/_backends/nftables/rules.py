# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of our nftables table as data: what the renderer writes and the parser recognises.

Both work on these few shapes, so that a table is ours exactly when its rules are what its own meaning compiles to.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    WILDCARDS,
    Allow,
    Service,
)

_WILDCARD: dict[str | None, str | None] = {None: None, **{family: address for address, family in WILDCARDS.items()}}
_SUFFIX = {"ipv4": "_ipv4", "ipv6": "_ipv6"}
_SECOND = "_2"


@dataclass(frozen=True)
class Rule:
    """One rule: packets of a family to an address and some (protocol, port) pairs, from a set of sources or anyone.

    A family of None is both, an address of None is every one. With accept the packet is marked as well.
    """

    listener: str
    family: str | None
    address: str | None
    ports: tuple[tuple[str, int], ...]
    source_set: str | None
    accept: bool

    def __str__(self) -> str:
        ports = ", ".join(f"{protocol} {port}" for protocol, port in self.ports)
        to = f" at {self.address}" if self.address else ""
        source = f"from set {set_name(self.source_set, self.family or '')}" if self.source_set else "from anyone"
        return f"{self.listener}: {'accept' if self.accept else 'drop'} {ports}{to} {source} ({self.family or 'both families'})"


def compile_rules(entries: Iterable[Allow]) -> tuple[Rule, ...]:
    """The rules for the entries, in the order in which they must stand.

    Those for one address come before those for all of them, as the kernel too gives a packet to the socket with the
    most specific address.
    """
    rules: list[Rule] = []
    for _key, group in groupby(sorted(entries, key=_group), key=_group):
        rules += _rules(list(group))
    return tuple(rules)


def compile_published(entries: Iterable[Allow]) -> tuple[Rule, ...]:
    """The rules for the ports among the entries that are published, in the same order.

    Each has a rule of its own, as nft lists no set of ports of the connection tracker (1.0.6: "invalid type").
    """
    published = sorted((entry for entry in entries if entry.published), key=_group)
    return tuple(rule for entry in published for rule in _rules([entry]))


def decompile_rules(rules: Iterable[Rule]) -> list[Allow]:
    """The entries that the rules stand for, if compile_rules made them; else something that compiles differently."""
    entries: list[Allow] = []
    names: set[str] = set()
    for rule in rules:
        if rule.source_set is not None:
            names.add(rule.source_set)
            continue
        # The rule without a set ends a group: everyone else, or anyone at all.
        sources = ANY if rule.accept else tuple(sorted(names))
        address = rule.address or _WILDCARD[rule.family]
        entries += [Allow(rule.listener, Service(protocol, port, address), sources) for protocol, port in rule.ports]
        names = set()
    return entries


def _rules(entries: list[Allow]) -> list[Rule]:
    """The rules for entries that differ in protocol and port only."""
    first = entries[0]
    address = first.service.address
    family = first.service.families[0] if address else None
    ports = tuple((entry.service.protocol, entry.service.port) for entry in entries)
    last = Rule(first.listener, family, None if address in WILDCARDS else address, ports, None, first.sources == ANY)
    return [
        replace(last, family=each, source_set=name, accept=True)
        for name in first.set_names
        for each in first.service.families
    ] + [last]


def _group(entry: Allow) -> tuple[t.Any, ...]:
    address = entry.service.address
    return entry.service.breadth, address or "", entry.listener, entry.sources == ANY, entry.set_names


def set_name(name: str, family: str) -> str:
    """Our first name of a set in nftables, one for each family; nft takes no name that starts with a digit or a hyphen."""
    return ("" if name[0].isalpha() else "_") + name + _SUFFIX[family]


def other_name(text: str) -> str:
    """The second of the two names of a set for its first, and the first for its second."""
    return first_name(text) if text.endswith(_SECOND) else text + _SECOND


def first_name(text: str) -> str:
    """The name that set_name gave."""
    return text.removesuffix(_SECOND)


def split_set_name(text: str) -> tuple[str, str]:
    """Undo set_name, and other_name; ValueError if they never made such a name."""
    plain = first_name(text)
    for family, suffix in _SUFFIX.items():
        name = plain[: -len(suffix)] if plain.endswith(suffix) else ""
        name = name.removeprefix("_")
        if name and set_name(name, family) == plain:
            return name, family
    raise ValueError(f"{text!r} is not a set of ours")

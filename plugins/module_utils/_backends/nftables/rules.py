# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of our nftables table as data, for the renderer and the parser.

A table is unchanged exactly if its rules equal the rules that are compiled from the entries they represent.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_prefix, remove_suffix
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    WILDCARDS,
    Allow,
    Service,
)

_WILDCARD: dict[str | None, str | None] = {None: None, **{family: address for address, family in WILDCARDS.items()}}
_SECOND = "_2"


@dataclass(frozen=True)
class Rule:
    """A rule: packets of a family to an address and (protocol, port) pairs, from a set of sources or from any source.

    A family of None means both families, an address of None any address. An accept rule also marks the packet. Other rules
    drop the packet, or if `counts` is true lead to a chain that counts it.
    """

    listener: str
    family: str | None
    address: str | None
    ports: tuple[tuple[str, int], ...]
    source_set: str | None
    accept: bool
    counts: bool = False

    def __str__(self) -> str:
        ports = ", ".join(f"{protocol} {port}" for protocol, port in self.ports)
        to = f" at {self.address}" if self.address else ""
        source = f"from set {set_name(self.source_set, self.family or '')}" if self.source_set else "from any source"
        verdict = "accept" if self.accept else "count" if self.counts else "drop"
        return f"{self.listener}: {verdict} {ports}{to} {source} ({self.family or 'both families'})"


def compile_rules(entries: Iterable[Allow], *, counts: bool = False) -> tuple[Rule, ...]:
    """Return the rules for the entries, in the required order. With `counts`, packets of other sources are counted.

    Rules for single addresses precede rules for all addresses, because the kernel delivers a packet to the socket with the
    most specific address.
    """
    rules: list[Rule] = []
    for _key, group in groupby(sorted(entries, key=_group), key=_group):
        rules += _make_rules(list(group), counts=counts)
    return tuple(rules)


def compile_published(entries: Iterable[Allow], *, counts: bool = False) -> tuple[Rule, ...]:
    """Return the rules for the published ports of the entries, in the same order.

    Each port has a separate rule, because nft cannot list a set of ports for `ct original` (1.0.6: "invalid type").
    """
    published = sorted((entry for entry in entries if entry.published), key=_group)
    return tuple(rule for entry in published for rule in _make_rules([entry], counts=counts))


def decompile_rules(rules: Iterable[Rule]) -> list[Allow]:
    """Return the entries that the rules represent.

    Rules that compile_rules did not return give entries that compile to other rules.
    """
    entries: list[Allow] = []
    names: set[str] = set()
    for rule in rules:
        if rule.source_set is not None:
            names.add(rule.source_set)
            continue
        # A rule without a set ends a group: it accepts or drops all remaining sources.
        sources = ANY if rule.accept else tuple(sorted(names))
        address = rule.address or _WILDCARD[rule.family]
        entries += [Allow(rule.listener, Service(protocol, port, address), sources) for protocol, port in rule.ports]
        names = set()
    return entries


def _make_rules(entries: list[Allow], *, counts: bool) -> list[Rule]:
    """Return the rules for entries that differ only in protocol and port."""
    first = entries[0]
    address = first.service.address
    family = first.service.families[0] if address else None
    ports = tuple((entry.service.protocol, entry.service.port) for entry in entries)
    accepts = first.sources == ANY
    matched = None if address in WILDCARDS else address
    last = Rule(first.listener, family, matched, ports, None, accepts, counts=counts and not accepts)
    return [
        replace(last, family=source_family, source_set=name, accept=True, counts=False)
        for name in first.set_names
        for source_family in first.service.families
    ] + [last]


def _group(entry: Allow) -> tuple[t.Any, ...]:
    address = entry.service.address
    return entry.service.breadth, address or "", entry.listener, entry.sources == ANY, entry.set_names


def set_name(name: str, family: str) -> str:
    """Return the first name of a set in nftables, one for each family.

    nft rejects a name that begins with a digit or a hyphen; such a name gets an underscore.
    """
    return ("" if name[0].isalpha() else "_") + name + f"_{family}"


def swap_name(text: str) -> str:
    """Return the second name of a set for its first name, and the first for the second."""
    return get_first_name(text) if text.endswith(_SECOND) else text + _SECOND


def get_first_name(text: str) -> str:
    """Return the first name of a set for either of its names."""
    return remove_suffix(text, _SECOND)


def split_set_name(text: str) -> tuple[str, str]:
    """Return the name in the ruleset and the family of a set, from either of its names in nftables.

    Raises ValueError if set_name and swap_name cannot return such a name.
    """
    plain = get_first_name(text)
    for family in FAMILIES:
        suffix = f"_{family}"
        name = plain[: -len(suffix)] if plain.endswith(suffix) else ""
        name = remove_prefix(name, "_")
        if name and set_name(name, family) == plain:
            return name, family
    raise ValueError(f"{text!r} is not the name of one of our sets")

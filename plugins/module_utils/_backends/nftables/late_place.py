# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The places of the late part in the host's own chains, and the rules that it makes ineffective."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, warn_of_exempt_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ends import (
    END,
    Step,
    find_shared_chains,
    make_first_packet,
    walk_steps,
    without_effect,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import (
    CHAIN,
    LATE_COMMENT,
    MARK,
    PRIORITY,
    TABLE,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import NftRule, parse_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_xtables import find_tables_of_iptables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import Chain, Rule
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset, Service

RULE = f'meta mark & {MARK:#x} == {MARK:#x} accept comment "{LATE_COMMENT}"'
_FAMILIES = {"ip": ("ipv4",), "ip6": ("ipv6",), "inet": ("ipv4", "ipv6")}
_LIMIT_EXAMPLE = "limit rate over 10/second drop"
Key = t.Tuple[str, str, str]  # family, table and name of a chain
Chains = t.Dict[Key, Chain]


@dataclass(frozen=True)
class Place:
    """A place for the rule: a chain, the number of the host's rules after it, and the handle of the next rule."""

    chain: Key
    after: int
    handle: int | None

    def __str__(self) -> str:
        return " ".join(self.chain)

    @property
    def command(self) -> str:
        """Command of nft(8) that adds the rule."""
        return f"insert rule {self} handle {self.handle} {RULE}\n" if self.after else f"add rule {self} {RULE}\n"


def find_places(chains: Chains, ruleset: Ruleset) -> tuple[Place, ...]:
    """Return the places in the host's chains that need the rule, so that authorised packets are accepted.

    A chain needs one rule, before its first rule that drops every new packet to a port. Packets to several ports can be
    dropped in several chains.
    """
    first: dict[Key, int] = {}
    host = _without_ours(chains)
    for base, _service, steps in _walk_chains(host, ruleset):
        for step in steps:
            key = (base.family, base.table, step.chain)
            if step.kind == END:
                first[key] = min(step.position, first.get(key, step.position))
    return tuple(_find_place(host[key], number) for key, number in first.items())


def read_chains(listing: Listing) -> Chains:
    """Return the chains of the host. Chains of iptables-nft are left out, because nft must not edit them."""
    of_iptables = find_tables_of_iptables(listing.objects, listing.of_files)
    return {
        (*table, name): chain
        for table, chains in parse_tables(listing.objects).items()
        for name, chain in chains.items()
        if table not in of_iptables
    }


def _sees_our_mark(base: Chain) -> bool:
    """Tell whether a chain is a base chain of the host that sees our mark."""
    is_own = base.family == "inet" and base.table.startswith(TABLE)
    return base.hook == CHAIN and base.family in _FAMILIES and base.priority > PRIORITY and not is_own


def _walk_chains(chains: Chains, ruleset: Ruleset) -> Iterator[tuple[Chain, Service, tuple[Step, ...]]]:
    """Yield the steps of new packets for each base chain, and for each managed port and family of its packets."""
    for base in (chain for chain in chains.values() if _sees_our_mark(chain)):
        table = {name: chain for (*place, name), chain in chains.items() if place == [base.family, base.table]}
        packets = [
            (entry.service, make_first_packet(entry.service, family))
            for entry in ruleset.allow
            if entry.sources
            for family in sorted({*_FAMILIES[base.family]} & {*entry.service.families})
        ]
        shared = find_shared_chains(table, [packet for _service, packet in packets])
        yield from ((base, service, walk_steps(table, base, packet, shared)) for service, packet in packets)


def find_ineffective_rules(chains: Chains, want: Ruleset) -> Iterator[Conflict]:
    """Yield a warning for each rule of the host that has no effect, because our rule accepts its packets."""
    host = _without_ours(chains)
    first = {place.chain: len(host[place.chain].rules) - place.after for place in find_places(chains, want)}
    found: dict[tuple[Key, str, str], list[Service]] = {}
    for base, service, steps in _walk_chains(host, want):
        positions = {name: number for (*place, name), number in first.items() if place == [base.family, base.table]}
        for step in without_effect(steps, positions):
            key = (base.family, base.table, step.chain)
            found.setdefault((key, step.text, step.kind), []).append(service)
    for (key, text, kind), services in found.items():
        yield warn_of_exempt_rule(f"nftables chain {' '.join(key)}", text, kind, services, _LIMIT_EXAMPLE)


def _find_place(chain: Chain, number: int) -> Place:
    """Return the place before the host's rule with this number and before rules that log for it, or at the chain's end."""
    while number and chain.rules[number - 1].only_logs:
        number -= 1
    following = chain.rules[number:]
    return Place(_make_key(chain), len(following), normalise_rule(following[0])["handle"] if following else None)


def _without_ours(chains: Chains) -> Chains:
    return {
        key: replace(chain, rules=[rule for rule in chain.rules if not is_ours(normalise_rule(rule))])
        for key, chain in chains.items()
    }


def normalise_rule(rule: Rule) -> Mapping[str, t.Any]:
    """Return a rule in the form in which nft lists it."""
    return rule.listed if isinstance(rule, NftRule) else {}


def is_ours(rule: Mapping[str, t.Any]) -> bool:
    return bool(rule.get("comment") == LATE_COMMENT and rule["table"] != TABLE)


def find_present(chains: Chains) -> dict[Key, tuple[int, ...]]:
    """Return, for each rule of the late part in each chain, the number of the host's rules after it."""
    found: dict[Key, tuple[int, ...]] = {}
    for chain in chains.values():
        for number, rule in enumerate(chain.rules):
            if is_ours(normalise_rule(rule)):
                after = sum(not is_ours(normalise_rule(other)) for other in chain.rules[number:])
                found[_make_key(chain)] = (*found.get(_make_key(chain), ()), after)
    return found


def _make_key(chain: Chain) -> Key:
    return chain.family, chain.table, chain.name

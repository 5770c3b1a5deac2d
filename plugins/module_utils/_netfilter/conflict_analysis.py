# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conflicting rules: rules of the host's own firewall that drop or divert packets of authorised sources.

A packet passes several base chains, and each can drop it even if another accepted it (nft(8), "VERDICT STATEMENTS"). A
rule that drops only some sources, or a share of the packets, is a ban by the host's administrator and not a conflict.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_ranges
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import (
    CHAIN,
    EGRESS,
    FORWARD,
    INGRESS,
    PREROUTING,
    TABLE,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    ANY_MARK,
    MARKED,
    UNMARKED,
    Answer,
    Packet,
    list_addresses,
    list_unicast,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import (
    DIVERT,
    DROP,
    Chain,
    Reasons,
    Rule,
    Walk,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, Allow, Ruleset, Service

_HOOKS = (INGRESS, PREROUTING, CHAIN, FORWARD, EGRESS)
_BOTH = ("ipv4", "ipv6")
_FAMILIES = {"ip": ("ipv4",), "ip6": ("ipv6",), "inet": _BOTH, "netdev": _BOTH, "bridge": _BOTH}
# Chains of these families and hooks see only the packets of some interfaces.
_LINK_FAMILIES = ("netdev", "bridge")
_LINK_HOOKS = (INGRESS, EGRESS)
_TRACKED_AFTER = -200  # NF_IP_PRI_CONNTRACK (linux/netfilter_ipv4.h)

Chains = t.Mapping[str, Chain]  # of one table, by name


@dataclass(frozen=True)
class Own:
    """Our base chains and our mark on a host.

    `bases` are the family, the table and the name of each of our base chains. Packets have our mark in chains on the hooks
    input and forward whose priority is above `marked_after`, which is None if our rules set no mark. `of_files` are the family
    and the name of each table that the host's files for nft define.
    """

    bases: frozenset[tuple[str, str, str]]
    marked_after: int | None
    of_files: frozenset[tuple[str, str]] = frozenset()

    def has(self, base: Chain) -> bool:
        """Tell whether a base chain is one of our chains. The tables for interception are recognised by their names."""
        named = (base.family, base.table, base.name) in self.bases
        return named or (base.hook == PREROUTING and base.table.startswith(TABLE))

    def has_mark_before(self, base: Chain) -> bool:
        """Tell whether authorised packets have our mark when they reach a base chain."""
        return self.marked_after is not None and _is_after_early(base) and base.priority > self.marked_after


def _is_after_early(base: Chain) -> bool:
    return base.hook in (CHAIN, FORWARD) and not is_partial(base)


class Finding(t.NamedTuple):
    """A rule in `chain` that drops or diverts packets to a service; None means the chain's policy.

    Packets reach the chain from the base chain `base`.
    """

    base: Chain
    certain: bool
    effect: str
    chain: Chain
    rule: Rule | None
    service: Service


def analyse_tables(tables: Iterable[Chains], want: Ruleset, own: Own) -> list[Finding]:
    """Return each conflict of the base chains of all tables with a ruleset, in the order of the hooks."""
    tables = list(tables)
    bases = [(chains, base) for chains, base in sort_bases(tables) if not own.has(base)]
    found = {
        finding: None
        for entry in want.allow
        for family in entry.service.families
        for is_first in (True, False)
        for finding in _check_entry(
            bases, entry, _make_packet(want, entry, family, is_first=is_first), own, are_tracked(tables)
        )
    }
    certain = {(finding.base.place, finding.service) for finding in found if finding.certain and finding.effect == DROP}
    return [finding for finding in found if finding.certain or (finding.base.place, finding.service) not in certain]


def sort_bases(tables: Iterable[Chains]) -> list[tuple[Chains, Chain]]:
    """Return each base chain, after the chains of its table, in the order in which packets to the host reach it."""
    places = (
        ((_HOOKS.index(base.hook), base.priority, base.place), chains, base)
        for chains in tables
        for base in chains.values()
        if base.hook in _HOOKS
    )
    return [(chains, base) for _key, chains, base in sorted(places, key=lambda place: place[0])]


def are_tracked(tables: Iterable[Chains]) -> Answer:
    """Tell whether connection tracking knows every packet; None if a rule may exclude some."""
    untracks = any(rule.untracks for chains in tables for chain in chains.values() for rule in chain.rules)
    return None if untracks else True


def has_family(base: Chain, family: str) -> bool:
    """Tell whether packets of a family ("ipv4" or "ipv6") pass a base chain."""
    return family in _FAMILIES.get(base.family, ())


def _make_packet(want: Ruleset, entry: Allow, family: str, *, is_first: bool) -> Packet:
    members = [source_set.select_family(family) for source_set in want.sets if source_set.name in entry.set_names]
    sources = from_ranges(family, (addresses for networks in members for addresses in networks.ranges))
    service = entry.service
    return Packet(
        family,
        service.protocol,
        service.port,
        list_unicast(family) if entry.sources == ANY else sources,
        list_addresses(service, family),
        is_first,
    )


def _check_entry(
    bases: Sequence[tuple[Chains, Chain]], entry: Allow, packet: Packet, own: Own, tracked: Answer
) -> Iterator[Finding]:
    """Evaluate all base chains in order for a packet, because a chain can change its mark for the next chain."""
    # No rule has set a mark yet.
    mark, marked = UNMARKED, False
    for chains, base in bases:
        if not has_family(base, packet.family) or (base.hook == FORWARD and not entry.published):
            continue
        if own.has_mark_before(base) and not marked:
            mark, marked = MARKED, True
        at_base = translate_packet(base, replace(packet, mark=mark, tracked=tracked))
        walk = Walk(chains, at_base)
        if packet.sources.members:
            yield from _drops(base, walk.walk_base(base), entry.service)
        if base.hook in (INGRESS, PREROUTING) and packet.is_first and not entry.published:
            from_any_source = Walk(chains, replace(at_base, sources=list_unicast(packet.family)))
            yield from _diverts(base, from_any_source.walk_base(base), entry.service)
        mark = walk.packet.mark if base.hook != EGRESS else mark


def translate_packet(base: Chain, packet: Packet) -> Packet:
    """Return the known properties of a packet at a base chain. A translation that is not known yet changes its port and address."""
    if base.hook == FORWARD and not packet.translated:
        return replace(packet, port=None, addresses=list_unicast(packet.family), translated=True)
    if base.hook == EGRESS:
        reply = replace(packet, port=None, sources=packet.addresses, addresses=packet.sources, is_first=False)
        return replace(reply, source_port=packet.port, mark=ANY_MARK)
    early = base.hook == INGRESS or (base.hook == PREROUTING and base.priority <= _TRACKED_AFTER)
    return replace(packet, tracked=False) if early and packet.tracked else packet


def is_partial(base: Chain) -> bool:
    """Tell whether a base chain sees only the packets of some network interfaces."""
    return base.family in _LINK_FAMILIES or base.hook in _LINK_HOOKS


def _drops(base: Chain, found: Reasons, service: Service) -> Iterator[Finding]:
    """Yield a certain drop, or else the first possible drop.

    A possible drop in a chain before our rules, or in a chain of some interfaces, counts only if its rule names the port.
    """
    passes = any(outcome.verdict != DROP for outcome in found)
    for outcome, (chain, rule) in sorted(found.items(), key=lambda item: item[0].ban):
        if outcome.verdict != DROP or (passes and outcome.ban):
            continue
        counts = (base.hook == CHAIN and not is_partial(base)) or (outcome.named and base.hook != FORWARD)
        if counts or not passes:
            yield Finding(base, not passes and not is_partial(base), DROP, chain, rule, service)
            return


def _diverts(base: Chain, found: Reasons, service: Service) -> Iterator[Finding]:
    passes = any(outcome.verdict != DIVERT for outcome in found)
    for outcome, (chain, rule) in found.items():
        if outcome.verdict == DIVERT and (outcome.named or not passes):
            yield Finding(base, not passes and not is_partial(base), DIVERT, chain, rule, service)
            return

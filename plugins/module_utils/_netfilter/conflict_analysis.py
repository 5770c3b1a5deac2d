# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds rules of a host's own firewall that drop or divert packets of authorised sources: conflicting rules.

Every base chain on the way of a packet judges it, whatever another chain accepted (nft(8), "VERDICT STATEMENTS"). A rule that
drops some sources only, or a share of the packets, is a ban of the host's administrator and no conflict.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    addresses_of,
    unicast,
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
# Chains of these families and hooks see packets of some interfaces only.
_LINK_FAMILIES = ("netdev", "bridge")
_LINK_HOOKS = (INGRESS, EGRESS)
_TRACKED_AFTER = -200  # NF_IP_PRI_CONNTRACK (linux/netfilter_ipv4.h)

Chains = Mapping[str, Chain]  # of one table, by name


@dataclass(frozen=True)
class Own:
    """Our rules among those of a host.

    `bases` are base chains that are ours, by family, table and name. Chains on the hooks input and forward of a priority above
    `marked_after` see our mark; None if there is no mark.
    """

    bases: frozenset[tuple[str, str, str]]
    marked_after: int | None

    def has(self, base: Chain) -> bool:
        """Tell whether a base chain is ours; interception has tables of its own."""
        named = (base.family, base.table, base.name) in self.bases
        return named or (base.hook == PREROUTING and base.table.startswith(TABLE))

    def marks_before(self, base: Chain) -> bool:
        """Tell whether packets that we authorised have our mark when they reach a base chain."""
        return self.marked_after is not None and _is_after_early(base) and base.priority > self.marked_after


def _is_after_early(base: Chain) -> bool:
    return base.hook in (CHAIN, FORWARD) and not is_partial(base)


class Finding(t.NamedTuple):
    """A rule (None: the policy) in `chain`, reached from `base`, that drops or diverts packets to a service."""

    base: Chain
    certain: bool
    effect: str
    chain: Chain
    rule: Rule | None
    service: Service


def findings(tables: Iterable[Chains], want: Ruleset, own: Own) -> list[Finding]:
    """Return the conflicts of the base chains of all tables with a ruleset, each once, in the order of the hooks."""
    tables = list(tables)
    places = sorted(
        ((_HOOKS.index(base.hook), base.priority, base.place, chains, base)
         for chains in tables for base in chains.values() if base.hook in _HOOKS and not own.has(base)),
        key=lambda place: place[:3],
    )  # fmt: skip
    tracked = not any(rule.untracks for chains in tables for chain in chains.values() for rule in chain.rules)
    bases = [(chains, base) for _hook, _priority, _place, chains, base in places]
    found = {
        finding: None
        for entry in want.allow
        for family in entry.service.families
        for is_first in (True, False)
        for finding in _of_entry(bases, entry, _packet(want, entry, family, is_first=is_first), own, tracked or None)
    }
    certain = {(one.base.place, one.service) for one in found if one.certain and one.effect == DROP}
    return [one for one in found if one.certain or (one.base.place, one.service) not in certain]


def first_packet(service: Service, family: str) -> Packet:
    """Return the first packets to a service, from any source, by any interface but lo, and without our mark."""
    return Packet(
        family,
        service.protocol,
        service.port,
        unicast(family),
        addresses_of(service, family),
        mark=UNMARKED,
        outside=True,
    )


def ends(chains: Chains, rule: Rule, service: Service, family: str) -> bool:
    """Tell whether a rule drops every new packet to a service, from any source and by any interface but lo.

    The packets do not have our mark, so rules that accept it make no difference.
    """
    walk = Walk(chains, first_packet(service, family))
    return {outcome.verdict for outcome in walk.rule(Chain(""), rule)} == {DROP}


def _packet(want: Ruleset, entry: Allow, family: str, *, is_first: bool) -> Packet:
    members = [one.of(family) for one in want.sets if one.name in entry.set_names]
    sources = from_ranges(family, (each for one in members for each in one.ranges))
    service = entry.service
    return Packet(
        family,
        service.protocol,
        service.port,
        unicast(family) if entry.sources == ANY else sources,
        addresses_of(service, family),
        is_first,
    )


def _of_entry(
    bases: Sequence[tuple[Chains, Chain]], entry: Allow, packet: Packet, own: Own, tracked: Answer
) -> Iterator[Finding]:
    """Lead a packet through all base chains, as each may change its mark for the next."""
    # No rule has set a mark yet.
    mark, marked = UNMARKED, False
    for chains, base in bases:
        if packet.family not in _FAMILIES.get(base.family, ()) or (base.hook == FORWARD and not entry.published):
            continue
        if own.marks_before(base) and not marked:
            mark, marked = MARKED, True
        at_base = _at(base, replace(packet, mark=mark, tracked=tracked))
        walk = Walk(chains, at_base)
        if packet.sources.members:
            yield from _drops(base, walk.base(base), entry.service)
        if base.hook in (INGRESS, PREROUTING) and packet.is_first and not entry.published:
            anyone = Walk(chains, replace(at_base, sources=unicast(packet.family)))
            yield from _diverts(base, anyone.base(base), entry.service)
        mark = walk.packet.mark if base.hook != EGRESS else mark


def _at(base: Chain, packet: Packet) -> Packet:
    """Return what is known of a packet at a base chain; behind a translation its port and address are another."""
    if base.hook == FORWARD:
        return replace(packet, port=None, addresses=unicast(packet.family))
    if base.hook == EGRESS:
        reply = replace(packet, port=None, sources=packet.addresses, addresses=packet.sources, is_first=False)
        return replace(reply, source_port=packet.port, mark=ANY_MARK)
    early = base.hook == INGRESS or (base.hook == PREROUTING and base.priority <= _TRACKED_AFTER)
    return replace(packet, tracked=False) if early and packet.tracked else packet


def is_partial(base: Chain) -> bool:
    """Tell whether a base chain sees packets of some network interfaces only."""
    return base.family in _LINK_FAMILIES or base.hook in _LINK_HOOKS


def _drops(base: Chain, found: Reasons, service: Service) -> Iterator[Finding]:
    """A certain drop, or drops that may be meant; before our rules and beside them, only those that name the port."""
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

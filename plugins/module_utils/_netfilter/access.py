# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources that the rules of a host allow to a service now, computed from the rules without a packet."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Sequence
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, Range, from_ranges
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.bounds import cut
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict_analysis import (
    Chains,
    are_tracked,
    has_family,
    is_partial,
    sort_bases,
    translate_packet,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ends import make_first_packet
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import CHAIN, INGRESS, PREROUTING
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import Packet, list_unicast
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import ACCEPT, DROP, Chain, Reasons, Walk
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service

_HOOKS = (INGRESS, PREROUTING, CHAIN)
UNKNOWN = "unknown"
Base = t.Tuple[Chains, Chain]  # a base chain, after the chains of its table
# The most evaluations of rules for a service and a family, some seconds of work.
_MOST_EVALUATIONS = 200_000


class Access(t.NamedTuple):
    """The sources of one family that can open a connection to a service, as far as the host's rules decide.

    `undecided` are the sources of which the rules do not tell it; `reason` then names the first such rule.
    """

    service: Service
    allowed: Networks
    undecided: Networks
    reason: str


class Judgement(t.NamedTuple):
    """The verdict on packets: ACCEPT or DROP, or UNKNOWN with its reason."""

    verdict: str
    reason: str


def find_access(tables: Sequence[Chains], service: Service, family: str, bounds: Sequence[Range]) -> Access:
    """Return the sources of a family ("ipv4" or "ipv6") that the tables allow to a service.

    `bounds` are at least the networks that the rules name as sources.
    """
    bases = select_bases(tables, _HOOKS, family)
    return split_sources(tables, service, family, bounds, lambda packet: judge(bases, packet))


def select_bases(tables: Sequence[Chains], hooks: Sequence[str], family: str) -> list[Base]:
    """Return the base chains on hooks that packets of a family pass, each after the chains of its table, in order."""
    return [(chains, base) for chains, base in sort_bases(tables) if base.hook in hooks and has_family(base, family)]


def split_sources(
    tables: Sequence[Chains],
    service: Service,
    family: str,
    bounds: Sequence[Range],
    evaluate: Callable[[Packet], Judgement],
) -> Access:
    """Return the access to a service from the judgements of a function on packets of parts of the sources."""
    packet = replace(make_first_packet(service, family), tracked=are_tracked(tables))
    parts = cut(list_unicast(family), bounds)
    rules = sum(len(chain.rules) for chains in tables for chain in chains.values())
    if rules * len(parts) > _MOST_EVALUATIONS:
        return make_unknown(family, service, f"the rules name {len(bounds)} networks, too many to evaluate")
    judged = _judge_parts(evaluate, packet, parts)
    allowed, undecided = (
        from_ranges(family, [part for part, found in judged if found.verdict == verdict])
        for verdict in (ACCEPT, UNKNOWN)
    )
    return Access(service, allowed, undecided, next((found.reason for _part, found in judged if found.reason), ""))


def make_unknown(family: str, service: Service, reason: str) -> Access:
    """Return the access to a service if nothing is known about any source."""
    return Access(service, from_ranges(family, ()), list_unicast(family), reason)


def _judge_parts(
    evaluate: Callable[[Packet], Judgement], packet: Packet, parts: Sequence[Range]
) -> list[tuple[Range, Judgement]]:
    """Return the judgement on each part of the sources. Parts with the same certain verdict need one evaluation."""
    found = evaluate(replace(packet, sources=from_ranges(packet.family, parts)))
    if found.verdict != UNKNOWN or len(parts) == 1:
        return [(part, found) for part in parts]
    half = len(parts) // 2
    return [*_judge_parts(evaluate, packet, parts[:half]), *_judge_parts(evaluate, packet, parts[half:])]


def judge(bases: Sequence[Base], packet: Packet, reason: str = "") -> Judgement:
    """Evaluate all base chains in order: each can drop a packet that another accepted (nft(8), "VERDICT STATEMENTS").

    With a `reason` the packets may not reach the chains.
    """
    for chains, base in bases:
        walk = Walk(chains, translate_packet(base, packet))
        found = walk.walk_base(base)
        verdicts = {outcome.verdict for outcome in found}
        if verdicts == {DROP} and not is_partial(base):
            return Judgement(DROP, "")
        if verdicts != {ACCEPT}:
            reason = reason or explain(base, found)
        packet = replace(packet, mark=walk.packet.mark)
    return Judgement(UNKNOWN if reason else ACCEPT, reason)


def explain(base: Chain, found: Reasons) -> str:
    """Name the first rule with an outcome: packets reach later rules only because its matches are unknown."""
    # The outcomes of later rules precede those of earlier rules.
    chain, rule = next((cause for cause in reversed([*found.values()]) if cause[1]), (base, None))
    return f"`{rule.text}` in chain {base.table} {chain.name}" if rule else f"the policy of chain {base.place}"

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks whose packets a chain drops, among known networks, and the rules that drop them."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import (
    Networks,
    from_members,
    from_ranges,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import DROP, Chain, Reasons, Rule


class Dropped(t.NamedTuple):
    """Networks whose packets are all dropped, and the rule in `chain`; without a rule, the policy of the base chain."""

    networks: Networks
    chain: Chain
    rule: Rule | None


def are_dropped(outcomes: Reasons) -> bool:
    """Tell whether a chain drops all packets, from their possible outcomes."""
    return all(outcome.verdict == DROP for outcome in outcomes)


def find_dropped(walk: Callable[[Networks], Reasons], networks: Networks) -> list[Dropped] | None:
    """Return the networks whose packets are all dropped, together for each rule; None if this is unknown for some packets.

    `walk` returns the possible outcomes for packets of some networks. A rule that drops only some sources in a network, or a share
    of the packets, is a ban by the host's administrator. Then the packets of this network count as passed.
    """
    parts = _split(walk, networks) if networks.members else []
    if parts is None:
        return None
    of_rules: dict[tuple[int, int], list[Dropped]] = {}
    for part in parts:
        of_rules.setdefault((id(part.chain), id(part.rule)), []).append(part)
    return [same[0]._replace(networks=_join([part.networks for part in same])) for same in of_rules.values()]


def _join(parts: list[Networks]) -> Networks:
    return from_ranges(parts[0].family, (addresses for part in parts for addresses in part.ranges))


def _split(walk: Callable[[Networks], Reasons], networks: Networks) -> list[Dropped] | None:
    """Return the parts of the networks whose packets are all dropped. If the packets differ, both halves are split again."""
    outcomes = walk(networks)
    drops = {outcome: reason for outcome, reason in outcomes.items() if outcome.verdict == DROP}
    if not drops:
        return []
    members = networks.members
    (chain, rule), *others = drops.values()
    if are_dropped(outcomes) and (len(members) == 1 or all(other == (chain, rule) for other in others)):
        return [Dropped(networks, chain, rule)]
    if len(members) == 1:
        return [] if all(outcome.ban for outcome in drops) else None
    found: list[Dropped] = []
    for half in (members[: len(members) // 2], members[len(members) // 2 :]):
        parts = _split(walk, from_members(networks.family, half))
        if parts is None:
            return None
        found += parts
    return found

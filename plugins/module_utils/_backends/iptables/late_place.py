# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The place of the accept rule among third-party rules in the output of iptables-save.

The accept rule precedes the first end (`_netfilter/ends.py`), in the same chain. A rule that drops only some packets (a ban,
a rate limit) therefore precedes the accept rule and stays effective, even if it is added later at the top of its chain. On a
host without an end, the accept rule is the last rule of INPUT, before the policy.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter import ends
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ends import (
    END,
    POLICY,
    Step,
    find_shared_chains,
    make_first_packet,
    walk_steps,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_rule import parse_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import select_table
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import Packet
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import ACCEPT, DROP, Chain
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset, Service

Steps = t.Mapping[Service, t.Sequence[Step]]

INPUT = "INPUT"
_POLICIES = {"DROP": DROP}


@dataclass(frozen=True)
class Filter:
    """The table filter of one family: the third-party rules of each chain, and the places of our accept rules.

    The place of an accept rule is its chain, and the number of third-party rules before it.
    """

    policy: str = "ACCEPT"
    lines: Mapping[str, Sequence[str]] = field(default_factory=lambda: {INPUT: []})
    late_rules: tuple[tuple[str, int], ...] = ()
    known_steps: dict[tuple[Ruleset, str], Steps] = field(default_factory=dict, compare=False)

    @cached_property
    def chains(self) -> Mapping[str, Chain]:
        """The chains with their third-party rules."""
        names = frozenset(self.lines)
        return {
            name: Chain(name, [parse_rule(line, names) for line in lines], policy=_POLICIES.get(self.policy, ACCEPT))
            for name, lines in self.lines.items()
        }


@dataclass(frozen=True, order=True)
class Place:
    """A place before a third-party rule, the anchor; without an anchor it is the end of the chain.

    `position` is the number of third-party rules before the place. Log rules directly before the anchor follow the place.
    """

    chain: str
    position: int
    anchor: str = ""


def parse_filter(saved: str) -> Filter:
    """Return the table filter in the output of iptables-save or ip6tables-save."""
    policy = "ACCEPT"
    chains: dict[str, list[str]] = {INPUT: []}
    late_rules: list[tuple[str, int]] = []
    for line in select_table(saved, "filter"):
        words = line.split(" ", 2)
        if line.startswith(f":{INPUT} "):
            policy = words[1]
        elif line.startswith(":"):
            chains[words[0][1:]] = []
        elif is_accept_rule(line):
            late_rules.append((words[1], len(chains.setdefault(words[1], []))))
        elif line.startswith("-A "):
            chains.setdefault(words[1], []).append(line)
    return Filter(policy, chains, tuple(late_rules))


def is_accept_rule(line: str) -> bool:
    """Tell whether a line of iptables-save is our accept rule. Newer versions quote its comment."""
    words = line.split(" ", 2)
    return words[0] == "-A" and len(words) > 2 and words[2].replace('"', "") == LATE_RULE


def find_places(table: Filter, want: Ruleset, family: str) -> tuple[Place, ...]:
    """Return the places that the accept rule needs: one for each chain with an end. Most hosts have one such chain.

    No place is needed if `want` has no service of the family.
    """
    first: dict[str, Step] = {}
    for steps in walk_services(table, want, family).values():
        for step in steps:
            known = first.get(step.chain)
            if step.kind in (END, POLICY) and (known is None or step.position < known.position):
                first[step.chain] = step
    return tuple(sorted(_skip_logs(table, step) for step in first.values()))


def walk_services(table: Filter, want: Ruleset, family: str) -> Steps:
    """Return the rules that new packets to each service reach, in order. The result is cached in the table."""
    if (want, family) not in table.known_steps:
        packets = _make_packets(want, family)
        shared = find_shared_chains(table.chains, [*packets.values()])
        table.known_steps[want, family] = {
            service: walk_steps(table.chains, table.chains[INPUT], packet, shared)
            for service, packet in packets.items()
        }
    return table.known_steps[want, family]


def without_effect(
    table: Filter, places: Iterable[Place], want: Ruleset, family: str
) -> dict[tuple[str, str], tuple[Service, ...]]:
    """Return the rules that have no effect on authorised packets, by line and kind, with the services they apply to."""
    needed = {place.chain: place.position for place in places}
    found: dict[tuple[str, str], tuple[Service, ...]] = {}
    for service, steps in walk_services(table, want, family).items():
        for step in ends.without_effect(steps, needed):
            key = step.text, step.kind
            found[key] = (*found.get(key, ()), service)
    return found


def find_misplaced(table: Filter, places: Iterable[Place], want: Ruleset, family: str) -> Iterator[str]:
    """Yield a line for each accept rule that is missing, repeated or in a wrong place.

    Rules between the accept rule and its place are not a difference if they cannot drop packets to managed ports.
    """
    needed = {place.chain: place for place in places}
    found: dict[str, list[int]] = {}
    for chain, position in table.late_rules:
        found.setdefault(chain, []).append(position)
    for chain in sorted({*needed, *found}):
        positions = found.get(chain, [])
        if chain not in needed:
            yield f"the accept rule in chain {chain} is not needed"
        elif not positions:
            yield f"the accept rule is missing in chain {chain}"
        elif len(positions) > 1:
            yield f"the accept rule is in chain {chain} {len(positions)} times"
        else:
            yield from _check_place(table, positions[0], needed[chain], want, family)


def _check_place(table: Filter, position: int, place: Place, want: Ruleset, family: str) -> Iterator[str]:
    rules = table.chains[place.chain].rules
    if position > place.position:
        yield f"the accept rule follows `{rules[place.position].text}`, which drops authorised packets"
    packets = _make_packets(want, family)
    for rule in rules[position : place.position]:
        if any(action.verdict != ACCEPT for packet in packets.values() for action in rule.evaluate(packet).actions):
            yield f"the accept rule precedes `{rule.text}`, which therefore has no effect"


def _make_packets(want: Ruleset, family: str) -> dict[Service, Packet]:
    """Return new packets to each service that has authorised sources."""
    return {
        entry.service: make_first_packet(entry.service, family)
        for entry in want.allow
        if entry.sources and family in entry.service.families
    }


def _skip_logs(table: Filter, step: Step) -> Place:
    """Return the place before an end, and before rules directly before the end that log the packets it drops."""
    rules, position = table.chains[step.chain].rules, step.position
    if step.kind == END:
        while position and rules[position - 1].only_logs:
            position -= 1
    return Place(step.chain, position, step.text)

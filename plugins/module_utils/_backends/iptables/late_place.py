# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The place of the accept rule among third-party rules in the output of iptables-save.

An "end" is a third-party rule that drops or rejects every new packet to a managed port, whatever its source. The accept
rule precedes the first end, in the same chain. A rule that drops only some packets (a ban, a rate limit) therefore precedes
the accept rule and stays effective, even if it is added later at the top of its chain. On a host without an end, the accept
rule is the last rule of INPUT, before the policy.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_rule import (
    IptablesRule,
    parse_rule,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import table_lines
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    UNMARKED,
    Packet,
    addresses_of,
    unicast,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import (
    ACCEPT,
    DROP,
    GOTO,
    RETURN,
    Action,
    reached_by_some,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset, Service

Steps = t.Mapping[Service, t.Sequence["Step"]]

INPUT = "INPUT"
# Log targets. A packet continues with the next rule after them (iptables-extensions(8)).
LOGS = ("LOG", "NFLOG", "ULOG")
# Matches that hold for a share of the packets of each source.
_LIMITS = ("connlimit", "hashlimit", "limit", "quota", "recent", "statistic", "time")


@dataclass(frozen=True)
class Filter:
    """The table filter of one family: the third-party rules of each chain, and the places of our accept rules.

    The place of an accept rule is its chain, and the number of third-party rules before it.
    """

    policy: str = "ACCEPT"
    chains: Mapping[str, Sequence[str]] = field(default_factory=lambda: {INPUT: []})
    ours: tuple[tuple[str, int], ...] = ()
    known_steps: dict[tuple[Ruleset, str], Steps] = field(default_factory=dict, compare=False)

    @cached_property
    def rules(self) -> Mapping[str, Sequence[IptablesRule]]:
        """The parsed third-party rules of each chain."""
        names = frozenset(self.chains)
        return {chain: [parse_rule(line, names) for line in lines] for chain, lines in self.chains.items()}


@dataclass(frozen=True, order=True)
class Place:
    """A place before a third-party rule, the anchor; without an anchor it is the end of the chain.

    `position` is the number of third-party rules before the place. Log rules directly before the anchor follow the place.
    """

    chain: str
    position: int
    anchor: str = ""


@dataclass(frozen=True)
class Step:
    """A rule that new packets to a service reach: an end, or a rule that drops or accepts only some packets."""

    chain: str
    position: int
    line: str
    kind: str


# The kinds of a step. The steps after OTHERS are for packets of other network interfaces.
END, SOME_DROP, SOME_ACCEPT, PASSED, OTHERS = "end", "some drop", "some accept", "passed", "others"


def filter_of(saved: str) -> Filter:
    """Return the table filter in the output of iptables-save or ip6tables-save."""
    policy = "ACCEPT"
    chains: dict[str, list[str]] = {INPUT: []}
    ours: list[tuple[str, int]] = []
    for line in table_lines(saved, "filter"):
        words = line.split(" ", 2)
        if line.startswith(f":{INPUT} "):
            policy = words[1]
        elif line.startswith(":"):
            chains[words[0][1:]] = []
        elif is_accept_rule(line):
            ours.append((words[1], len(chains.setdefault(words[1], []))))
        elif line.startswith("-A "):
            chains.setdefault(words[1], []).append(line)
    return Filter(policy, chains, tuple(ours))


def is_accept_rule(line: str) -> bool:
    """Tell whether a line of iptables-save is our accept rule. Newer versions quote its comment."""
    words = line.split(" ", 2)
    return words[0] == "-A" and len(words) > 2 and words[2].replace('"', "") == LATE_RULE


def places_of(table: Filter, want: Ruleset, family: str) -> tuple[Place, ...]:
    """Return the places that the accept rule needs: one for each chain with an end. Most hosts have one such chain.

    No place is needed if `want` has no service of the family.
    """
    first: dict[str, Step] = {}
    for steps in steps_of(table, want, family).values():
        for step in steps:
            known = first.get(step.chain)
            if step.kind == END and (known is None or step.position < known.position):
                first[step.chain] = step
    return tuple(sorted(_before_logs(table, step) for step in first.values()))


def steps_of(table: Filter, want: Ruleset, family: str) -> Steps:
    """Return the rules that new packets to each service reach, in order. The result is cached in the table."""
    if (want, family) not in table.known_steps:
        services = [entry.service for entry in want.allow if family in entry.service.families]
        shared = _shared(table, [_packet(service, family) for service in services])
        steps = {service: tuple(_Walk(table, service, family, shared).steps()) for service in services}
        table.known_steps[want, family] = steps
    return table.known_steps[want, family]


def without_effect(
    table: Filter, places: Iterable[Place], want: Ruleset, family: str
) -> dict[tuple[str, str], tuple[Service, ...]]:
    """Return the rules that have no effect on authorised packets, by line and verdict, with the services they apply to.

    ACCEPT: the rule accepts packets up to a limit, but the accept rule accepts the rest. DROP: the rule drops some packets
    but follows the accept rule, because a rule before it drops all packets of another protocol or network interface.
    """
    needed = {place.chain: place.position for place in places}
    found: dict[tuple[str, str], tuple[Service, ...]] = {}
    for service, steps in steps_of(table, want, family).items():
        accepted = False
        limited = any(step.kind == END and (step.line or table.policy != "ACCEPT") for step in steps)
        for step in steps:
            at_place = step.position >= needed.get(step.chain, step.position + 1)
            accepted = step.kind != OTHERS and (accepted or at_place)
            if (step.kind == SOME_ACCEPT and limited) or (step.kind == SOME_DROP and accepted):
                key = step.line, ACCEPT if step.kind == SOME_ACCEPT else DROP
                found[key] = (*found.get(key, ()), service)
    return found


def misplaced(table: Filter, places: Iterable[Place], want: Ruleset, family: str) -> Iterator[str]:
    """Yield a line for each accept rule that is missing, repeated or in a wrong place.

    Rules between the accept rule and its place are not a difference if they cannot drop packets to managed ports.
    """
    needed = {place.chain: place for place in places}
    found: dict[str, list[int]] = {}
    for chain, position in table.ours:
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
            yield from _wrong_place(table, positions[0], needed[chain], want, family)


def _wrong_place(table: Filter, position: int, place: Place, want: Ruleset, family: str) -> Iterator[str]:
    lines = table.chains[place.chain]
    if position > place.position:
        yield f"the accept rule follows `{lines[place.position]}`, which drops authorised packets"
    packets = [_packet(entry.service, family) for entry in want.allow if family in entry.service.families]
    for rule in table.rules[place.chain][position : place.position]:
        if any(action.verdict != ACCEPT for packet in packets for action in rule.evaluate(packet).actions):
            yield f"the accept rule precedes `{rule.text}`, which therefore has no effect"


def _before_logs(table: Filter, step: Step) -> Place:
    """Return the place before an end, and before rules directly before the end that log the packets it drops."""
    rules, position = table.rules[step.chain], step.position
    if step.line or table.policy != "ACCEPT":
        while position and rules[position - 1].target in LOGS:
            position -= 1
    return Place(step.chain, position, step.line)


def _packet(service: Service, family: str) -> Packet:
    """Return the first packets to a service: from any source, on any interface except lo, and without our mark."""
    addresses = addresses_of(service, family)
    return Packet(family, service.protocol, service.port, unicast(family), addresses, mark=UNMARKED, outside=True)


def _at_some_interfaces(rule: IptablesRule) -> bool:
    return any(test.option == "-i" and test.values != ("lo",) for test in rule.tests)


# The actions of a rule that matches only a source. Some hosts have thousands of such bans; this saves their evaluation.
_BAN = (Action(DROP, "", False, False, True),)


def _bans_one_source(rule: IptablesRule) -> bool:
    return rule.target == "DROP" and len(rule.tests) == 1 and rule.tests[0].option == "-s"


def _shared(table: Filter, packets: Sequence[Packet]) -> set[str]:
    """Return the chains to which a rule for only some packets leads, directly or through other chains."""
    actions = {
        chain: [
            action
            for rule in rules
            if rule.target in table.chains
            for packet in packets
            for action in rule.evaluate(packet).actions
        ]
        for chain, rules in table.rules.items()
    }
    return reached_by_some(actions)


class _Walk:
    """The path of the first packets to a service through the chains, from INPUT on."""

    def __init__(self, table: Filter, service: Service, family: str, shared: set[str]) -> None:
        self._table = table
        self._shared = shared
        self._packet = _packet(service, family)

    def steps(self) -> Iterator[Step]:
        """Yield the rules that the packets reach."""
        return self._chain(INPUT, base=True)

    def _chain(self, chain: str, *, base: bool) -> t.Generator[Step, None, bool]:
        """Yield the steps in a chain. Return True if no packet continues in the calling chain.

        A packet that leaves a `base` chain (INPUT, or the target of a goto in INPUT) reaches the policy. After a rule from
        which some packets return, a rule that drops all other packets is not an end.
        """
        some_returned = False  # packets of some sources
        others_returned = False  # all packets of some interfaces
        for position, rule in enumerate(self._table.rules[chain]):
            actions = _BAN if _bans_one_source(rule) else rule.evaluate(self._packet).actions
            if not actions:
                continue
            action, here = actions[0], Step(chain, position, rule.text, PASSED)
            if some_returned or not action.certain:
                yield from _possible_steps(rule, actions, here)
                some_returned = some_returned or (not base and action.verdict in (RETURN, GOTO))
                continue
            yield here
            ended = yield from self._matching_steps(action, here, base=base)
            # Packets of other interfaces continue.
            if ended is not None and not _at_some_interfaces(rule):
                return ended and not others_returned
            others_returned = others_returned or ended is False
            if ended is not None:
                yield Step(chain, position, rule.text, OTHERS)
        if base:
            yield Step(chain, len(self._table.chains[chain]), "", END)
        return base

    def _matching_steps(self, action: Action, here: Step, *, base: bool) -> t.Generator[Step, None, bool | None]:
        """Yield the steps at a rule that matches; return None if packets continue with the next rule.

        True means that no packet continues, False that packets continue in the calling chain.
        """
        if action.verdict == DROP or (action.verdict == RETURN and base):
            yield Step(here.chain, here.position, here.line, END)
            return True
        if not action.target:
            return action.verdict != RETURN
        inner = self._chain(action.target, base=base and action.verdict == GOTO)
        ended = yield from _replace_ends(inner, here) if action.target in self._shared else inner
        return ended if ended or action.verdict == GOTO else None


def _replace_ends(inner: t.Generator[Step, None, bool], here: Step) -> t.Generator[Step, None, bool]:
    """Replace the ends of a chain by the rule that leads to the chain.

    Rules for some sources lead to the same chain. An accept rule in it would accept packets of these sources.
    """
    while True:
        try:
            step = next(inner)
        except StopIteration as stop:
            return bool(stop.value)
        yield Step(here.chain, here.position, here.line, END) if step.kind == END else step


def _possible_steps(rule: IptablesRule, actions: Iterable[Action], here: Step) -> Iterator[Step]:
    """Yield the step at a rule that drops, or accepts, only some packets."""
    if any(action.verdict != ACCEPT for action in actions):
        yield Step(here.chain, here.position, here.line, SOME_DROP)
    elif any(test.module in _LIMITS for test in rule.tests):
        yield Step(here.chain, here.position, here.line, SOME_ACCEPT)

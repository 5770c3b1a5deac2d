# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows a packet through the chains of a host's firewall, as far as that can be told without sending one."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import Bits, Packet

ACCEPT, DROP, DIVERT, RETURN, CONTINUE = "accept", "drop", "divert", "return", "continue"
JUMP, GOTO = "jump", "goto"


class Way(t.NamedTuple):
    """What a rule may do with a packet: a verdict, or a jump to the chain `target`.

    `certain` tells whether it surely does that. `named` tells whether the rule names the port. `ban` tells whether it is for
    some sources only, or for a share of the packets.
    """

    verdict: str
    target: str = ""
    certain: bool = True
    named: bool = False
    ban: bool = False


class Judgement(t.NamedTuple):
    """What a rule may do with a packet: its ways, none if it surely does not match; and the mark of the packet after it.

    The first certain way is the last that counts. Without a certain way, the next rule may see the packet.
    """

    ways: Sequence[Way]
    mark: Bits


class Rule(t.Protocol):
    """A rule of any firewall language."""

    @property
    def text(self) -> str:
        """The rule in the words of its program."""

    @property
    def target(self) -> str:
        """The chain to which every packet goes that the rule matches, or another word."""

    @property
    def untracks(self) -> bool:
        """Whether the rule takes packets out of connection tracking."""

    def judge(self, packet: Packet) -> Judgement:
        """Return what the rule may do with a packet."""


@dataclass(eq=False)
class Chain:
    """A chain: its rules in order, and for a base chain its hook, priority and policy."""

    name: str
    rules: list[Rule] = field(default_factory=list)
    hook: str = ""
    priority: int = 0
    policy: str = ACCEPT
    family: str = ""
    table: str = ""
    device: str = ""

    @property
    def place(self) -> str:
        """The chain as nft names it."""
        return f"{self.family} {self.table} {self.name}"


class Outcome(t.NamedTuple):
    """How a packet leaves a chain, and what is known of the rule that does it, see Way."""

    verdict: str
    named: bool = False
    ban: bool = False


Reasons = dict[Outcome, tuple[Chain, t.Optional[Rule]]]  # the first rule that does it; None for the policy
_NEXT, _BACK = Outcome(CONTINUE), Outcome(RETURN)
_ENDS = (ACCEPT, DROP, DIVERT)


class Walk:
    """The way of one packet through the chains of one table."""

    def __init__(self, chains: Mapping[str, Chain], packet: Packet) -> None:
        self._chains = chains
        self._known: dict[tuple[str, Bits], tuple[Reasons, Bits]] = {}
        self.packet = packet

    def base(self, chain: Chain) -> Reasons:
        """Return how the packet may leave a base chain: accepted, dropped or diverted."""
        found = self.chain(chain)
        if _NEXT in found or _BACK in found:
            found = {**found, Outcome(chain.policy): found.get(Outcome(chain.policy), (chain, None))}
        return {outcome: reason for outcome, reason in found.items() if outcome.verdict in _ENDS}

    def chain(self, chain: Chain) -> Reasons:
        """Return how the packet may leave a chain."""
        key = chain.name, self.packet.mark
        if key not in self._known:
            found = self._through(chain)
            self._known[key] = found, self.packet.mark
        found, mark = self._known[key]
        self._change(mark)
        return found

    def rule(self, chain: Chain, rule: Rule) -> Reasons:
        """Return what may become of the packet at one rule of a chain; CONTINUE if the next rule may see it."""
        found: Reasons = {}
        ways, mark = rule.judge(self.packet)
        self._change(mark)
        for way in ways:
            for outcome, reason in self._take(chain, rule, way):
                found.setdefault(outcome, reason)
            if way.certain:
                return found
        return {**found, _NEXT: (chain, rule)}

    def _through(self, chain: Chain) -> Reasons:
        found: Reasons = {}
        for rule in chain.rules:
            found = {**self.rule(chain, rule), **found}
            if found.pop(_NEXT, None) is None:
                return found
        return {**found, _NEXT: (chain, None)}

    def _take(self, chain: Chain, rule: Rule, way: Way) -> Iterator[tuple[Outcome, tuple[Chain, Rule | None]]]:
        if way.verdict not in (JUMP, GOTO):
            yield (_end(way.verdict, way) if way.verdict in _ENDS else Outcome(way.verdict)), (chain, rule)
            return
        back = _NEXT if way.verdict == JUMP else _BACK
        for outcome, reason in self.chain(self._chains[way.target]).items():
            if outcome.verdict in _ENDS:
                yield _end(outcome.verdict, way, outcome), reason
            else:
                yield back, (chain, rule)

    def _change(self, mark: Bits) -> None:
        """Keep what is known of the mark: on another way to the same rule it may be the old mark."""
        if mark != self.packet.mark:
            self.packet = replace(self.packet, mark=self.packet.mark.common(mark))


def _end(verdict: str, way: Way, inner: Outcome = _NEXT) -> Outcome:
    # What surely happens inside a chain is as uncertain as the way there.
    return Outcome(verdict, named=way.named or inner.named, ban=(way.ban and not way.certain) or inner.ban)

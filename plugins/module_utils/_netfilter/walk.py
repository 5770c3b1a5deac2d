# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of the chains of a host's firewall for a packet, without sending the packet."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import Bits, Packet

ACCEPT, DROP, DIVERT, RETURN, CONTINUE = "accept", "drop", "divert", "return", "continue"
JUMP, GOTO = "jump", "goto"


class Action(t.NamedTuple):
    """A possible action of a rule: a verdict, or a jump to the chain `target`.

    `certain` tells whether it happens to every packet of the class, `named` whether the rule names the port, `ban` whether
    it applies only to some sources or to a share of the packets.
    """

    verdict: str
    target: str = ""
    certain: bool = True
    named: bool = False
    ban: bool = False


class Evaluation(t.NamedTuple):
    """The possible actions of a rule for a packet (none if the rule certainly does not match), and the mark after it.

    Actions after the first certain action are ignored. Without a certain action, the packet may reach the next rule.
    """

    actions: Sequence[Action]
    mark: Bits


class Rule(t.Protocol):
    """A rule of nftables or iptables."""

    @property
    def text(self) -> str:
        """Text of the rule in the syntax of its program."""

    @property
    def target(self) -> str:
        """The chain to which the rule sends all matching packets, or another target."""

    @property
    def untracks(self) -> bool:
        """True if the rule excludes packets from connection tracking."""

    @property
    def leads(self) -> bool:
        """True if the rule can lead to another chain."""

    @property
    def limits(self) -> bool:
        """True if the rule matches a share of the packets of each source."""

    @property
    def only_logs(self) -> bool:
        """True if the rule only logs packets, which then reach the next rule."""

    @property
    def bans_one_source(self) -> bool:
        """True if the rule drops the packets of a network and has no other match."""

    def evaluate(self, packet: Packet) -> Evaluation:
        """Return the possible actions of the rule for a packet."""


def find_reached_by_some(actions: Mapping[str, Iterable[Action]]) -> set[str]:
    """Return the chains to which a rule that matches only some packets leads, directly or through other chains.

    `actions` are the actions of the rules of each chain.
    """
    targets = {action.target for found in actions.values() for action in found if action.target and not action.certain}
    reached: set[str] = set()
    while targets - reached:
        reached |= targets
        targets = {action.target for chain in reached for action in actions.get(chain, ()) if action.target}
    return reached


@dataclass(eq=False)
class Chain:
    """A chain with its rules in order. A base chain also has a hook, a priority and a policy."""

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
        """Name of the chain in the notation of nft: family, table, chain."""
        return f"{self.family} {self.table} {self.name}"


class Outcome(t.NamedTuple):
    """A verdict with which a packet leaves a chain, and properties of its rule (see Action)."""

    verdict: str
    named: bool = False
    ban: bool = False


Reasons = t.Dict[Outcome, t.Tuple[Chain, t.Optional[Rule]]]  # the first rule with that outcome; None for the policy
_NEXT = Outcome(CONTINUE)
_ENDS = (ACCEPT, DROP, DIVERT)


class Walk:
    """The evaluation of the chains of one table for a packet."""

    def __init__(self, chains: Mapping[str, Chain], packet: Packet) -> None:
        self._chains = chains
        self._known: dict[tuple[str, Bits], tuple[Reasons, Bits]] = {}
        self.packet = packet

    def walk_base(self, chain: Chain) -> Reasons:
        """Return the possible outcomes of a base chain: accepted, dropped or diverted."""
        found = self.walk_chain(chain)
        for outcome in [outcome for outcome in found if outcome.verdict not in _ENDS]:
            found = {**found, outcome._replace(verdict=chain.policy): (chain, None), **found}
        return {outcome: reason for outcome, reason in found.items() if outcome.verdict in _ENDS}

    def walk_chain(self, chain: Chain) -> Reasons:
        """Return the possible outcomes of a chain."""
        key = chain.name, self.packet.mark
        if key not in self._known:
            found = self._evaluate(chain)
            self._known[key] = found, self.packet.mark
        found, mark = self._known[key]
        self._merge_mark(mark)
        return found

    def walk_rule(self, chain: Chain, rule: Rule) -> Reasons:
        """Return the possible outcomes of a rule in a chain; CONTINUE if the packet may reach the next rule."""
        found: Reasons = {}
        actions, mark = rule.evaluate(self.packet)
        self._merge_mark(mark)
        for action in actions:
            for outcome, reason in self._take(chain, rule, action):
                found.setdefault(outcome, reason)
            if action.certain:
                return found
        return {**found, _NEXT: (chain, rule)}

    def _evaluate(self, chain: Chain) -> Reasons:
        found: Reasons = {}
        for rule in chain.rules:
            found = {**self.walk_rule(chain, rule), **found}
            if found.pop(_NEXT, None) is None:
                return found
        return {**found, _NEXT: (chain, None)}

    def _take(self, chain: Chain, rule: Rule, action: Action) -> Iterator[tuple[Outcome, tuple[Chain, Rule | None]]]:
        if action.verdict not in (JUMP, GOTO):
            leaves = action.verdict in (*_ENDS, RETURN)
            yield (_make_end(action.verdict, action) if leaves else Outcome(action.verdict)), (chain, rule)
            return
        back = _NEXT if action.verdict == JUMP else _make_end(RETURN, action)
        for outcome, reason in self.walk_chain(self._chains[action.target]).items():
            if outcome.verdict in _ENDS:
                yield _make_end(outcome.verdict, action, outcome), reason
            else:
                yield back, (chain, rule)

    def _merge_mark(self, mark: Bits) -> None:
        """Keep the bits that are known in the old and the new mark, because a packet can reach a rule with either."""
        if mark != self.packet.mark:
            self.packet = replace(self.packet, mark=self.packet.mark.intersect(mark))


def _make_end(verdict: str, action: Action, inner: Outcome = _NEXT) -> Outcome:
    # An outcome inside a chain is as uncertain as the jump to the chain.
    return Outcome(verdict, named=action.named or inner.named, ban=(action.ban and not action.certain) or inner.ban)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that drop every new packet to a managed port, for the late part of each firewall manager.

An "end" is a rule that drops or rejects every new packet to a port, whatever its source and its network interface. A rule
for some sources or interfaces is a ban. The accept rule of the late part follows the bans, and precedes the first end in the
same chain.
"""

from __future__ import annotations

import typing as t
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    UNMARKED,
    Packet,
    list_addresses,
    list_unicast,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import (
    ACCEPT,
    CONTINUE,
    DROP,
    GOTO,
    RETURN,
    Action,
    Chain,
    Rule,
    Walk,
    find_reached_by_some,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service

Chains = t.Mapping[str, Chain]  # of one table, by name

# The kinds of a step. END: a rule or the policy drops every packet. POLICY: every packet reaches a policy that accepts.
# SOME_DROP, SOME_ACCEPT: some packets are dropped or accepted. PASSED: every packet continues in another chain.
END, POLICY, PASSED = "end", "policy", "passed"
SOME_DROP, SOME_ACCEPT = DROP, ACCEPT


class Step(t.NamedTuple):
    """The effect of a rule on new packets to a service. `rule` is None at the end of a base chain.

    `position` is the number of rules before the step in its chain.
    """

    chain: str
    position: int
    rule: Rule | None
    kind: str

    @property
    def text(self) -> str:
        """Text of the rule in the syntax of its program; empty at the end of a chain."""
        return self.rule.text if self.rule else ""


def make_first_packet(service: Service, family: str) -> Packet:
    """Return the first packets to a service: from any source, on any interface except lo, and without our mark."""
    addresses = list_addresses(service, family)
    return Packet(family, service.protocol, service.port, list_unicast(family), addresses, mark=UNMARKED)


def find_shared_chains(chains: Chains, packets: Sequence[Packet]) -> set[str]:
    """Return the chains to which a rule for only some packets leads, directly or through other chains.

    An accept rule in such a chain would accept these packets too, even if they are banned.
    """
    return find_reached_by_some(
        {
            name: [
                action
                for rule in chain.rules
                if rule.leads
                for packet in packets
                for action in rule.evaluate(packet).actions
                if action.target in chains
            ]
            for name, chain in chains.items()
        }
    )


def walk_steps(chains: Chains, chain: Chain, packet: Packet, closed: Container[str]) -> tuple[Step, ...]:
    """Return the steps of new packets in a base chain and in the chains to which it leads, in order.

    A chain in `closed` gets no accept rule: an end in such a chain counts as an end at the rule that leads to it.
    """
    walk = _Walk(chains, packet, chain.policy, closed)
    walk.walk_chain(chain, base=True)
    return tuple(walk.steps)


def without_effect(steps: Iterable[Step], places: Mapping[str, int]) -> Iterator[Step]:
    """Yield the steps at rules without effect on authorised packets, because our rules at `places` accept these packets.

    SOME_ACCEPT: the rule accepts packets up to a limit, but our rule accepts the rest. SOME_DROP: the rule drops some
    packets, but follows our rule, because our rule must precede an end for another protocol, or the jump to a chain.
    """
    steps = tuple(steps)
    has_end = any(step.kind == END for step in steps)
    accepted = False
    for step in steps:
        accepted = accepted or step.position >= places.get(step.chain, step.position + 1)
        limited = has_end and step.kind == SOME_ACCEPT and step.rule is not None and step.rule.limits
        if limited or (accepted and step.kind == SOME_DROP):
            yield step


class _Walk:
    """The path of new packets through chains. Changes of their mark are ignored."""

    def __init__(self, chains: Chains, packet: Packet, policy: str, closed: Container[str]) -> None:
        self._chains = chains
        self._packet = packet
        self._at_policy = END if policy == DROP else POLICY
        self._policy = policy
        self._closed = closed
        self._inner = Walk(chains, packet)
        self.steps: list[Step] = []

    def walk_chain(self, chain: Chain, *, base: bool) -> bool:
        """Add the steps in a chain. Return True if no packet continues in the calling chain.

        After a rule from which some packets return, a rule that drops all other packets is not an end.
        """
        some_returned = False
        for position, rule in enumerate(chain.rules):
            for action in _BAN if rule.bans_one_source else rule.evaluate(self._packet).actions:
                here = Step(chain.name, position, rule, PASSED)
                if some_returned or not action.certain:
                    self._add_some(here, action, base=base)
                    some_returned = some_returned or (not base and action.verdict in (RETURN, GOTO))
                elif (ended := self._add_every(here, action, base=base)) is not None:
                    return ended
        if base:
            self.steps.append(Step(chain.name, len(chain.rules), None, self._at_policy))
        return base

    def _add_some(self, here: Step, action: Action, *, base: bool) -> None:
        """Add the steps at a rule that some packets match."""
        if action.target:
            verdicts = {outcome.verdict for outcome in self._inner.walk_chain(self._chains[action.target])}
        else:
            verdicts = {self._policy if base and action.verdict == RETURN else action.verdict}
        kinds = ((DROP, SOME_DROP), (ACCEPT, SOME_ACCEPT))
        self.steps += (here._replace(kind=kind) for verdict, kind in kinds if verdict in verdicts)

    def _add_every(self, here: Step, action: Action, *, base: bool) -> bool | None:
        """Add the steps at a rule that every packet matches. Return None if packets continue with the next rule.

        True means that no packet continues, False that packets continue in the calling chain.
        """
        if action.verdict == DROP or (action.verdict == RETURN and base):
            self.steps.append(here._replace(kind=END if action.verdict == DROP else self._at_policy))
            return True
        if not action.target:
            return {RETURN: False, CONTINUE: None}.get(action.verdict, True)
        self.steps.append(here)
        first = len(self.steps)
        ended = self.walk_chain(self._chains[action.target], base=base and action.verdict == GOTO)
        if action.target in self._closed:
            self.steps[first:] = [
                here._replace(kind=step.kind) if step.kind in (END, POLICY) else step for step in self.steps[first:]
            ]
        return ended if ended or action.verdict == GOTO else None


# The actions of a rule that matches only a source. Some hosts have thousands of such bans; this saves their evaluation.
_BAN = (Action(DROP, certain=False, ban=True),)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How verdicts, jumps and uncertain rules add up in a chain."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import MARKED, UNMARKED, Packet, unicast
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import Chain, Judgement, Outcome, Walk, Way

PACKET = Packet("ipv4", "tcp", 8001, unicast("ipv4"), unicast("ipv4"), mark=MARKED)
MAYBE = {"certain": False}


@dataclass(frozen=True)
class Fake:
    """A rule with given ways; with a mark it sets that mark, and with `only` it is for packets with that mark."""

    ways: tuple
    mark: object = None
    only: object = None
    text, target, untracks = "fake", "", False

    def judge(self, packet):
        ways = self.ways if self.only in (None, packet.mark) else ()
        return Judgement(ways, self.mark or packet.mark)


def rule(verdict, target="", **known):
    return Fake((Way(verdict, target, **known),))


def leaves(policy="accept", **chains):
    """How a packet leaves the chain `base`."""
    made = {name: Chain(name, rules, policy=policy) for name, rules in chains.items()}
    return {*Walk(made, PACKET).base(made["base"])}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ([], {Outcome("accept")}),
        ([rule("drop")], {Outcome("drop")}),
        ([rule("return"), rule("drop")], {Outcome("accept")}),
        ([Fake(()), rule("drop")], {Outcome("drop")}),
        ([rule("divert"), rule("drop")], {Outcome("divert")}),
        ([rule("drop", **MAYBE)], {Outcome("drop"), Outcome("accept")}),
        ([rule("return", **MAYBE), rule("drop")], {Outcome("drop"), Outcome("accept")}),
        ([rule("accept", **MAYBE), rule("drop")], {Outcome("drop"), Outcome("accept")}),
        ([rule("drop"), rule("accept")], {Outcome("drop")}),
        ([rule("drop", named=True)], {Outcome("drop", named=True)}),
        ([rule("drop", ban=True, **MAYBE)], {Outcome("drop", ban=True), Outcome("accept")}),
        ([rule("drop", ban=True)], {Outcome("drop")}),
        ([Fake((Way("accept", certain=False), Way("drop")))], {Outcome("accept"), Outcome("drop")}),
        ([Fake((Way("accept"), Way("drop")))], {Outcome("accept")}),
        ([rule("continue"), rule("drop")], {Outcome("drop")}),
        ([Fake((Way("continue", certain=False), Way("drop", certain=False)))], {Outcome("drop"), Outcome("accept")}),
    ],
)
def test_a_chain(base, expected):
    assert leaves(base=base) == expected


def test_the_policy():
    assert leaves("drop", base=[]) == {Outcome("drop")}
    assert leaves("drop", base=[rule("return")]) == {Outcome("drop")}
    assert leaves("drop", base=[rule("accept")]) == {Outcome("accept")}


@pytest.mark.parametrize(
    ("jump", "inner", "expected"),
    [
        (rule("jump", "a"), [], {"drop"}),
        (rule("jump", "a"), [rule("accept")], {"accept"}),
        (rule("jump", "a"), [rule("return"), rule("accept")], {"drop"}),
        (rule("jump", "a"), [rule("accept", **MAYBE)], {"accept", "drop"}),
        (rule("jump", "a", **MAYBE), [rule("accept")], {"accept", "drop"}),
        (rule("goto", "a"), [], {"accept"}),
        (rule("goto", "a"), [rule("return")], {"accept"}),
        (rule("goto", "a", **MAYBE), [], {"accept", "drop"}),
        (rule("goto", "a"), [rule("drop")], {"drop"}),
    ],
)
def test_a_jump(jump, inner, expected):
    assert {outcome.verdict for outcome in leaves(base=[jump, rule("drop")], a=inner)} == expected


@pytest.mark.parametrize("how", ["jump", "goto"])
def test_a_jump_to_a_chain_that_goes_on_to_another(how):
    chains = {"a": [rule("goto", "b"), rule("accept")], "b": [rule("return")]}
    assert leaves("drop", base=[rule(how, "a")], **chains) == {Outcome("drop")}


def test_what_is_known_of_a_jump_holds_for_the_chain():
    drop = {"a": [rule("drop")]}
    assert leaves(base=[rule("jump", "a", named=True)], **drop) == {Outcome("drop", named=True)}
    assert leaves(base=[rule("jump", "a", ban=True, **MAYBE)], **drop) == {Outcome("drop", ban=True), Outcome("accept")}
    assert leaves(base=[rule("jump", "a", ban=True)], **drop) == {Outcome("drop")}
    ban = {"a": [rule("drop", ban=True, named=True, **MAYBE)]}
    assert leaves(base=[rule("jump", "a", **MAYBE)], **ban) == {Outcome("drop", True, True), Outcome("accept")}


def test_the_first_rule_is_the_reason():
    first, second, policy = rule("drop", **MAYBE), rule("drop", **MAYBE), Chain("base", policy="drop")
    base = Chain("base", [first, second], policy="drop")
    assert Walk({"base": base}, PACKET).base(base) == {Outcome("drop"): (base, first)}
    assert Walk({"base": policy}, PACKET).base(policy) == {Outcome("drop"): (policy, None)}
    inner = Chain("a", [first])
    outer = Chain("base", [rule("jump", "a"), second])
    assert Walk({"a": inner, "base": outer}, PACKET).base(outer)[Outcome("drop")] == (inner, first)


def test_a_mark_that_a_rule_changes_is_unknown_later():
    seen = [Fake((Way("drop"),), only=MARKED)]
    assert leaves(base=seen) == {Outcome("drop")}
    assert leaves(base=[Fake((), mark=UNMARKED), *seen]) == {Outcome("accept")}
    assert leaves(base=[rule("jump", "a"), *seen], a=[Fake((), mark=UNMARKED)]) == {Outcome("accept")}
    chains = {"base": Chain("base", [Fake((), mark=UNMARKED)])}
    walk = Walk(chains, PACKET)
    walk.base(chains["base"])
    assert walk.packet.mark == MARKED.common(UNMARKED)


def test_a_chain_is_walked_again_with_another_mark():
    chains = {"a": [Fake((Way("drop"),), only=MARKED)]}
    base = [rule("jump", "a", **MAYBE), Fake((), mark=UNMARKED), rule("jump", "a")]
    assert leaves(base=base, **chains) == {Outcome("drop"), Outcome("accept")}
    assert leaves(base=base[1:], **chains) == {Outcome("accept")}


def test_the_name_of_a_chain():
    assert Chain("input", family="inet", table="filter").place == "inet filter input"

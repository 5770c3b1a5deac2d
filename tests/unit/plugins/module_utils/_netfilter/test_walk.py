# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of chains: verdicts, jumps and possible matches."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    MARKED,
    UNMARKED,
    Packet,
    list_unicast,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import (
    Action,
    Chain,
    Evaluation,
    Outcome,
    Walk,
    find_reached_by_some,
)

PACKET = Packet("ipv4", "tcp", 8001, list_unicast("ipv4"), list_unicast("ipv4"), mark=MARKED)
MAYBE = {"certain": False}


@dataclass(frozen=True)
class Fake:
    """A rule with given actions. It can set a mark, and can match only packets with the mark `only`."""

    actions: tuple
    mark: object = None
    only: object = None
    text, target, untracks = "fake", "", False

    def evaluate(self, packet):
        actions = self.actions if self.only in (None, packet.mark) else ()
        return Evaluation(actions, self.mark or packet.mark)


def make_rule(verdict, target="", **known):
    return Fake((Action(verdict, target, **known),))


def list_outcomes(policy="accept", **chains):
    """Return the possible outcomes of the chain `base`."""
    made = {name: Chain(name, rules, policy=policy) for name, rules in chains.items()}
    return {*Walk(made, PACKET).walk_base(made["base"])}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ([], {Outcome("accept")}),
        ([make_rule("drop")], {Outcome("drop")}),
        ([make_rule("return"), make_rule("drop")], {Outcome("accept")}),
        ([Fake(()), make_rule("drop")], {Outcome("drop")}),
        ([make_rule("divert"), make_rule("drop")], {Outcome("divert")}),
        ([make_rule("drop", **MAYBE)], {Outcome("drop"), Outcome("accept")}),
        ([make_rule("return", **MAYBE), make_rule("drop")], {Outcome("drop"), Outcome("accept")}),
        ([make_rule("accept", **MAYBE), make_rule("drop")], {Outcome("drop"), Outcome("accept")}),
        ([make_rule("drop"), make_rule("accept")], {Outcome("drop")}),
        ([make_rule("drop", named=True)], {Outcome("drop", named=True)}),
        ([make_rule("drop", ban=True, **MAYBE)], {Outcome("drop", ban=True), Outcome("accept")}),
        ([make_rule("drop", ban=True)], {Outcome("drop")}),
        ([Fake((Action("accept", certain=False), Action("drop")))], {Outcome("accept"), Outcome("drop")}),
        ([Fake((Action("accept"), Action("drop")))], {Outcome("accept")}),
        ([make_rule("continue"), make_rule("drop")], {Outcome("drop")}),
        (
            [Fake((Action("continue", certain=False), Action("drop", certain=False)))],
            {Outcome("drop"), Outcome("accept")},
        ),
    ],
)
def test_a_chain(base, expected):
    assert list_outcomes(base=base) == expected


def test_the_policy():
    assert list_outcomes("drop", base=[]) == {Outcome("drop")}
    assert list_outcomes("drop", base=[make_rule("return")]) == {Outcome("drop")}
    assert list_outcomes("drop", base=[make_rule("accept")]) == {Outcome("accept")}


@pytest.mark.parametrize("leaves", [make_rule("return", ban=True, **MAYBE), make_rule("goto", "a", ban=True, **MAYBE)])
def test_banned_packets_that_reach_the_policy(leaves):
    dropped = {Outcome("drop", ban=True), Outcome("accept")}
    assert list_outcomes("drop", base=[leaves, make_rule("accept")], a=[]) == dropped
    assert list_outcomes("drop", base=[leaves], a=[]) == {Outcome("drop", ban=True), Outcome("drop")}
    assert list_outcomes("drop", base=[make_rule("return")], a=[]) == {Outcome("drop")}


@pytest.mark.parametrize(
    ("jump", "inner", "expected"),
    [
        (make_rule("jump", "a"), [], {"drop"}),
        (make_rule("jump", "a"), [make_rule("accept")], {"accept"}),
        (make_rule("jump", "a"), [make_rule("return"), make_rule("accept")], {"drop"}),
        (make_rule("jump", "a"), [make_rule("accept", **MAYBE)], {"accept", "drop"}),
        (make_rule("jump", "a", **MAYBE), [make_rule("accept")], {"accept", "drop"}),
        (make_rule("goto", "a"), [], {"accept"}),
        (make_rule("goto", "a"), [make_rule("return")], {"accept"}),
        (make_rule("goto", "a", **MAYBE), [], {"accept", "drop"}),
        (make_rule("goto", "a"), [make_rule("drop")], {"drop"}),
    ],
)
def test_a_jump(jump, inner, expected):
    assert {outcome.verdict for outcome in list_outcomes(base=[jump, make_rule("drop")], a=inner)} == expected


@pytest.mark.parametrize("how", ["jump", "goto"])
def test_a_jump_to_a_chain_that_jumps_to_another_chain(how):
    chains = {"a": [make_rule("goto", "b"), make_rule("accept")], "b": [make_rule("return")]}
    assert list_outcomes("drop", base=[make_rule(how, "a")], **chains) == {Outcome("drop")}


def test_the_properties_of_a_jump_apply_to_the_chain():
    drop = {"a": [make_rule("drop")]}
    assert list_outcomes(base=[make_rule("jump", "a", named=True)], **drop) == {Outcome("drop", named=True)}
    assert list_outcomes(base=[make_rule("jump", "a", ban=True, **MAYBE)], **drop) == {
        Outcome("drop", ban=True),
        Outcome("accept"),
    }
    assert list_outcomes(base=[make_rule("jump", "a", ban=True)], **drop) == {Outcome("drop")}
    ban = {"a": [make_rule("drop", ban=True, named=True, **MAYBE)]}
    assert list_outcomes(base=[make_rule("jump", "a", **MAYBE)], **ban) == {
        Outcome("drop", True, True),
        Outcome("accept"),
    }


def test_the_first_rule_is_the_reason():
    first, second, policy = make_rule("drop", **MAYBE), make_rule("drop", **MAYBE), Chain("base", policy="drop")
    base = Chain("base", [first, second], policy="drop")
    assert Walk({"base": base}, PACKET).walk_base(base) == {Outcome("drop"): (base, first)}
    assert Walk({"base": policy}, PACKET).walk_base(policy) == {Outcome("drop"): (policy, None)}
    inner = Chain("a", [first])
    outer = Chain("base", [make_rule("jump", "a"), second])
    assert Walk({"a": inner, "base": outer}, PACKET).walk_base(outer)[Outcome("drop")] == (inner, first)


def test_a_mark_that_a_rule_may_change_is_unknown_later():
    drops = [Fake((Action("drop"),), only=MARKED)]
    assert list_outcomes(base=drops) == {Outcome("drop")}
    assert list_outcomes(base=[Fake((), mark=UNMARKED), *drops]) == {Outcome("accept")}
    assert list_outcomes(base=[make_rule("jump", "a"), *drops], a=[Fake((), mark=UNMARKED)]) == {Outcome("accept")}
    chains = {"base": Chain("base", [Fake((), mark=UNMARKED)])}
    walk = Walk(chains, PACKET)
    walk.walk_base(chains["base"])
    assert walk.packet.mark == MARKED.intersect(UNMARKED)


def test_a_chain_is_evaluated_again_for_another_mark():
    chains = {"a": [Fake((Action("drop"),), only=MARKED)]}
    base = [make_rule("jump", "a", **MAYBE), Fake((), mark=UNMARKED), make_rule("jump", "a")]
    assert list_outcomes(base=base, **chains) == {Outcome("drop"), Outcome("accept")}
    assert list_outcomes(base=base[1:], **chains) == {Outcome("accept")}


def test_the_name_of_a_chain():
    assert Chain("input", family="inet", table="filter").place == "inet filter input"


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ({}, set()),
        ({"base": [Action("jump", "a")], "a": [Action("jump", "b")]}, set()),
        (
            {"base": [Action("jump", "a", certain=False)], "a": [Action("jump", "b")], "b": [Action("goto", "a")]},
            {"a", "b"},
        ),
        ({"base": [Action("jump", "a", certain=False), Action("jump", "b")], "b": [Action("drop")]}, {"a"}),
        ({"base": [Action("drop", certain=False)]}, set()),
    ],
)
def test_chains_that_a_rule_for_some_packets_leads_to(actions, expected):
    assert find_reached_by_some(actions) == expected

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps, executed line by line in a model of the kernel. At each moment, the old or the new ruleset is loaded."""

from __future__ import annotations

import copy
import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import CHAIN, JUMP
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.state import (
    State,
    interpret_state,
    parse_chain,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.steps import (
    SETS,
    plan_removal,
    plan_steps,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ipset import parse_sets
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live

SOURCES = {"ipv4": [f"10.0.0.{number}" for number in range(1, 5)], "ipv6": ["fd00::1", "fd00::2"]}
PORTS = (1, 2, 3)
NOTHING = State(dict.fromkeys(FAMILIES, parse_chain("")), {}, FAMILIES)


class Kernel:
    """Two tables mangle and the ipsets. A set that a rule uses can be swapped, but not destroyed."""

    def __init__(self, foreign=()):
        self.input = {family: list(foreign) for family in FAMILIES}
        self.chain = dict.fromkeys(FAMILIES)
        self.sets = {}
        self.create = {}

    def list_named_sets(self):
        return {
            name for lines in self.chain.values() for name in re.findall(r"--match-set (\S+)", " ".join(lines or ()))
        }

    def execute(self, step):
        """Execute a step, and yield after each atomic change: a line of ipset, or a load of rules."""
        if step.kind == SETS:
            for line in step.text.splitlines():
                self.run_ipset(*line.split())
                yield
        else:
            self.restore(step.kind, step.text.splitlines())
            yield

    def run_ipset(self, command, name, *words):
        if command == "create":
            assert name not in self.sets
            assert len(name) <= 31
            self.sets[name], self.create[name] = [], " ".join(words)
        elif command == "add":
            self.sets[name].append(words[0])
        elif command == "swap":
            self.sets[name], self.sets[words[0]] = self.sets[words[0]], self.sets[name]
        else:
            assert command == "destroy"
            assert name not in self.list_named_sets(), "a set that is in use"
            del self.sets[name]

    def restore(self, family, lines):
        assert (lines[0], lines[-1]) == ("*mangle", "COMMIT")
        for line in lines[1:-1]:
            if line == f":{CHAIN} - [0:0]":
                self.chain[family] = []
            elif line in (f":{CHAIN}-MARK - [0:0]", f"-X {CHAIN}-MARK"):
                continue
            elif line == f"-I INPUT 1 -j {CHAIN}":
                self.input[family].insert(0, JUMP)
            elif line.startswith("-D "):
                self.input[family].remove(f"-A{line[2:]}")
            elif line == f"-X {CHAIN}":
                assert JUMP not in self.input[family]
                self.chain[family] = None
            else:
                assert line.startswith((f"-A {CHAIN} ", f"-A {CHAIN}-MARK "))
                self.chain[family].append(line)
        assert self.list_named_sets() <= {*self.sets}

    def read_state(self):
        chains = {family: parse_chain(self.save(family)) for family in FAMILIES}
        saved = [f"create {name} {self.create[name]}\n" + "".join(f"add {name} {element}\n" for element in members)
                 for name, members in self.sets.items()]  # fmt: skip
        return State(chains, parse_sets("".join(saved)), FAMILIES)

    def save(self, family):
        chain = self.chain[family]
        lines = [
            ":INPUT ACCEPT [0:0]",
            *([f":{CHAIN} - [0:0]"] if chain is not None else []),
            *self.input[family],
            *(chain or ()),
        ]
        return "\n".join(["*mangle", *lines, "COMMIT", ""])

    def passes(self, family, source, port):
        for line in (self.chain[family] or ()) if JUMP in self.input[family] else ():
            match = re.search(rf"--dport {port}(?: -m set --match-set (\S+) src)? .* -[jg] (\S+)", line)
            if match and (match[1] is None or any(element.split("/")[0] == source for element in self.sets[match[1]])):
                return match[2] != "DROP"
        return True

    def compute_policy(self):
        return {family: {(source, port) for source, port in product(SOURCES[family], PORTS)
                         if self.passes(family, source, port)} for family in FAMILIES}  # fmt: skip


@st.composite
def draw_ruleset(draw):
    names = ("a", "b", "a-name-that-is-too-long-for-ipset")
    sets = {name: {family: draw(st.lists(st.sampled_from(SOURCES[family]), unique=True)) for family in FAMILIES}
            for name in names}  # fmt: skip
    sources = st.one_of(st.just("any"), st.lists(st.sampled_from(names), unique=True))
    ports = draw(st.lists(st.sampled_from(PORTS), unique=True))
    allow = [{"listener": f"l{port}", "protocol": "tcp", "port": port, "sources": draw(sources),
              "address": draw(st.sampled_from((None, "0.0.0.0", "::")))} for port in ports]  # fmt: skip
    return ruleset_from_data({"allow": allow, "sets": sets})


def plan(state, want):
    return plan_removal(state) if want is None else plan_steps(state, want)


def execute_steps(kernel, want, stop_at=None):
    """Execute the steps to the ruleset, up to a given moment. Return the policies after each moment."""
    steps = [kernel.compute_policy()]
    moments = (moment for step in plan(kernel.read_state(), want) for moment in kernel.execute(step))
    for number, _moment in enumerate(moments):
        steps.append(kernel.compute_policy())
        if number == stop_at:
            break
    return steps


def make_kernel(want):
    kernel = Kernel()
    execute_steps(kernel, want)
    return kernel


WANTS = st.one_of(st.none(), draw_ruleset())


@settings(max_examples=150, deadline=None)
@given(WANTS, WANTS, st.integers(0, 30), WANTS)
def test_at_each_moment_the_old_or_the_new_ruleset_is_loaded_even_after_a_crash(old, new, stop_at, third):
    kernel = make_kernel(old)
    policies = [kernel.compute_policy(), make_kernel(new).compute_policy(), make_kernel(third).compute_policy()]
    check_policies(execute_steps(kernel, new, stop_at), policies[:2])
    # The next run starts from this state and loads its own ruleset.
    for want, policy in ((new, policies[1]), (third, policies[2])):
        again = copy.deepcopy(kernel)
        check_policies(execute_steps(again, want), [kernel.compute_policy(), policy])
        assert interpret_state(again.read_state()) == Live(want)
        assert plan(again.read_state(), want) == []


def check_policies(steps, policies):
    for family in FAMILIES:
        allowed = [policy[family] for policy in policies]
        at = 0
        for policy in steps:
            # After the new policy, the old policy is never loaded again.
            at = next((number for number in range(at, 2) if policy[family] == allowed[number]), None)
            assert at is not None, (family, policy[family], allowed)


def make_ruleset(sources, ports=(1,), second=()):
    allow = [{"listener": "l", "protocol": "tcp", "port": port, "sources": ["a", "b"]} for port in ports]
    return ruleset_from_data({"allow": allow, "sets": {"a": {"ipv4": sources}, "b": {"ipv4": list(second)}}})


# The old and the new ruleset, and the kinds of the steps.
KINDS = {
    "first": (None, make_ruleset(["10.0.0.1"]), [SETS, *FAMILIES]),
    "unchanged": (make_ruleset(["10.0.0.1"]), make_ruleset(["10.0.0.1"]), []),
    "one set": (make_ruleset(["10.0.0.1"]), make_ruleset(["10.0.0.1", "10.0.0.2"]), [SETS]),
    "rules only": (make_ruleset(["10.0.0.1"]), make_ruleset(["10.0.0.1"], ports=(1, 2)), [*FAMILIES]),
    "a port that is removed with its sets": (
        make_ruleset(["10.0.0.1"]),
        make_ruleset(["10.0.0.1"], ports=()),
        [*FAMILIES, SETS],
    ),
    "two sets": (make_ruleset(["10.0.0.1"]), make_ruleset(["10.0.0.2"], second=["10.0.0.1"]), [SETS, "ipv4", SETS]),
    "set and rules": (make_ruleset(["10.0.0.1"]), make_ruleset(["10.0.0.2"], ports=(1, 2)), [SETS, *FAMILIES, SETS]),
    "removal": (make_ruleset(["10.0.0.1"]), None, [*FAMILIES, SETS]),
    "nothing to remove": (None, None, []),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_change_takes_few_steps(kind):
    old, new, expected = KINDS[kind]
    assert [step.kind for step in plan(make_kernel(old).read_state(), new)] == expected


def test_packets_of_a_source_that_moves_to_another_set_are_never_dropped():
    kernel = make_kernel(make_ruleset(["10.0.0.1"], second=["10.0.0.2"]))
    steps = execute_steps(kernel, make_ruleset(["10.0.0.2"], second=["10.0.0.1"]))
    assert len(steps) > 2
    assert all(policy == steps[0] for policy in steps)


def test_a_new_member_of_a_set_does_not_reach_ports_that_the_set_loses():
    def open_ports(sources, *numbers):
        allow = [{"listener": "l", "protocol": "tcp", "port": port, "sources": ["a"] if port in numbers else []}
                 for port in PORTS]  # fmt: skip
        return ruleset_from_data({"allow": allow, "sets": {"a": {"ipv4": sources}}})

    steps = execute_steps(make_kernel(open_ports(["10.0.0.1"], 1, 2)), open_ports(["10.0.0.1", "10.0.0.2"], 2, 3))
    assert {policy["ipv4"] >= {("10.0.0.1", 2)} for policy in steps} == {True}
    assert not any(("10.0.0.2", 1) in policy["ipv4"] for policy in steps)


def test_third_party_rules_and_their_order_are_preserved():
    foreign = ["-A INPUT -p tcp -j f2b-sshd", "-A INPUT -j OTHER"]
    kernel = Kernel(foreign)
    execute_steps(kernel, make_ruleset(["10.0.0.1"]))
    assert kernel.input["ipv4"] == [JUMP, *foreign]
    kernel.input["ipv4"] = [foreign[0], JUMP, foreign[1], JUMP]
    execute_steps(kernel, make_ruleset(["10.0.0.1"]))
    assert kernel.input["ipv4"] == [JUMP, *foreign]
    execute_steps(kernel, None)
    assert kernel.input["ipv4"] == foreign


def test_a_family_that_the_kernel_does_not_support_is_left_out():
    state = State(NOTHING.chains, {}, ("ipv4",))
    assert [step.kind for step in plan_steps(state, make_ruleset(["10.0.0.1"]))] == [SETS, "ipv4"]

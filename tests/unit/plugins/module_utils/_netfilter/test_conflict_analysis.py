# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packets of a ruleset, and the chains that are evaluated for them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict_analysis import (
    Own,
    analyse_tables,
    is_partial,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import MARKED, UNMARKED, list_unicast
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import Action, Chain, Evaluation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

OWN = Own(frozenset({("inet", "ours", "input")}), marked_after=-10)
WANT = ruleset_from_data(
    {
        "allow": [
            {"listener": "admin", "protocol": "tcp", "port": 8001, "address": "10.0.0.1", "sources": ["admins", "ci"]},
            {"listener": "cluster", "protocol": "udp", "port": 7946, "address": "::", "sources": "any"},
            {
                "listener": "web",
                "protocol": "tcp",
                "port": 80,
                "address": "0.0.0.0",
                "sources": ["ci"],
                "published": True,
            },
            {"listener": "status", "protocol": "tcp", "port": 8007, "address": "0.0.0.0", "sources": []},
        ],
        "sets": {"admins": {"ipv4": ["10.9.0.0/24"]}, "ci": {"ipv4": ["10.9.1.0/24"]}},
    }
)


@dataclass
class Recorder:
    """A rule that records the packets that reach it."""

    action: str = "continue"
    untracks: bool = False
    received: list = field(default_factory=list)
    text, target = "recorder", ""

    def __hash__(self):
        return id(self)

    def evaluate(self, packet):
        self.received.append(packet)
        return Evaluation((Action(self.action),), packet.mark)


def make_base(rule, hook="input", priority=0, family="inet", table="t", name="c"):
    return {name: Chain(name, [rule], hook, priority, "accept", family, table)}


def list_packets(hook="input", want=WANT, others=(), **place):
    rule = Recorder()
    analyse_tables([make_base(rule, hook, **place), *others], want, OWN)
    return rule.received


def test_the_packets_of_each_entry_have_its_authorised_sources():
    received = {(packet.family, packet.protocol, packet.port, packet.is_first): packet for packet in list_packets()}
    assert set(received) == {
        (family, protocol, port, is_first)
        for family, protocol, port in (("ipv4", "tcp", 8001), ("ipv6", "udp", 7946), ("ipv4", "tcp", 80))
        for is_first in (True, False)
    }
    admin = received["ipv4", "tcp", 8001, True]
    assert admin.sources == parse_networks("ipv4", ["10.9.0.0/23"])
    assert admin.addresses == parse_networks("ipv4", ["10.0.0.1"])
    assert (admin.mark, admin.state, admin.source_port) == (MARKED, "new", None)
    assert received["ipv4", "tcp", 8001, False].state == "established"
    cluster = received["ipv6", "udp", 7946, True]
    assert cluster.sources == cluster.addresses == list_unicast("ipv6")


@pytest.mark.parametrize(
    ("family", "ports"),
    [("inet", {8001, 7946, 80}), ("ip", {8001, 80}), ("ip6", {7946}), ("netdev", {8001, 7946, 80}), ("arp", set())],
)
def test_only_packets_of_its_families_reach_a_chain(family, ports):
    assert {packet.port for packet in list_packets(family=family)} == ports


@pytest.mark.parametrize(
    ("hook", "priority", "mark", "states"),
    [
        ("prerouting", -300, UNMARKED, {"invalid"}),
        ("prerouting", -150, UNMARKED, {"new", "established"}),
        ("input", -150, UNMARKED, {"new", "established"}),
        ("input", -10, UNMARKED, {"new", "established"}),
        ("input", -9, MARKED, {"new", "established"}),
        ("ingress", 0, UNMARKED, {"invalid"}),
    ],
)
def test_the_mark_and_the_state_of_packets_depend_on_the_chain(hook, priority, mark, states):
    received = list_packets(hook, priority=priority)
    assert {packet.mark for packet in received} == {mark}
    assert {packet.state for packet in received} == states


def test_before_routing_packets_of_any_source_may_be_diverted():
    sources = {
        (packet.port, packet.sources == list_unicast("ipv4"))
        for packet in list_packets("prerouting")
        if packet.family == "ipv4"
    }
    assert sources == {(8001, False), (8001, True), (80, False), (8007, True)}


def test_only_published_ports_are_forwarded():
    received = list_packets("forward")
    assert {(packet.port, packet.mark, packet.addresses == list_unicast("ipv4")) for packet in received} == {
        (None, MARKED, True)
    }
    assert {packet.sources.format()[0] for packet in received} == {"10.9.1.0/24"}


def test_replies_reach_the_chains_on_the_hook_egress():
    replies = {packet.source_port: packet for packet in list_packets("egress")}
    assert {*replies} == {8001, 7946, 80}
    reply = replies[8001]
    assert (reply.port, reply.is_first) == (None, False)
    assert (reply.sources.format(), reply.addresses.format()) == (["10.0.0.1/32"], ["10.9.0.0/23"])


def test_the_state_is_unknown_if_a_rule_excludes_packets_from_connection_tracking():
    raw = make_base(Recorder(untracks=True), "prerouting", -300, table="raw")
    assert {packet.state for packet in list_packets(others=[raw])} == {None}
    assert {packet.state for packet in list_packets("prerouting", priority=-300, others=[raw])} == {None}


def test_chains_are_evaluated_in_order():
    order = []

    class Rule(Recorder):
        def evaluate(self, packet):
            order.append(self.action)
            return Evaluation((), packet.mark)

    places = [("input", 5), ("prerouting", 0), ("ingress", 9), ("input", -5), ("egress", 0), ("forward", 0)]
    want = ruleset_from_data(
        {"allow": [{"listener": "a", "protocol": "tcp", "port": 1, "address": "0.0.0.0", "sources": "any"}]}
    )
    analyse_tables(
        [
            make_base(Rule(f"{hook} {priority}"), hook, priority, table=hook, name=str(priority))
            for hook, priority in places
        ],
        want,
        OWN,
    )
    assert [*dict.fromkeys(order)] == ["ingress 9", "prerouting 0", "input -5", "input 5", "egress 0"]


def test_each_conflict_is_found_once_with_its_rule_and_chain():
    rule = Recorder("drop")
    chains = make_base(rule)
    found = analyse_tables([chains], WANT, OWN)
    assert [(finding.certain, finding.effect, finding.rule, finding.chain, finding.base) for finding in found] == [
        (True, "drop", rule, chains["c"], chains["c"])
    ] * 3
    assert sorted(finding.service.port for finding in found) == [80, 7946, 8001]
    assert analyse_tables([make_base(rule, table="ours", name="input")], WANT, OWN) == []


def test_possible_drops_of_a_chain_with_a_certain_drop_are_left_out():
    class OnlyNew(Recorder):
        def evaluate(self, packet):
            return Evaluation((Action("drop", certain=packet.is_first),), packet.mark)

    assert {finding.certain for finding in analyse_tables([make_base(OnlyNew())], WANT, OWN)} == {True}


@pytest.mark.parametrize(
    ("family", "hook", "expected"),
    [("inet", "input", False), ("inet", "ingress", True), ("netdev", "egress", True), ("bridge", "input", True),
     ("ip", "prerouting", False)],
)  # fmt: skip
def test_a_chain_of_some_interfaces(family, hook, expected):
    assert is_partial(Chain("c", hook=hook, family=family)) is expected

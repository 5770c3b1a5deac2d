# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of rules in the form in which nft lists them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_rule import IptablesRule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import NftRule, parse_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    ANY_MARK,
    MARKED,
    Bits,
    Packet,
    list_unicast,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import Action

PACKET = Packet("ipv4", "tcp", 8001, list_unicast("ipv4"), list_unicast("ipv4"), mark=MARKED)
PORT = {"payload": {"protocol": "tcp", "field": "dport"}}
SOURCE = {"payload": {"protocol": "ip", "field": "saddr"}}
MARK = {"meta": {"key": "mark"}}


def match(left, right, operator="=="):
    return {"match": {"op": operator, "left": left, "right": right}}


HIT, MISS, UNKNOWN = match(PORT, 8001), match(PORT, 22), match({"meta": {"key": "length"}}, 60)
BAN = match(SOURCE, "@banned")
DROP, ACCEPT = {"drop": None}, {"accept": None}


def evaluate(*expressions, packet=PACKET):
    return NftRule({"expr": list(expressions)}).evaluate(packet)


def list_actions(*expressions, packet=PACKET):
    return [*evaluate(*expressions, packet=packet).actions]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (ACCEPT, [Action("accept")]),
        (DROP, [Action("drop")]),
        ({"reject": None}, [Action("drop")]),
        ({"reject": {"type": "icmpv6", "expr": "no-route"}}, []),
        ({"return": None}, [Action("return")]),
        ({"continue": None}, [Action("continue")]),
        ({"jump": {"target": "c"}}, [Action("jump", "c")]),
        ({"goto": {"target": "c"}}, [Action("goto", "c")]),
        ({"dnat": {"addr": "10.0.0.9", "port": 80}}, [Action("divert")]),
        ({"dnat": {"addr": {"map": {"key": PORT, "data": "@m"}}}}, [Action("divert", certain=False)]),
        ({"redirect": {"port": 80}}, [Action("divert")]),
        ({"redirect": None}, [Action("divert")]),
        ({"tproxy": {"addr": "127.0.0.1", "port": 80}}, [Action("divert")]),
        ({"fwd": {"dev": "eth1"}}, [Action("divert")]),
        ({"queue": {"num": 0}}, [Action("accept", certain=False), Action("drop", certain=False)]),
        ({"synproxy": {"mss": 1460}}, [Action(word, certain=False) for word in ("accept", "drop", "continue")]),
        ({"xt": {"type": "target", "name": "REJECT"}}, [Action("drop")]),
        ({"xt": {"type": "target", "name": "LOG"}}, []),
        ({"xt": {"type": "target", "name": "DNAT"}}, [Action("divert")]),
        ({"xt": {"type": "target", "name": "TARPIT"}}, [Action(word, certain=False) for word in ("accept", "drop", "continue")]),
        ({"xt": None}, [Action(word, certain=False) for word in ("accept", "drop", "continue")]),
        ({"counter": {"packets": 0, "bytes": 0}}, []),
    ],
)  # fmt: skip
def test_statements(statement, expected):
    assert list_actions(statement) == expected


NEUTRAL = [
    "notrack",
    {"notrack": None},
    {"log": None},
    {"counter": None},
    {"last": None},
    {"dup": {"addr": "10.0.0.9"}},
    {"secmark": "x"},
    {"masquerade": None},
    {"snat": {"addr": "10.0.0.9"}},
    {"ct timeout": "x"},
    {"ct expectation": "x"},
    {"ct helper": "ftp"},
    {"flow": {"op": "add", "flowtable": "@f"}},
    {"xt": {"type": "match", "name": "comment"}},
]


@pytest.mark.parametrize("statement", NEUTRAL)
def test_a_statement_that_does_not_end_the_rule(statement):
    assert list_actions(statement, DROP) == [Action("drop")]


@pytest.mark.parametrize(
    "statement",
    [
        {"limit": {"rate": 5, "per": "minute", "inv": True}},
        {"quota": {"val": 25}},
        {"ct count": {"val": 5, "inv": True}},
        {"meter": {"key": SOURCE, "stmt": {"limit": {"rate": 5}}}},
        BAN,
    ],
)
def test_a_ban(statement):
    assert list_actions(statement, DROP) == [Action("drop", certain=False, ban=True)]


@pytest.mark.parametrize("statement", [UNKNOWN, {"xt": {"type": "match", "name": "time"}}, {"of a newer nft": 1},
                                       {"set": {"op": "add", "elem": SOURCE, "set": "@s"}}])  # fmt: skip
def test_a_statement_that_can_end_the_rule(statement):
    assert list_actions(statement, DROP) == [Action("drop", certain=False)]


def test_matches():
    assert list_actions(HIT, DROP) == [Action("drop", named=True)]
    assert list_actions(MISS, DROP) == []
    assert list_actions(UNKNOWN, MISS, DROP) == []
    assert list_actions(HIT, UNKNOWN, DROP) == [Action("drop", certain=False, named=True)]
    assert list_actions(HIT, BAN, DROP) == [Action("drop", certain=False, named=True, ban=True)]
    assert list_actions(HIT) == []


def make_vmap(key, *pairs):
    return {"vmap": {"key": key, "data": {"set": [*map(list, pairs)]}}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (make_vmap(PORT, (22, DROP), (8001, ACCEPT)), [Action("accept", named=True)]),
        (make_vmap(PORT, (22, DROP)), []),
        (make_vmap(PORT, ("*", DROP), (8001, ACCEPT)), [Action("accept", named=True)]),
        (make_vmap(PORT, ("*", DROP), (22, ACCEPT)), [Action("drop", named=True)]),
        (make_vmap({"payload": {"protocol": "udp", "field": "dport"}}, ("*", DROP)), []),
        (make_vmap(PORT, (8001, {"jump": {"target": "c"}})), [Action("jump", "c", named=True)]),
        (make_vmap(SOURCE, ("10.0.0.1", DROP), ("10.0.0.2", ACCEPT)),
         [Action("drop", certain=False, ban=True), Action("accept", certain=False, ban=True)]),
        (make_vmap({"meta": {"key": "length"}}, (60, DROP), ("*", ACCEPT)), [Action("drop", certain=False), Action("accept")]),
        ({"vmap": {"key": PORT, "data": "@verdicts"}},
         [Action(word, certain=False, named=True) for word in ("accept", "drop", "continue")]),
        ({"vmap": {"key": SOURCE, "data": "@verdicts"}},
         [Action(word, certain=False, ban=True) for word in ("accept", "drop", "continue")]),
    ],
)  # fmt: skip
def test_verdict_maps(expression, expected):
    assert list_actions(expression) == expected
    assert list_actions(UNKNOWN, expression) == [action._replace(certain=False) for action in expected]


def make_mangle(value, key=None):
    return {"mangle": {"key": key or MARK, "value": value}}


def test_a_rule_that_sets_the_mark():
    assert evaluate(make_mangle(1)).mark == Bits(1)
    assert evaluate(make_mangle(1), MISS).mark == Bits(1)
    assert evaluate(MISS, make_mangle(1)).mark == MARKED
    assert list_actions(make_mangle(1), match(MARK, 1), DROP) == [Action("drop")]
    assert list_actions(make_mangle({"map": {"key": PORT, "data": {"set": [[8001, 1]]}}}), DROP) == [
        Action("drop", certain=False)
    ]
    assert (
        list_actions(make_mangle({"map": {"key": PORT, "data": "@m"}}), DROP, packet=replace(PACKET, protocol="udp"))
        == []
    )
    assert evaluate(make_mangle(1, {"ct": {"key": "mark"}})).mark == MARKED
    assert list_actions(make_mangle({"ct": {"key": "mark"}}), DROP) == [Action("drop", certain=False)]


@pytest.mark.parametrize(
    ("extension", "mark"),
    [
        ({"type": "target", "name": "MARK"}, ANY_MARK),
        ({"type": "target", "name": "CONNMARK"}, ANY_MARK),
        ({"type": "target", "name": "TARPIT"}, ANY_MARK),
        ({"type": "target", "name": "LOG"}, MARKED),
        ({"type": "match", "name": "time"}, MARKED),
        (None, ANY_MARK),
    ],
)
def test_an_extension_of_iptables_can_set_the_mark(extension, mark):
    assert evaluate({"xt": extension}).mark == mark


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        (["notrack"], True),
        ([{"notrack": None}], True),
        ([{"xt": {"type": "target", "name": "CT"}}], True),
        ([{"xt": {"type": "target", "name": "NOTRACK"}}], True),
        ([{"xt": {"type": "target", "name": "LOG"}}], False),
        ([{"xt": None}, HIT, DROP], False),
    ],
)
def test_a_rule_that_excludes_packets_from_connection_tracking(expressions, expected):
    assert NftRule({"expr": expressions}).untracks is expected


def test_the_text_and_the_target_of_a_rule():
    rule = NftRule({"expr": [HIT, {"jump": {"target": "c"}}], "handle": 7})
    assert (rule.text, rule.target) == ("tcp dport 8001 jump c # handle 7", "c")
    assert NftRule({"expr": [{"goto": {"target": "d"}}]}).target == "d"
    assert NftRule({"expr": [HIT, DROP]}).target == ""


def test_tables_and_their_chains():
    base = {"family": "inet", "table": "t", "name": "input", "hook": "input", "prio": -5, "policy": "drop"}
    plain = {"family": "inet", "table": "t", "name": "c"}
    link = {"family": "netdev", "table": "n", "name": "i", "hook": "ingress", "prio": 0, "dev": "eth0"}
    links = {**link, "name": "j", "dev": ["eth0", "eth1"]}
    of = {"family": "inet", "table": "t", "chain": "input"}
    jump = {**of, "expr": [{"xt": None}], "iptables": "-A input -p tcp -j c"}
    rules = [{**of, "expr": [HIT, DROP]}, jump, {**of, "chain": "c", "expr": ["accept"]}]
    listed = [
        {"metainfo": {}},
        *({"chain": chain} for chain in (base, plain, link, links)),
        *({"rule": rule} for rule in rules),
    ]
    tables = parse_tables(listed)
    assert {key: [*chains] for key, chains in tables.items()} == {
        ("inet", "t"): ["input", "c"],
        ("netdev", "n"): ["i", "j"],
    }
    chain = tables["inet", "t"]["input"]
    assert (chain.hook, chain.priority, chain.policy, chain.place) == ("input", -5, "drop", "inet t input")
    assert [type(rule) for rule in chain.rules] == [NftRule, IptablesRule]
    assert [*chain.rules[1].evaluate(PACKET).actions] == [Action("jump", "c")]
    other = tables["inet", "t"]["c"]
    assert (other.hook, other.priority, other.policy, other.device) == ("", 0, "accept", "")
    assert [*other.rules[0].evaluate(PACKET).actions] == [Action("accept")]
    assert [chain.device for chain in tables["netdev", "n"].values()] == ["eth0", "eth0, eth1"]

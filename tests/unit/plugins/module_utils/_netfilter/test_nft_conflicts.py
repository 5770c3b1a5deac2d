# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chains of nftables that conflict with a ruleset, and the messages about them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_conflicts import Own, find_conflicts
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

WANT = ruleset_from_data(
    {
        "allow": [
            {"listener": "proxy", "protocol": "tcp", "port": 8000, "address": None, "sources": "any"},
            {"listener": "admin", "protocol": "tcp", "port": 8001, "address": "10.0.0.1", "sources": ["admins", "ci"]},
            {"listener": "status", "protocol": "tcp", "port": 8007, "address": None, "sources": []},
            {
                "listener": "manager",
                "protocol": "tcp",
                "port": 8002,
                "address": "0.0.0.0",
                "sources": ["ci"],
                "published": True,
            },
        ],
        "sets": {"admins": {"ipv4": ["10.9.0.0/24"], "ipv6": ["fd09::/64"]}, "ci": {"ipv4": ["192.0.2.5"]}},
    }
)
OWN = Own(frozenset({("inet", "gatehouse_kong", "input")}), marked_after=-10)
ALL = {"8000", "8001", "8002"}


def match_port(number, protocol="tcp"):
    return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": "dport"}}, "right": number}}


def match_source(network, protocol="ip"):
    address, _slash, length = network.partition("/")
    value = {"prefix": {"addr": address, "len": int(length)}} if length else address
    return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": "saddr"}}, "right": value}}


def mark(operator="=="):
    bit = 0x10000000
    return {"match": {"op": operator, "left": {"&": [{"meta": {"key": "mark"}}, bit]}, "right": bit}}


DROP, ACCEPT = {"drop": None}, {"accept": None}
UNKNOWN = {"match": {"op": "==", "left": {"meta": {"key": "length"}}, "right": 60}}
NEW, INVALID = (
    {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": state}} for state in ("new", "invalid")
)


def make_listing(*rules, family="inet", table="t", name="c", hook="input", priority=0, policy="accept", **more):
    of = {"family": family, "table": table}
    chain = {**of, "name": name, "hook": hook, "prio": priority, "policy": policy, **more}
    made = ({"rule": {**of, "chain": name, "expr": rule, "handle": at}} for at, rule in enumerate(rules, 1))
    return [{"table": {**of, "name": table}}, {"chain": chain}, *made]


def find_effects(*objects, own=OWN):
    return {
        (conflict.effect, conflict.certain, port.split()[1])
        for conflict in find_conflicts([*objects], WANT, own)
        for port in conflict.ports
    }


def drops(ports, certain=True):
    return {("drop", certain, port) for port in ports}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([[DROP]], drops(ALL)),
        ([[match_port(8001), DROP]], drops({"8001"})),
        ([[match_port(8001, "udp"), DROP]], set()),
        ([[match_port(8007), DROP]], set()),  # no source may connect
        (
            [[match_source("10.9.0.0/16"), DROP], [match_source("fd00::/8", "ip6"), DROP]],
            set(),
        ),  # other sources may connect
        ([[match_source("192.0.2.0/24"), DROP]], drops({"8002"})),
        ([[match_source("10.9.0.7"), DROP]], set()),
        ([[match_source("10.9.0.0/24"), match_port(8000), DROP]], set()),
        ([[match_port(8000), UNKNOWN, DROP]], drops({"8000"}, certain=False)),
        ([[UNKNOWN, DROP]], drops(ALL, certain=False)),
        ([[UNKNOWN, ACCEPT], [match_port(8001), DROP]], drops({"8001"}, certain=False)),
        ([[{"limit": {"rate": 5, "inv": True}}, DROP]], set()),
        ([[{"limit": {"rate": 5}}, ACCEPT], [DROP]], drops(ALL, certain=False)),
        ([[{"limit": {"rate": 5, "inv": True}}, DROP], [DROP]], drops(ALL)),
        ([[mark(), ACCEPT], [DROP]], set()),
        ([[mark("!="), DROP]], set()),
        (
            [[{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 0}}], [mark(), ACCEPT], [DROP]],
            drops(ALL, certain=False),
        ),
        ([[NEW, DROP]], drops(ALL)),
        ([[INVALID, DROP]], set()),
    ],
)
def test_rules_of_an_input_chain(rules, expected):
    assert find_effects(*make_listing(*rules)) == expected


def test_an_entry_with_an_address_has_packets_of_its_family():
    assert find_effects(*make_listing([DROP], family="ip6")) == drops({"8000"})
    assert find_effects(*make_listing([DROP], family="ip")) == drops(ALL)
    assert find_effects(*make_listing([DROP], family="arp")) == set()


@pytest.mark.parametrize("family", ["inet", "netdev", "bridge"])
def test_a_chain_for_both_families(family):
    ipv6 = {"match": {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv6"}}
    hook = "ingress" if family == "netdev" else "input"
    assert find_effects(*make_listing([ipv6, DROP], family=family, hook=hook)) == drops(
        {"8000"}, certain=family == "inet"
    )


@pytest.mark.parametrize(
    ("hook", "priority", "expected"),
    [
        ("input", -9, set()),
        ("input", -10, drops(ALL)),
        ("input", -150, drops(ALL)),
        ("prerouting", 0, drops(ALL)),
        ("output", 0, set()),
        ("postrouting", 0, set()),
    ],
)
def test_chains_that_see_our_mark(hook, priority, expected):
    chain = make_listing([mark(), ACCEPT], [DROP], hook=hook, priority=priority)
    assert find_effects(*chain) == expected
    assert find_effects(*chain, own=Own(frozenset(), None)) == (
        drops(ALL) if hook in ("input", "prerouting") else set()
    )


def test_a_chain_can_change_the_mark_for_the_next_chain():
    clears = [{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 0}}]
    judges = make_listing([mark(), ACCEPT], [DROP], table="later", priority=5)
    assert find_effects(*make_listing(clears), *judges) == drops(ALL, certain=False)
    assert find_effects(*make_listing(clears, priority=-50), *judges) == set()
    assert find_effects(*judges, *make_listing(clears, priority=9)) == set()


def test_our_chains_are_left_out():
    assert find_effects(*make_listing([DROP], table="gatehouse_kong", name="input")) == set()
    assert find_effects(*make_listing([DROP], table="gatehouse_kong", name="other")) == drops(ALL)
    assert find_effects(*make_listing([DROP], table="gatehouse_kong_intercept", hook="prerouting")) == set()
    assert find_effects(*make_listing([DROP], table="gatehouse_kong_intercept")) == drops(ALL)


@pytest.mark.parametrize(
    ("rules", "hook", "expected"),
    [
        ([[match_port(8001), UNKNOWN, DROP]], "prerouting", drops({"8001"}, certain=False)),
        ([[UNKNOWN, DROP]], "prerouting", set()),
        ([[DROP]], "forward", drops({"8002"})),
        ([[match_port(8002), DROP]], "forward", set()),  # the container has another port
        ([[mark(), ACCEPT], [DROP]], "forward", set()),
        ([[UNKNOWN, ACCEPT], [DROP]], "forward", set()),
        ([[match_port(8007), {"redirect": {"port": 80}}]], "prerouting", {("divert", True, "8007")}),
        ([[match_port(8007), match_source("10.0.0.0/8"), {"redirect": {"port": 80}}]], "prerouting", {("divert", False, "8007")}),
        ([[match_port(8002), {"dnat": {"addr": "172.17.0.2"}}]], "prerouting", set()),  # it is published
        ([[match_port(8007), {"redirect": {"port": 80}}]], "input", set()),
        ([[UNKNOWN, {"redirect": {"port": 80}}]], "prerouting", set()),
    ],
)  # fmt: skip
def test_other_hooks(rules, hook, expected):
    assert find_effects(*make_listing(*rules, hook=hook)) == expected


@pytest.mark.parametrize(
    ("priority", "rule", "expected"),
    [
        (-300, INVALID, drops(ALL)), (-200, INVALID, drops(ALL)), (-199, INVALID, set()),
        (-300, NEW, set()), (-199, NEW, drops(ALL)),
    ],
)  # fmt: skip
def test_the_state_before_connection_tracking_is_invalid(priority, rule, expected):
    assert find_effects(*make_listing([rule, DROP], hook="prerouting", priority=priority)) == expected


def test_a_rule_can_exclude_packets_from_connection_tracking():
    raw = make_listing([{"notrack": None}], table="raw", hook="prerouting", priority=-300)
    assert find_effects(*raw, *make_listing([match_port(8001), NEW, DROP])) == drops({"8001"}, certain=False)


@pytest.mark.parametrize(
    ("family", "hook", "rule", "expected"),
    [
        ("netdev", "ingress", [match_port(8001), DROP], drops({"8001"}, certain=False)),
        ("netdev", "ingress", [DROP], drops(ALL, certain=False)),
        ("netdev", "ingress", [UNKNOWN, DROP], set()),
        ("netdev", "ingress", [mark("!="), match_port(8001), DROP], drops({"8001"}, certain=False)),
        ("netdev", "ingress", [match_port(8007), {"fwd": {"dev": "eth1"}}], {("divert", False, "8007")}),
        ("netdev", "egress", [{"match": {**match_port(8001)["match"], "left": {"payload": {"protocol": "tcp", "field": "sport"}}}}, DROP],
         drops({"8001"}, certain=False)),
        ("netdev", "egress", [match_port(8001), DROP], set()),
        ("netdev", "egress", [match_source("10.0.0.1"), DROP], drops({"8001"}, certain=False)),
        ("inet", "ingress", [match_port(8001), DROP], drops({"8001"}, certain=False)),
        ("bridge", "input", [match_port(8001), DROP], drops({"8001"}, certain=False)),
        ("bridge", "input", [UNKNOWN, DROP], set()),
        ("bridge", "prerouting", [match_port(8001), DROP], drops({"8001"}, certain=False)),
    ],
)  # fmt: skip
def test_chains_of_network_interfaces_and_bridges(family, hook, rule, expected):
    assert find_effects(*make_listing(rule, family=family, hook=hook, priority=5)) == expected


def find_conflict(*objects, own=OWN):
    (conflict,) = find_conflicts([*objects], WANT, own)
    return conflict


LOG = [{"xt": {"type": "target", "name": "LOG"}}]


def test_the_rule_or_the_policy_is_the_reason():
    conflict = find_conflict(*make_listing([match_port(8001), {"counter": {}}, DROP], name="input"))
    assert (conflict.where, conflict.reason) == (
        "nftables chain inet t input",
        "its rule `tcp dport 8001 counter drop # handle 1` in chain input",
    )
    assert conflict.ports == ("tcp 8001 at 10.0.0.1",)
    assert find_conflict(*make_listing(policy="drop")).reason == "its policy is drop"
    assert [port.split()[1] for port in find_conflict(*make_listing(policy="drop")).ports] == ["8000", "8001", "8002"]
    inner = [{"chain": {"family": "inet", "table": "t", "name": "in"}},
             {"rule": {"family": "inet", "table": "t", "chain": "in", "expr": [DROP], "handle": 9}}]  # fmt: skip
    assert find_conflict(
        *make_listing([{"jump": {"target": "in"}}])[:2], *inner, *make_listing([{"jump": {"target": "in"}}])[2:]
    ).reason == ("its rule `drop # handle 9` in chain in")
    link = {"family": "netdev", "hook": "ingress"}
    assert find_conflict(*make_listing([match_port(8001), DROP], **link, dev="eth0")).reason.endswith(
        " in chain c (network interface eth0)"
    )
    assert (
        find_conflict(*make_listing(policy="drop", **link)).reason
        == "its policy is drop (network interface of the chain)"
    )


@pytest.mark.parametrize(
    ("objects", "advice"),
    [
        (make_listing(policy="drop", table="firewalld", priority=10),
         "run `firewall-cmd --permanent --add-port=8000/tcp --add-port=8001/tcp --add-port=8002/tcp`"),
        ([*make_listing(policy="drop", family="ip", table="filter", name="INPUT"),
          {"chain": {"family": "ip", "table": "filter", "name": "ufw-user-input"}}],
         "run `ufw allow 8000/tcp`, `ufw allow 8001/tcp`, `ufw allow 8002/tcp`"),
        (make_listing(LOG, policy="drop", family="ip", table="filter", name="INPUT"),
         "It belongs to iptables: run `iptables -A INPUT -m mark --mark 0x10000000/0x10000000 -j ACCEPT`"),
        (make_listing(LOG, policy="drop", family="ip6", table="filter", name="INPUT"),
         "It belongs to iptables: run `ip6tables -A INPUT -m mark --mark 0x10000000/0x10000000 -j ACCEPT`"),
        (make_listing(LOG, [DROP], family="ip", table="filter", name="INPUT"),
         "Remove it, or add `-m mark ! --mark 0x10000000/0x10000000` to it"),
        (make_listing(policy="drop", family="ip", table="filter", name="INPUT"),
         "Run `nft 'add rule ip filter INPUT meta mark & 0x10000000 == 0x10000000 accept'`"),
        (make_listing(policy="drop"), "Run `nft 'add rule inet t c meta mark & 0x10000000 == 0x10000000 accept'`"),
        (make_listing([DROP]), "Remove it, or add `meta mark & 0x10000000 != 0x10000000` to it"),
        (make_listing(policy="drop", priority=-20), "It precedes our chain (priority -20 before -10)"),
        (make_listing(policy="drop", hook="prerouting"), "It precedes our rules and never sees our mark: accept 8000/tcp, 8001/tcp"),
        (make_listing(policy="drop", family="bridge"), "It precedes our rules and never sees our mark: accept 8000/tcp"),
        (make_listing(policy="drop", family="netdev", hook="egress"), "It may drop replies: accept packets from 8000/tcp, 8001/tcp"),
        (make_listing([match_port(8007), {"redirect": {"port": 80}}], hook="prerouting"), "If Docker publishes the port"),
    ],
)  # fmt: skip
def test_the_fix(objects, advice):
    assert advice in find_conflict(*objects).advice


def test_a_table_in_the_hosts_files_is_not_a_table_of_iptables():
    objects = make_listing(LOG, policy="drop", family="ip", table="filter", name="INPUT")
    assert find_conflict(*objects, own=replace(OWN, of_files=frozenset({("ip6", "filter")}))).advice.startswith(
        "It belongs to iptables"
    )
    assert find_conflict(*objects, own=replace(OWN, of_files=frozenset({("ip", "filter")}))).advice.startswith(
        "Run `nft 'add rule"
    )


def test_the_whole_text_of_the_fix():
    assert find_conflict(*make_listing([match_port(8001), DROP], hook="prerouting")).advice == (
        "It precedes our rules and never sees our mark: accept 8001/tcp there"
    )
    assert find_conflict(*make_listing([match_port(8001), DROP], priority=-20)).advice == (
        "It precedes our chain (priority -20 before -10) and never sees our mark: accept 8001/tcp there; "
        "our own chain still drops unauthorised sources"
    )


def test_the_fix_without_a_mark():
    assert find_conflict(*make_listing(policy="drop"), own=Own(frozenset(), None)).advice.startswith(
        "Accept 8000/tcp, 8001/tcp, 8002/tcp there"
    )

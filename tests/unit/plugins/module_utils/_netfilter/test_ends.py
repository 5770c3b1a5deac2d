# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of iptables and nftables that drop every new packet."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.ends import (
    END,
    PASSED,
    POLICY,
    SOME_ACCEPT,
    SOME_DROP,
    find_shared_chains,
    make_first_packet,
    walk_steps,
    without_effect,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import parse_chains
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import NftRule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import UNMARKED, list_unicast
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import DROP, Chain
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service

ADMIN = Service("tcp", 8001, None)
GOSSIP = Service("udp", 7946, None)


def read_chains(*lines):
    table = {"INPUT": [], **{line.split()[1]: [] for line in lines}}
    for line in lines:
        table[line.split()[1]].append(line)
    return parse_chains(table)


def list_steps(service, *lines, family="ipv4", closed=False, policy="accept"):
    """Return the steps. With `closed`, only INPUT can have our rule."""
    chains = read_chains(*lines)
    chains["INPUT"].policy = policy
    packet = make_first_packet(service, family)
    return walk_steps(chains, chains["INPUT"], packet, chains if closed else find_shared_chains(chains, [packet]))


def show_steps(found):
    return [(step.chain, step.position, step.kind) for step in found]


def test_the_first_packet():
    packet = make_first_packet(ADMIN, "ipv6")
    assert (packet.family, packet.protocol, packet.port, packet.mark) == ("ipv6", "tcp", 8001, UNMARKED)
    assert (packet.sources, packet.addresses, packet.is_first) == (list_unicast("ipv6"), list_unicast("ipv6"), True)


def drops_all(service, *lines, family="ipv4"):
    """Tell whether the first rule of INPUT drops every new packet."""
    return any(
        (step.chain, step.position, step.kind) == ("INPUT", 0, END)
        for step in list_steps(service, *lines, family=family, closed=True)
    )


@pytest.mark.parametrize(
    "rule",
    [
        "-j DROP",
        "-j REJECT --reject-with icmp-host-prohibited",
        "-p tcp -j REJECT --reject-with tcp-reset",
        "-p tcp -m tcp --dport 8001 -j DROP",
        "-p tcp -m tcp --dport 8000:8010 -j DROP",
        "-p tcp -m multiport --dports 22,8001 -j DROP",
        "-p tcp -m multiport ! --dports 22,443 -j DROP",
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP",
        "-m conntrack --ctstate NEW -j DROP",
        "-m state --state NEW,UNTRACKED -j DROP",
        "-m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP",
        "! -i lo -j DROP",
        '-m comment --comment "-s 10.0.0.1 is not here" -j DROP',
        "-m mark ! --mark 0x10000000/0x10000000 -j DROP",
        "! -p udp -j DROP",
        "! -d 224.0.0.0/4 -j DROP",
        "! -s 127.0.0.0/8 -j DROP",
        "! -f -j DROP",
    ],
)
def test_a_rule_that_drops_every_new_packet(rule):
    assert drops_all(ADMIN, f"-A INPUT {rule}")


@pytest.mark.parametrize(
    "rule",
    [
        "-j ACCEPT",
        "-j LOG --log-prefix DROP",
        "-p udp -j DROP",
        "-p tcp -m tcp --dport 22 -j DROP",
        "-p tcp -m tcp ! --dport 8001 -j DROP",
        "-p tcp -m multiport --dports 22,8002:8010 -j DROP",
        "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP",
        "-p udp -m udp ! --dport 53 -j DROP",
        "-m conntrack --ctstate RELATED,ESTABLISHED -j DROP",
        "-m conntrack --ctstate INVALID -j DROP",
        "-i lo -j DROP",
        "-i eth0 -j DROP",
        "-i eth+ -j DROP",
        "! -i docker0 -j DROP",
        "-s 192.0.2.7/32 -j DROP",
        "! -s 10.0.0.0/8 -j DROP",
        "-m set --match-set banned src -j DROP",
        "-m limit --limit 5/min -j DROP",
        "-m hashlimit --hashlimit-above 5/min --hashlimit-name x -j DROP",
        "-m mark --mark 0x10000000/0x10000000 -j DROP",
        "-m addrtype --dst-type BROADCAST -j DROP",
        "-m addrtype ! --dst-type LOCAL --limit-iface-in -j DROP",
        "-d 10.0.0.1/32 -j DROP",
        "-f -j DROP",
        "-j RETURN",
        "-j NFQUEUE --queue-num 0",
        "-j SYNPROXY --sack-perm",
    ],
)
def test_a_rule_that_drops_only_some_packets_or_no_packet(rule):
    assert not drops_all(ADMIN, f"-A INPUT {rule}")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["-A INPUT -j A", "-A A -s 192.0.2.7/32 -j DROP", "-A A -j DROP"], True),
        (["-A INPUT -g A", "-A A -p tcp -j B", "-A A -j ACCEPT", "-A B -j REJECT"], True),
        (["-A INPUT -j A", "-A A -p udp -j DROP"], False),
        (["-A INPUT -j A", "-A A -s 10.0.0.0/8 -j RETURN", "-A A -j DROP"], False),
        (["-A INPUT -j A", "-A A -g B", "-A A -j DROP", "-A B -p udp -j DROP"], False),
        (["-A INPUT -s 10.0.0.0/8 -j A", "-A A -j DROP"], False),
        (["-A INPUT -i eth0 -j A", "-A A -j DROP"], False),
        (["-A INPUT -j A", "-A A -i eth1 -j RETURN", "-A A -j DROP"], False),
        (["-A INPUT -j A", "-A A -m mark --mark 0x10000000/0x10000000 -j ACCEPT", "-A A -j DROP"], True),
    ],
)
def test_a_chain_that_drops_every_new_packet(lines, expected):
    assert drops_all(ADMIN, *lines) is expected


def test_a_rule_for_one_protocol_or_family_does_not_drop_other_packets():
    assert drops_all(ADMIN, "-A INPUT -p tcp -j DROP")
    assert not drops_all(GOSSIP, "-A INPUT -p tcp -j DROP")
    assert drops_all(ADMIN, "-A INPUT ! -d ff00::/8 -j DROP", family="ipv6")
    assert drops_all(Service("tcp", 8001, "10.0.0.1"), "-A INPUT -d 10.0.0.1/32 -j DROP")


BAN = "-A INPUT -s 192.0.2.7/32 -j DROP"
LIMIT = "-A INPUT -m limit --limit 5/min -j ACCEPT"
WALKS = {
    "no rule": ((), [("INPUT", 0, POLICY)]),
    "a ban": ((BAN,), [("INPUT", 0, SOME_DROP), ("INPUT", 1, POLICY)]),
    "a return to the policy": (("-A INPUT -j RETURN", BAN), [("INPUT", 0, POLICY)]),
    "all packets are accepted": (("-A INPUT -j ACCEPT", "-A INPUT -j DROP"), []),
    "a ban of an interface": (
        ("-A INPUT -i wan -j DROP", "-A INPUT -j DROP"), [("INPUT", 0, SOME_DROP), ("INPUT", 1, END)]
    ),
    "a chain of bans": (
        ("-A INPUT -p tcp -j B", "-A INPUT -j DROP", "-A B -s 192.0.2.7/32 -j DROP"),
        [("INPUT", 0, PASSED), ("B", 0, SOME_DROP), ("INPUT", 1, END)],
    ),
    "a chain that only accepts some packets": (
        ("-A INPUT -i lan -j B", "-A INPUT -j DROP", "-A B -p tcp -j ACCEPT"),
        [("INPUT", 0, SOME_ACCEPT), ("INPUT", 1, END)],
    ),
    "a chain from which some packets return bans the rest": (
        ("-A INPUT -j B", "-A INPUT -j DROP", "-A B -s 10.0.0.0/8 -j RETURN", "-A B -j DROP"),
        [("INPUT", 0, PASSED), ("B", 1, SOME_DROP), ("INPUT", 1, END)],
    ),
    "a chain from which packets of an interface return bans the rest": (
        ("-A INPUT -j B", "-A INPUT -j DROP", "-A B -i lan -j RETURN", "-A B -j C", "-A C -j DROP"),
        [("INPUT", 0, PASSED), ("B", 1, SOME_DROP), ("INPUT", 1, END)],
    ),
    "a chain for several bans": (
        ("-A INPUT -i wan -j B", "-A INPUT -j B", "-A B -s 192.0.2.7/32 -j DROP", "-A B -j DROP"),
        [("INPUT", 0, SOME_DROP), ("INPUT", 1, PASSED), ("B", 0, SOME_DROP), ("INPUT", 1, END)],
    ),
    "a goto that ends with the policy": (
        ("-A INPUT -g B", "-A INPUT -j DROP", "-A B -s 192.0.2.7/32 -j DROP"),
        [("INPUT", 0, PASSED), ("B", 0, SOME_DROP), ("B", 1, POLICY)],
    ),
    "a goto in a chain returns to its caller": (
        ("-A INPUT -j B", "-A INPUT -j DROP", "-A B -g C", "-A B -j DROP", "-A C -p udp -j DROP"),
        [("INPUT", 0, PASSED), ("B", 0, PASSED), ("INPUT", 1, END)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WALKS)
def test_steps(name):
    lines, expected = WALKS[name]
    assert show_steps(list_steps(ADMIN, *lines)) == expected


def test_a_policy_that_drops_is_an_end():
    assert show_steps(list_steps(ADMIN, BAN, policy=DROP)) == [("INPUT", 0, SOME_DROP), ("INPUT", 1, END)]
    assert show_steps(list_steps(ADMIN, "-A INPUT -j RETURN", policy=DROP)) == [("INPUT", 0, END)]
    some = list_steps(ADMIN, "-A INPUT -i wan -j RETURN", policy=DROP)
    assert show_steps(some) == [("INPUT", 0, SOME_DROP), ("INPUT", 1, END)]


def test_ineffective_rules():
    lines = (LIMIT, BAN, "-A INPUT -j B", "-A B -i wan -j DROP", "-A B -j DROP")
    found = list_steps(ADMIN, *lines, closed=True)
    assert show_steps(without_effect(found, {"INPUT": 2})) == [("INPUT", 0, SOME_ACCEPT), ("B", 0, SOME_DROP)]
    assert show_steps(without_effect(found, {"B": 1})) == [("INPUT", 0, SOME_ACCEPT)]
    assert show_steps(without_effect(list_steps(ADMIN, LIMIT, BAN), {"INPUT": 2})) == []


def make_chain(name, *rules, policy="accept"):
    return Chain(name, [NftRule({"expr": [*rule]}) for rule in rules], policy=policy)


def match(left, right):
    return {"match": {"op": "==", "left": left, "right": right}}


SOURCE = {"payload": {"protocol": "ip", "field": "saddr"}}
INTERFACE = {"meta": {"key": "iifname"}}
TCP = match({"meta": {"key": "l4proto"}}, "tcp")
JUMP, TO_DROP, TO_ACCEPT = {"jump": {"target": "b"}}, {"drop": None}, {"accept": None}
MAP = {"vmap": {"key": INTERFACE, "data": {"set": [["lo", TO_ACCEPT], ["wan", JUMP], ["*", TO_DROP]]}}}
NFT = {
    "an interface": ([[match(INTERFACE, "wan"), TO_DROP], [TO_DROP]], [SOME_DROP, END]),
    "interfaces": ([[match(INTERFACE, {"set": ["wan", "dmz"]}), TO_DROP], [TO_DROP]], [SOME_DROP, END]),
    "a source": ([[match(SOURCE, "192.0.2.7"), TO_DROP], [TO_DROP]], [SOME_DROP, END]),
    "a source with a counter": (
        [[match(SOURCE, "192.0.2.7"), {"counter": {"packets": 1, "bytes": 9}}, TO_DROP], [TO_DROP]],
        [SOME_DROP, END],
    ),
    "every source": ([[match(SOURCE, {"prefix": {"addr": "0.0.0.0", "len": 0}}), TO_DROP]], [END]),
    "a protocol": ([[TCP, TO_DROP]], [END]),
    "a map of interfaces": ([[MAP]], [SOME_DROP, END]),
    "a rule without expressions": ([[], [TO_DROP]], [END]),
    "a word": ([["continue"], [{"continue": None}], [TO_DROP]], [END]),
    "a limit": ([[{"limit": {"rate": 1, "per": "second"}}, TO_ACCEPT], [TO_DROP]], [SOME_ACCEPT, END]),
}


@pytest.mark.parametrize("name", NFT)
def test_steps_of_nftables(name):
    rules, expected = NFT[name]
    chains = {"input": make_chain("input", *rules), "b": make_chain("b", [TO_DROP])}
    packet = make_first_packet(ADMIN, "ipv4")
    found = walk_steps(chains, chains["input"], packet, find_shared_chains(chains, [packet]))
    assert [step.kind for step in found if step.kind != POLICY] == expected


def test_shared_chains_of_nftables():
    chains = {
        "input": make_chain("input", [MAP], [JUMP]),
        "b": make_chain("b", [{"goto": {"target": "c"}}]),
        "c": make_chain("c"),
        "d": make_chain("d"),
    }
    assert find_shared_chains(chains, [make_first_packet(ADMIN, "ipv4")]) == {"b", "c"}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iptables rules that drop every new packet, and rules that conflict with our late rule."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import (
    find_conflicts,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service

ADMIN = Service("tcp", 8001, None)
GOSSIP = Service("udp", 7946, None)
LATE = "-A INPUT -m mark --mark 0x10000000/0x10000000 -m comment --comment gatehouse.kong -j ACCEPT"
WANT = ruleset_from_data(
    {
        "allow": [
            {"listener": "proxy", "protocol": "tcp", "port": 8000, "address": "0.0.0.0", "sources": "any"},
            {"listener": "admin", "protocol": "tcp", "port": 8001, "address": "10.0.0.1", "sources": ["admins", "ci"]},
            {"listener": "status", "protocol": "tcp", "port": 8007, "address": "0.0.0.0", "sources": []},
            {"listener": "cluster", "protocol": "udp", "port": 7946, "address": "10.0.0.1", "sources": ["admins"]},
        ],
        "sets": {"admins": {"ipv4": ["10.9.0.0/24", "10.9.4.1/32"]}, "ci": {"ipv4": ["192.0.2.5/32"]}},
    }
)


def format_saved(table, *lines):
    chains = dict.fromkeys(line.split()[1] for line in lines)
    return "\n".join([f"*{table}", *(f":{chain} ACCEPT [0:0]" for chain in chains), *lines, "COMMIT", ""])


def find_effects(table, *lines, late=(("INPUT", 1),)):
    return {
        (conflict.effect, conflict.certain, port.split()[1])
        for conflict in find_conflicts(format_saved(table, *lines), WANT, "ipv4", late)
        for port in conflict.ports
    }


ALL = {("drop", True, "8000"), ("drop", True, "8001"), ("drop", True, "7946")}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("-s 0.0.0.0/0 -m addrtype --src-type UNICAST -p tcp -m tcp --dport 8001 -j DROP", {("drop", False, "8001")}),
        ("-s 10.9.0.0/16 -j DROP", {("drop", True, "7946")}),
        ("! -s 10.8.0.0/16 -p udp -j DROP", {("drop", True, "7946")}),
        ("-m mark --mark 0x10000000/0x10000000 -j DROP", ALL),
        (
            "-m time --timestart 10:00 -j DROP",
            {("drop", False, "8000"), ("drop", False, "8001"), ("drop", False, "7946")},
        ),
        ("-m conntrack --ctstate ESTABLISHED -j DROP", ALL),
        ("-p tcp -m tcp --dport 8000 -m time --timestart 10:00 -j DROP", {("drop", False, "8000")}),
        ("-p tcp -m multiport --dports 1,8001 -m set ! --match-set lan src -j DROP", {("drop", False, "8001")}),
    ],
)
def test_a_rule_before_the_late_rule_that_drops_authorised_sources(rule, expected):
    assert find_effects("filter", f"-A INPUT {rule}") == expected


@pytest.mark.parametrize(
    "rule",
    [
        "-s 10.9.0.7/32 -j DROP",
        "-s 10.9.0.0/24 -p udp -m udp --dport 7946 -j REJECT",
        "-s 10.0.0.0/8 -p tcp -m tcp --dport 8001 -j DROP",
        "-s 203.0.113.0/24 -p tcp -m tcp --dport 8000 -j DROP",
        "-p tcp -m multiport --dports 8000,8001 -m set --match-set f2b-kong src -j REJECT",
        "-p tcp -m tcp --dport 8001 -m hashlimit --hashlimit-above 5/min --hashlimit-name x -j DROP",
        "-p tcp -m tcp --dport 8001 -m recent --update --seconds 30 --hitcount 6 --name x --rsource -j DROP",
        "-p tcp -m tcp --dport 8001 -m connlimit --connlimit-above 9 -j REJECT",
        "-p tcp -m tcp --dport 8000 -m mac --mac-source 02:00:00:00:00:01 -j DROP",
        "-p tcp -m tcp --dport 8000 -m iprange --src-range 192.0.2.1-192.0.2.9 -j DROP",
        "-p tcp -m tcp --dport 8007 -j DROP",
        "-p tcp -m tcp --dport 8001 -j ACCEPT",
        "-m addrtype --src-type BROADCAST,MULTICAST -j DROP",
        "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP",
    ],
)
def test_a_ban_or_a_rule_for_other_packets_is_not_a_conflict(rule):
    assert find_effects("filter", f"-A INPUT {rule}") == set()


def test_a_rule_after_our_late_rule_is_not_a_conflict():
    bans = ["-A INPUT -s 10.9.0.7/32 -j DROP", "-A INPUT -p udp -m udp --dport 53 -j DROP"]
    assert find_effects("filter", *bans, "-A INPUT -j DROP", late=[("INPUT", 2)]) == set()
    assert find_effects("filter", "-A INPUT -j DROP", late=[("INPUT", 1)]) == ALL
    # Our line in the listing is ignored, because its place can be wrong.
    assert find_effects("filter", LATE, "-A INPUT -j DROP", late=[("INPUT", 1)]) == ALL
    assert (
        find_effects("filter", LATE.replace("gatehouse.kong", '"gatehouse.kong"'), "-A INPUT -j DROP", late=[]) == ALL
    )


def test_bans_in_a_chain_and_conflicts_in_it():
    chain = [
        "-A INPUT -p tcp -j A",
        "-A A -s 10.9.0.7/32 -j DROP",
        "-A A -s 10.9.0.0/16 -j B",
        "-A B -s 10.9.0.8/32 -j DROP",
    ]
    assert find_effects("filter", *chain) == set()
    assert find_effects("filter", "-A INPUT -s 10.9.0.0/16 -j A", "-A A -j DROP") == {("drop", True, "7946")}
    assert find_effects(
        "filter", "-A INPUT -m time --timestart 1:00 -j A", "-A A -p udp -m udp --dport 7946 -j DROP"
    ) == {("drop", False, "7946")}


def test_another_firewall_manager_gives_the_places_of_the_late_rule():
    lines = [
        "-A user -i lo -j ACCEPT",
        "-A INPUT -j user",
        "-A INPUT -j after",
        "-A INPUT -j DROP",
        "-A after -p udp -m udp --dport 137 -j DROP",
    ]
    denied = "-A user -p tcp -m tcp --dport 8001 -j DROP"
    assert find_effects("filter", *lines, late=[("after", 1)]) == set()
    assert find_effects("filter", *lines, denied, late=[("after", 1)]) == {("drop", True, "8001")}
    assert find_effects("filter", *lines, late=[("user", 0)]) == set()
    assert find_effects("filter", *lines, late=[]) == ALL


@pytest.mark.parametrize(
    ("table", "rule", "expected"),
    [
        ("raw", "-A PREROUTING -p tcp -m tcp --dport 8000 -j DROP", {("drop", True, "8000")}),
        ("raw", "-A PREROUTING -m conntrack --ctstate NEW -j DROP", set()),
        ("raw", "-A PREROUTING -m conntrack --ctstate INVALID -j DROP", ALL),
        ("mangle", "-A PREROUTING -m conntrack --ctstate INVALID -j DROP", set()),
        ("mangle", "-A PREROUTING -m conntrack --ctstate NEW -j DROP", ALL),
        ("mangle", "-A PREROUTING -s 10.9.0.7/32 -j DROP", set()),
        ("mangle", "-A PREROUTING -p tcp -m tcp --dport 8000 -j ACCEPT", set()),
        ("mangle", "-A INPUT -p tcp -m tcp --dport 8000 -m mark --mark 0x10000000/0x10000000 -j DROP", set()),
        ("mangle", "-A INPUT -p tcp -m tcp --dport 8000 -m mark ! --mark 0x10000000/0x10000000 -j DROP",
         {("drop", True, "8000")}),
        ("mangle", "-A INPUT -j GATEHOUSE-KONG", set()),
        ("mangle", "-A FORWARD -p tcp -m tcp --dport 8000 -j DROP", set()),
        ("security", "-A INPUT -m mark ! --mark 0x10000000/0x10000000 -j DROP", set()),
        ("security", "-A INPUT -p udp -j DROP", {("drop", True, "7946")}),
        ("nat", "-A PREROUTING -p tcp -m tcp --dport 8007 -j REDIRECT --to-ports 80", {("divert", True, "8007")}),
        ("nat", "-A PREROUTING -s 10.0.0.0/8 -p tcp -m tcp --dport 8007 -j DNAT --to-destination 10.0.0.9",
         {("divert", False, "8007")}),
        ("nat", "-A PREROUTING ! -i docker0 -p tcp -m tcp --dport 8007 -j DNAT --to-destination 172.17.0.2:8007",
         {("divert", False, "8007")}),
        ("nat", "-A PREROUTING ! -i docker0 -p tcp -m tcp --dport 7070 -j DNAT --to-destination 172.17.0.2:8007", set()),
    ],
)  # fmt: skip
def test_the_other_tables(table, rule, expected):
    assert find_effects(table, rule) == expected


def test_a_host_that_excludes_packets_from_connection_tracking():
    rules = format_saved("raw", "-A PREROUTING -p udp -m udp --dport 7946 -j CT --notrack") + format_saved(
        "filter",
        "-A INPUT -p udp -m udp --dport 7946 -m conntrack --ctstate UNTRACKED -m time --timestart 1:00 -j DROP",
    )
    assert [conflict.certain for conflict in find_conflicts(rules, WANT, "ipv4", [])] == [False]


def test_a_rule_that_changes_the_mark():
    marked = "-A INPUT -m mark --mark 0x10000000/0x10000000 -j DROP"
    assert find_effects("filter", "-A INPUT -j MARK --set-xmark 0x1/0xff", marked, late=[]) == ALL
    assert find_effects(
        "filter", "-A INPUT -p tcp -m tcp --dport 8001 -j MARK --set-xmark 0x0/0xffffffff", marked, late=[]
    ) == {
        ("drop", True, "8000"),
        ("drop", False, "8001"),
        ("drop", True, "7946"),
    }


@pytest.mark.parametrize(
    ("rules", "late", "expected"),
    [
        ([], [("INPUT", 0)], set()),
        ([], [], ALL),
        (
            ["-A INPUT -j MARK --set-xmark 0x5/0xffffffff"],
            [("INPUT", 1)],
            {(*each[:1], False, *each[2:]) for each in ALL},
        ),
        (["-A INPUT -j MARK --set-xmark 0x5/0xff"], [("INPUT", 1)], set()),
        (["-A INPUT -s 10.9.0.7/32 -j RETURN"], [("INPUT", 1)], set()),
    ],
)
def test_a_policy_that_drops(rules, late, expected):
    text = "\n".join(["*filter", ":INPUT DROP [0:0]", *rules, "COMMIT", ""])
    made = find_conflicts(text, WANT, "ipv4", late)
    assert {(found.effect, found.certain, port.split()[1]) for found in made for port in found.ports} == expected
    assert {found.reason for found in made} <= {"the policy of INPUT is DROP"}
    assert all("`-m mark --mark 0x10000000/0x10000000 -j ACCEPT`" in found.advice for found in made)


def test_the_message_has_the_rule_and_the_fix():
    (conflict,) = find_conflicts(format_saved("filter", "-A INPUT -s 10.9.0.0/16 -p udp -j DROP"), WANT, "ipv4", [])
    assert str(conflict) == (
        "table filter of iptables blocks udp 7946 at 10.0.0.1: it has `-A INPUT -s 10.9.0.0/16 -p udp -j DROP`. "
        "Remove it, or add `-m mark ! --mark 0x10000000/0x10000000` to it, so that authorised packets reach the rules after it"
    )
    (before,) = find_conflicts(format_saved("mangle", "-A INPUT -s 10.9.0.0/16 -p udp -j DROP"), WANT, "ipv4", [])
    assert before.advice == "Remove it, or exclude Kong's ports from it"
    assert conflict.stops


def test_rules_of_ip6tables_are_for_ipv6():
    entry = {"listener": "a", "protocol": "tcp", "port": 8001, "address": None, "sources": ["admins"]}
    want = ruleset_from_data({"allow": [entry], "sets": {"admins": {"ipv6": ["fd09::/64"]}}})
    rules = format_saved("filter", "-A INPUT -s fd00::/8 -j DROP")
    (found,) = find_conflicts(rules, want, "ipv6", [("INPUT", 1)])
    assert (found.certain, found.where, found.ports) == (
        True,
        "table filter of ip6tables",
        ("tcp 8001 at every address",),
    )
    assert find_conflicts(format_saved("filter", "-A INPUT -s fd09::7/128 -j DROP"), want, "ipv6", [("INPUT", 1)]) == ()
    assert find_conflicts(format_saved("filter", "-A INPUT -j DROP"), want, "ipv4", []) == ()

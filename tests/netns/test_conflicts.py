# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conflicts that are reported for the rules of a host, compared with the results of real packets."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_conflicts import Own, find_conflicts
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_xtables import read_saved, with_options
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.tests.netns.conftest import run_ip
from ansible_collections.gatehouse.kong.tests.netns.nodes import Node

ADDRESS = {"ipv4": "10.0.1.1", "ipv6": "fd00:1::1"}
WANT = {
    family: ruleset_from_data(
        {
            "allow": [
                {"listener": "a", "protocol": protocol, "port": 8001, "address": address, "sources": ["friends"]}
                for protocol in ("tcp", "udp")
            ],
            "sets": {"friends": {"ipv4": ["10.0.1.2/32"], "ipv6": ["fd00:1::2/128"]}},
        }
    )
    for family, address in ADDRESS.items()
}
# The relevant part of our early part: it marks packets of the friend.
EARLY = """
table inet gatehouse_kong {
    chain input {
        type filter hook input priority -10; policy accept;
        meta mark set meta mark & 0xefffffff
        ip saddr 10.0.1.2 meta mark set meta mark | 0x10000000
        ip6 saddr fd00:1::2 meta mark set meta mark | 0x10000000
    }
}
"""
OWN = Own(frozenset({("inet", "gatehouse_kong", "input")}), marked_after=-10)
MARK = "meta mark & 0x10000000 == 0x10000000 accept"
CERTAIN, POSSIBLE, NONE = "refused", "perhaps refused", "let through"

# The host's rules (one in each line), its policy, and the expected conflict for tcp 8001.
RULES = [
    ("", "accept", NONE),
    ("", "drop", CERTAIN),
    (MARK, "drop", NONE),
    ("iif lo accept\nct state established,related accept\ntcp dport 22 accept", "drop", CERTAIN),
    (f"iif lo accept\nct state established,related accept\n{MARK}", "drop", NONE),
    ("ct state vmap { established : accept, related : accept, invalid : drop }", "accept", NONE),
    ("ct state vmap { established : accept, related : accept, new : drop }", "accept", CERTAIN),
    ("ct state new drop", "accept", CERTAIN),
    ("ct state != new drop", "accept", CERTAIN),
    ("ct state { new, untracked } accept", "drop", CERTAIN),
    ("ct state { new, established } accept", "drop", NONE),
    ("reject with tcp reset", "accept", CERTAIN),
    ("tcp dport 8001 accept", "drop", NONE),
    ("tcp dport { 22, 8001 } accept", "drop", NONE),
    ("tcp dport 8000-8010 drop", "accept", CERTAIN),
    ("tcp dport { 22, 8000-8010 } drop", "accept", CERTAIN),
    ("tcp dport != 22 drop", "accept", CERTAIN),
    ("tcp dport 8000 drop\nudp dport 8001 drop\nicmp type echo-request drop", "accept", NONE),
    ("th dport 8001 drop", "accept", CERTAIN),
    ("tcp dport >= 1024 drop", "accept", CERTAIN),
    ("meta l4proto tcp drop", "accept", CERTAIN),
    ("meta l4proto { udp, icmp } drop", "accept", NONE),
    ("meta l4proto . th dport { tcp . 8001, udp . 53 } drop", "accept", CERTAIN),
    ("meta l4proto . th dport { udp . 8001, tcp . 53 } drop", "accept", NONE),
    ('iifname "lo" drop', "accept", NONE),
    ('iifname != "lo" drop', "accept", CERTAIN),
    ('iifname "friend" accept', "drop", POSSIBLE),
    ('iifname "ally" drop', "accept", POSSIBLE),
    ("fib daddr type local accept", "drop", NONE),
    ("fib daddr type { broadcast, multicast } drop", "accept", NONE),
    ("meta pkttype { broadcast, multicast } drop", "accept", NONE),
    ("meta pkttype host accept", "drop", NONE),
    ("tcp flags & (syn | ack) == syn drop", "accept", CERTAIN),
    ("udp dport 8001 limit rate 1/hour drop", "accept", NONE),
    ("limit rate 1/hour accept", "drop", POSSIBLE),
    ("counter\nlog\ncounter drop", "accept", CERTAIN),
    (f"meta mark set meta mark | 0x1\n{MARK}", "drop", NONE),
    (f"meta mark set 0x1\n{MARK}", "drop", POSSIBLE),
    ("meta mark & 0x10000001 == 0x10000001 accept", "drop", POSSIBLE),
    ("meta mark & 0x10000000 != 0 accept", "drop", NONE),
    ("meta mark & 0x10000000 == 0 drop", "accept", NONE),
    ("meta mark 0x20000000 accept", "drop", CERTAIN),
    ("jump other\ndrop", "accept", CERTAIN),
    ("jump drops", "accept", CERTAIN),
    ("jump accepts\ndrop", "accept", NONE),
    ("goto other\ntcp dport 8001 accept", "drop", CERTAIN),
    ("goto other\ndrop", "accept", NONE),
    ("jump other\nreturn\naccept", "drop", CERTAIN),
    ("tcp dport vmap { 8001 : jump drops, 22 : accept }", "accept", CERTAIN),
    ("tcp dport vmap { 8001 : accept, 22 : drop }", "drop", NONE),
    ("tcp dport vmap { 22 : accept }", "drop", CERTAIN),
    ("tcp dport @ports accept", "drop", POSSIBLE),
    ("tcp dport vmap @verdicts", "accept", POSSIBLE),
]
# The same for rules with addresses, for each family.
ADDRESSED = [
    ("ip", "ipv4", "ip saddr 10.0.1.0/24 drop", "accept", CERTAIN),
    ("ip", "ipv4", "ip saddr != 10.0.1.2 drop", "accept", NONE),
    ("inet", "ipv4", "ip saddr 10.0.1.0-10.0.1.9 accept", "drop", NONE),
    ("inet", "ipv4", "ip saddr { 10.0.2.0/24, 10.0.3.0/24 } drop", "accept", NONE),
    ("inet", "ipv4", "ip saddr . tcp dport { 10.0.1.2 . 8001 } drop", "accept", CERTAIN),
    ("inet", "ipv4", "ip saddr @banned drop", "accept", NONE),
    ("inet", "ipv4", "ip daddr 10.0.1.1 drop", "accept", CERTAIN),
    ("inet", "ipv4", "ip daddr 10.0.2.1 drop", "accept", NONE),
    ("inet", "ipv4", "ip protocol tcp drop", "accept", CERTAIN),
    ("inet", "ipv4", "ip ttl 64 accept", "drop", POSSIBLE),
    ("inet", "ipv4", "ip6 saddr ::/0 drop", "accept", NONE),
    ("inet", "ipv4", "meta nfproto ipv6 drop", "accept", NONE),
    ("ip6", "ipv4", "drop", "drop", NONE),
    ("ip6", "ipv6", "ip6 saddr fd00:1::/64 drop", "accept", CERTAIN),
    ("inet", "ipv6", "ip6 saddr fd00:2::/64 drop", "accept", NONE),
    ("inet", "ipv6", "ip6 nexthdr tcp drop", "accept", CERTAIN),
    ("inet", "ipv6", "meta nfproto ipv6 drop", "accept", CERTAIN),
    ("inet", "ipv6", "ip saddr 0.0.0.0/0 drop", "accept", NONE),
    ("inet", "ipv6", "meta protocol ip6 drop", "accept", CERTAIN),
]


def make_table(family, rules, policy, priority=0):
    named = "" if family == "ip6" else "set banned {\n type ipv4_addr\n}\n"
    lines = "\n".join(rules.splitlines())
    return (
        f"table {family} own {{\n{named}"
        "set ports {\n type inet_service\n elements = { 8001 }\n}\n"
        "map verdicts {\n type inet_service : verdict\n}\n"
        "chain other {\n tcp dport 53 accept\n return\n}\n"
        "chain drops {\n drop\n}\n"
        "chain accepts {\n tcp dport 8001 accept\n}\n"
        f"chain input {{\n type filter hook input priority {priority}; policy {policy};\n"
        f"{'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept' if family != 'ip' else ''}\n"
        f"{lines}\n}}\n}}\n"
    )


def list_conflicts(lab, want, own=OWN):
    listed = json.loads(lab.host.run("nft", "--json", "--terse", "list", "ruleset"))["nftables"]
    for family, saved in read_saved(lab.host, listed).items():
        listed = with_options(listed, family, saved)
    return find_conflicts(listed, want, own)


def report(lab, want):
    found = [conflict for conflict in list_conflicts(lab, want) if "tcp 8001" in " ".join(conflict.ports)]
    assert len(found) < 2
    return NONE if not found else CERTAIN if found[0].certain else POSSIBLE


def send(lab, family):
    """Return the result of a packet from the friend."""
    lab.run_nft(EARLY)
    flow = lab.connect("friend", lab.open_listener(8001, family=family), family=family)
    return NONE if flow else CERTAIN


def check(lab, family):
    verdict = report(lab, WANT[family])
    assert verdict in (POSSIBLE, send(lab, family))
    return verdict


@pytest.mark.parametrize("rules, policy, expected", RULES)
def test_rules(lab, rules, policy, expected):
    lab.run_nft(make_table("inet", rules, policy))
    assert check(lab, "ipv4") == expected


@pytest.mark.parametrize("table_family, family, rules, policy, expected", ADDRESSED)
def test_rules_about_addresses(lab, table_family, family, rules, policy, expected):
    lab.run_nft(make_table(table_family, rules, policy))
    assert check(lab, family) == expected


@pytest.mark.parametrize("priority, expected", [(-20, CERTAIN), (-9, NONE), (50, NONE)])
def test_a_chain_before_our_chain_never_sees_the_mark(lab, priority, expected):
    lab.run_nft(make_table("inet", MARK, "drop", priority))
    assert check(lab, "ipv4") == expected


@pytest.mark.parametrize(
    "rules, expected",
    [
        (["-P INPUT DROP"], CERTAIN),
        (["-P INPUT DROP", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"], CERTAIN),
        (["-P INPUT DROP", "-A INPUT -m state --state NEW -j ACCEPT"], CERTAIN),
        (["-P INPUT DROP", "-A INPUT -m state --state NEW,ESTABLISHED -j ACCEPT"], NONE),
        (["-P INPUT DROP", "-A INPUT -m state ! --state NEW -j ACCEPT"], CERTAIN),
        (["-P INPUT DROP", "-A INPUT -m conntrack --ctstate NEW --ctproto 6 -j ACCEPT"], CERTAIN),
        (["-P INPUT DROP", "-A INPUT -p tcp -m multiport --dports 22,8000:8010 -j ACCEPT"], NONE),
        (["-P INPUT DROP", "-A INPUT -p tcp -m multiport ! --dports 22,443 -j ACCEPT"], NONE),
        (["-P INPUT DROP", "-A INPUT -p tcp -m multiport --sports 22 -j ACCEPT"], POSSIBLE),
        (["-P INPUT DROP", "-A INPUT -p udp -m multiport --dports 8001 -j ACCEPT"], CERTAIN),
        (["-P INPUT DROP", "-A INPUT -m mark --mark 0x10000000/0x10000000 -j ACCEPT"], NONE),
        (["-A INPUT -p tcp --dport 8001 -m comment --comment -m\\ x -j REJECT"], CERTAIN),
        (["-A INPUT -m limit --limit 1/hour -j LOG", "-A INPUT -s 10.0.1.0/24 -j DROP"], CERTAIN),
        (["-A INPUT -m addrtype --dst-type LOCAL -j DROP"], CERTAIN),
        (["-N MINE", "-A MINE -j DROP", "-A INPUT -p tcp -j MINE"], CERTAIN),
        (["-N MINE", "-A MINE -j RETURN", "-A INPUT -g MINE", "-A INPUT -j DROP"], NONE),
        (["-A INPUT -j NFQUEUE --queue-bypass"], POSSIBLE),
    ],
)
def test_rules_of_iptables(lab, rules, expected):
    for rule in rules:
        lab.host.run("sh", "-c", f"iptables {rule}")
    assert check(lab, "ipv4") == expected


def test_a_conflict_of_both_protocols_is_reported_once(lab):
    lab.run_nft(make_table("inet", "", "drop"))
    (found,) = list_conflicts(lab, WANT["ipv4"])
    assert found.ports == ("tcp 8001 at 10.0.1.1", "udp 8001 at 10.0.1.1")
    assert (found.where, found.reason) == ("nftables chain inet own input", "its policy is drop")
    assert "nft 'add rule inet own input meta mark & 0x10000000 == 0x10000000 accept'" in found.advice


def test_the_conflicting_rule_is_named(lab):
    lab.run_nft(make_table("inet", "jump drops", "accept"))
    (found,) = list_conflicts(lab, WANT["ipv4"])
    listed = lab.host.run("nft", "-a", "list", "chain", "inet", "own", "drops")
    handle = found.reason.split()[5].rstrip("`")
    assert found.reason == f"its rule `drop # handle {handle}` in chain drops"
    assert f"drop # handle {handle}" in listed


@pytest.mark.parametrize(
    "text, advice",
    [
        ("table inet firewalld {\nchain filter_INPUT { type filter hook input priority 10; policy drop; }\n}",
         "firewall-cmd --permanent --add-port=8001/tcp --add-port=8001/udp"),
        ("table ip filter {\nchain ufw-user-input {\n}\nchain INPUT { type filter hook input priority 0; policy drop; }\n}",
         "ufw allow 8001/tcp`, `ufw allow 8001/udp"),
        ("table ip filter {\nchain INPUT { type filter hook input priority 0; policy drop; }\n}",
         "nft 'add rule ip filter INPUT meta mark & 0x10000000 == 0x10000000 accept'"),
        (make_table("inet", "", "drop", -300), "priority -300"),
    ],
)  # fmt: skip
def test_the_fix_has_commands_of_the_program_that_created_the_chain(lab, text, advice):
    lab.run_nft(text)
    (found,) = list_conflicts(lab, WANT["ipv4"])
    assert found.certain
    assert advice in found.advice


@pytest.mark.parametrize(
    ("rules", "kind", "expected"),
    [
        ("tcp dport 8001 drop", "filter", [("drop", True)]),
        ("ip saddr 10.0.1.2 drop", "filter", [("drop", True)]),
        ("tcp dport 22 drop", "filter", []),
        ("fib saddr . iif oif missing drop", "filter", []),
        ("tcp dport 8001 dnat to 10.0.9.9:80", "nat", [("divert", True)]),
        ("fib daddr type local tcp dport 8001 redirect to :80", "nat", [("divert", True)]),
        ('iifname != "docker0" tcp dport 8001 dnat to 10.0.9.9', "nat", [("divert", False)]),
        ("ip saddr 10.0.7.0/24 tcp dport 8001 dnat to 10.0.9.9", "nat", [("divert", False)]),
        ("tcp dport 7070 dnat to 10.0.9.9:80", "nat", []),
    ],
)
def test_chains_before_routing(lab, rules, kind, expected):
    lab.run_nft(f"table ip own {{\nchain c {{\n type {kind} hook prerouting priority -150;\n {rules}\n}}\n}}\n")
    found = list_conflicts(lab, WANT["ipv4"])
    assert [(conflict.effect, conflict.certain) for conflict in found] == expected
    assert not any(conflict.stops for conflict in found if conflict.effect == "divert")


def test_a_translation_of_a_port_without_sources_is_reported(lab):
    lab.run_nft(
        "table ip own {\nchain c {\n type nat hook prerouting priority -100;\n tcp dport 8001 dnat to 10.0.9.9\n}\n}\n"
    )
    nobody = {"listener": "a", "protocol": "tcp", "port": 8001, "address": None, "sources": []}
    (found,) = list_conflicts(lab, ruleset_from_data({"allow": [nobody]}))
    assert "diverts tcp 8001 at every address: its rule `tcp dport 8001 dnat to 10.0.9.9 # handle " in str(found)


def test_a_port_without_sources_has_no_conflict(lab):
    lab.run_nft(make_table("inet", "", "drop"))
    nobody = {"listener": "a", "protocol": "tcp", "port": 8001, "address": None, "sources": []}
    assert list_conflicts(lab, ruleset_from_data({"allow": [nobody]})) == ()


# Rules of hosts for which earlier versions reported a wrong conflict, or missed one.
NOT_SYN = """
table inet filter {
    chain input {
        type filter hook input priority filter; policy accept;
        tcp flags & (fin|syn|rst|ack) != syn ct state new counter drop
    }
}
"""
NOT_SYN_BEFORE_ROUTING = """
table inet bad-ct-states {
    chain prerouting {
        type filter hook prerouting priority -150; policy accept;
        ct state invalid drop
        ct state new tcp flags & (fin|syn|rst|ack) != syn drop
    }
}
"""
NEGATED_PORT = """
table inet filter {{
    chain g {{
        tcp dport != {{ 8001, 8444 }} return
        ip saddr 10.0.9.9 accept
        drop
    }}
    chain input {{
        type filter hook input priority filter; policy {policy};
        ct state established,related accept
        meta l4proto {{ icmp, ipv6-icmp }} accept
        {rule}
    }}
}}
"""


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (NOT_SYN, []),
        (NOT_SYN_BEFORE_ROUTING, []),
        (NEGATED_PORT.format(policy="drop", rule="tcp dport != 25 accept"), ["udp"]),
        (NEGATED_PORT.format(policy="accept", rule="jump g"), ["tcp", "udp"]),
        (NEGATED_PORT.format(policy="accept", rule="goto g"), ["tcp", "udp"]),
        (NEGATED_PORT.format(policy="accept", rule="udp dport != 53 drop"), ["udp"]),
        (NEGATED_PORT.format(policy="accept", rule="icmp type != echo-request drop"), []),
    ],
)
def test_a_negated_match_holds_only_for_packets_with_its_header(lab, family, text, refused):
    lab.run_nft(text)
    found = list_conflicts(lab, WANT[family])
    assert [(conflict.certain, [port.split()[0] for port in conflict.ports]) for conflict in found] == (
        [(True, refused)] if refused else []
    )
    lab.run_nft(EARLY)
    for protocol in ("tcp", "udp"):
        flow = lab.connect("friend", lab.open_listener(8001, protocol, family), protocol, family)
        assert (flow is None) == (protocol in refused)


def test_a_negated_address_does_not_hold_for_the_other_family(lab):
    lab.run_nft(make_table("inet", "ip saddr != 10.0.9.0/24 drop", "accept"))
    assert check(lab, "ipv6") == NONE
    assert check(lab, "ipv4") == CERTAIN


LINK = """
table {family} own {{
    chain c {{
        type filter hook {hook} priority 0; policy accept;
        {rule}
    }}
}}
"""


@pytest.mark.parametrize(
    ("family", "hook", "rule", "expected"),
    [
        ("netdev", "ingress device friend", "tcp dport 8001 drop", ["tcp"]),
        ("netdev", "ingress device friend", "ip saddr 10.0.1.2 drop", ["tcp", "udp"]),
        ("netdev", "ingress device friend", "ip6 daddr fd00:1::1 drop", []),
        ("netdev", "ingress device friend", "tcp dport != 22 drop", ["tcp"]),
        ("netdev", "ingress device friend", "ip saddr 10.0.9.9 drop", []),
        ("netdev", "ingress device friend", "tcp dport 8001 limit rate over 9/second drop", []),
        ("netdev", "ingress device friend", "udp dport 8001 meta length > 9000 drop", ["udp"]),
        ("netdev", "egress device friend", "tcp sport 8001 drop", ["tcp"]),
        ("netdev", "egress device friend", "tcp dport 8001 drop", []),
        ("inet", "ingress device friend", "udp dport 8001 drop", ["udp"]),
    ],
)
def test_a_chain_of_network_interfaces_is_checked(lab, family, hook, rule, expected):
    lab.run_nft(LINK.format(family=family, hook=hook, rule=rule))
    found = list_conflicts(lab, WANT["ipv4"])
    assert sorted(port.split()[0] for conflict in found for port in conflict.ports) == expected
    assert {conflict.certain for conflict in found} <= {False}
    lab.run_nft(EARLY)
    for protocol in ("tcp", "udp"):
        flow = lab.connect("friend", lab.open_listener(8001, protocol), protocol)
        assert (flow is None) <= (protocol in expected)


@pytest.fixture
def bridged(lab):
    """The lab with the node's end of the link to "friend" as a port of a bridge, which has the addresses."""
    run = ("-n", lab.get_namespace("node"))
    near, far = "02:00:00:00:01:01", "02:00:00:00:01:02"
    run_ip(*run, "link", "add", "bridge", "address", near, "type", "bridge")
    run_ip(*run, "link", "set", "bridge", "up")
    run_ip(*run, "address", "flush", "dev", "friend")
    run_ip(*run, "link", "set", "friend", "address", "02:00:00:00:01:03", "master", "bridge")
    for own, other, length in (("10.0.1.1", "10.0.1.2", 24), ("fd00:1::1", "fd00:1::2", 64)):
        nodad = ("nodad",) if ":" in own else ()
        run_ip(*run, "address", "add", f"{own}/{length}", "dev", "bridge", *nodad)
        run_ip(*run, "neigh", "replace", other, "dev", "bridge", "lladdr", far)
    yield lab
    run_ip(*run, "link", "delete", "bridge")
    lab.add_addresses()


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize(
    ("hook", "rule", "expected"),
    [
        ("prerouting", "tcp dport 8001 drop", ["tcp"]),
        ("input", "meta l4proto udp drop", ["udp"]),
        ("input", "drop", ["tcp", "udp"]),
        ("prerouting", "tcp dport != 22 drop", ["tcp"]),
        ("input", "tcp dport 8002 drop", []),
        ("forward", "tcp dport 8001 drop", []),
    ],
)
def test_a_chain_of_a_bridge_is_checked(bridged, family, hook, rule, expected):
    bridged.run_nft(EARLY)
    for protocol in ("tcp", "udp"):
        assert bridged.connect("friend", bridged.open_listener(8001, protocol, family), protocol, family)
    bridged.run_nft(LINK.format(family="bridge", hook=hook, rule=rule))
    found = list_conflicts(bridged, WANT[family])
    assert sorted(port.split()[0] for conflict in found for port in conflict.ports) == expected
    assert {conflict.certain for conflict in found} <= {False}
    bridged.close()
    for protocol in ("tcp", "udp"):
        flow = bridged.connect("friend", bridged.open_listener(8001, protocol, family), protocol, family)
        assert (flow is None) == (protocol in expected)


def test_a_chain_of_network_interfaces_is_named(lab):
    lab.run_nft(LINK.format(family="netdev", hook="ingress device friend", rule="tcp dport 8001 fwd to ally"))
    (found,) = list_conflicts(lab, WANT["ipv4"])
    assert (found.effect, found.where) == ("divert", "nftables chain netdev own c")
    assert found.reason in (
        f"its rule `tcp dport 8001 fwd to ally # handle 2` in chain c (network interface {name})"
        for name in ("friend", "of the chain")
    )


@pytest.mark.parametrize("manager", ["iptables", "ufw"])
@pytest.mark.parametrize(("table", "chain"), [("raw", "PREROUTING"), ("mangle", "INPUT"), ("security", "INPUT")])
def test_a_rule_of_iptables_is_reported_once(lab, manager, table, chain):
    """The early part lists the rules of iptables-nft too."""
    node = Node(lab, f"{manager}-nft")
    lab.host.run("iptables-nft", "-t", table, "-A", chain, "-p", "tcp", "--dport", "8001", "-j", "DROP")
    backend = lab.backend(lab.host)
    backend.read()
    assert [
        (conflict.certain, conflict.where)
        for conflict in backend.find_conflicts(WANT["ipv4"])
        if conflict.effect == "drop"
    ] == [(True, f"table {table} of iptables")]
    node.clean()


@pytest.mark.parametrize(
    "text",
    [
        NOT_SYN,
        NOT_SYN_BEFORE_ROUTING,
        NEGATED_PORT.format(policy="drop", rule="tcp dport != 25 accept"),
        NEGATED_PORT.format(policy="accept", rule="jump g"),
        NEGATED_PORT.format(policy="accept", rule="goto g"),
    ],
)
def test_the_ruleset_can_be_applied_on_such_a_host(lab, text):
    node = Node(lab, "nftables")
    lab.run_nft(text)
    outcome = lab.converge(
        {
            "allow": [
                {"listener": "a", "protocol": protocol, "port": 8001, "address": None, "sources": ["friends"]}
                for protocol in ("tcp", "udp")
            ],
            "sets": {"friends": {"ipv4": ["10.0.1.2/32"], "ipv6": ["fd00:1::2/128"]}},
        }
    )
    assert (outcome.conflicts, outcome.changed) == ((), True)
    for family in ("ipv4", "ipv6"):
        for protocol in ("tcp", "udp"):
            assert lab.connect("friend", lab.open_listener(8001, protocol, family), protocol, family)
    node.clean()

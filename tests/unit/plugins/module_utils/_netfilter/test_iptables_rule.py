# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of rules in the output of iptables-save."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_rule import parse_rule
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    ANY_MARK,
    MARKED,
    UNMARKED,
    Bits,
    Packet,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import Action

SOURCES = {"ipv4": ["10.0.1.2", "10.0.1.3"], "ipv6": ["fd00:1::2", "fd00:1::3"]}
ADDRESSES = {"ipv4": ["10.0.0.1"], "ipv6": ["fd00::1"]}


def make_packet(protocol="tcp", family="ipv4", **known):
    sources, addresses = (parse_networks(family, texts[family]) for texts in (SOURCES, ADDRESSES))
    return Packet(family, protocol, 8001, sources, addresses, mark=MARKED, **known)


TCP, UDP, TCP6 = make_packet(), make_packet("udp"), make_packet(family="ipv6")
LATER, UNTRACKED, RAW, INSIDE = (
    make_packet(is_first=False),
    make_packet(tracked=None),
    make_packet(tracked=False),
    replace(TCP, port=None),
)


def evaluate(line, tried=TCP, chains=("c",)):
    return parse_rule(f"-A INPUT {line}", frozenset(chains)).evaluate(tried)


def answer(line, tried):
    """Return True if a rule with these matches certainly drops, False if it certainly does not, otherwise None."""
    found = evaluate(f"{line} -j DROP", tried).actions
    assert len(found) < 2
    return False if not found else True if found[0].certain else None


@pytest.mark.parametrize(
    ("line", "tried", "expected"),
    [
        ("", TCP, True),
        ("-p tcp", TCP, True),
        ("-p tcp", UDP, False),
        ("! -p tcp", TCP, False),
        ("! -p udp", TCP, True),
        ("-p 6", TCP, True),
        ("-p 17", TCP, False),
        ("-p 50", TCP, False),
        ("-p all", UDP, True),
        ("-p ipv6-icmp", TCP6, False),
        ("-s 10.0.0.0/8", TCP, True),
        ("! -s 10.0.0.0/8", TCP, False),
        ("-s 10.0.1.2/32", TCP, None),
        ("! -s 10.0.1.2/32", TCP, None),
        ("-s 192.0.2.0/24", TCP, False),
        ("! -s 192.0.2.0/24", TCP, True),
        ("-s fd00:1::/64", TCP6, True),
        ("-d 10.0.0.1/32", TCP, True),
        ("! -d 10.0.0.1/32", TCP, False),
        ("-d 10.0.0.2/32", TCP, False),
        ("-i lo", TCP, False),
        ("! -i lo", TCP, True),
        ("-i eth0", TCP, None),
        ("! -i eth0", TCP, None),
        ("-i lo+", TCP, None),
        ("-o eth0", TCP, None),
        ("-f", TCP, False),
        ("! -f", TCP, True),
        ("-p tcp -m tcp --dport 8001", TCP, True),
        ("-p tcp -m tcp --dport 8002", TCP, False),
        ("-p tcp -m tcp ! --dport 8001", TCP, False),
        ("-p udp -m udp ! --dport 8002", TCP, False),
        ("-p tcp -m tcp --dport 8000:8001", TCP, True),
        ("-p tcp -m tcp --dport 8001:8010", TCP, True),
        ("-p tcp -m tcp --dport :8000", TCP, False),
        ("-p tcp -m tcp --dport 1024:", TCP, True),
        ("-p tcp -m tcp --dport 8002:", TCP, False),
        ("-p tcp -m tcp --dport 1024:", replace(TCP, port=65535), True),
        ("-p tcp -m tcp --dport :1024", replace(TCP, port=0), True),
        ("-p tcp -m tcp --dport 8001", INSIDE, None),
        ("-p tcp -m tcp --sport 1024:65535", TCP, None),
        ("-p tcp -m multiport --dports 22,8000:8010", TCP, True),
        ("-p tcp -m multiport ! --dports 22,8000:8010", TCP, False),
        ("-p tcp -m multiport --dports 22,443", TCP, False),
        ("-p tcp -m multiport --sports 22,443", TCP, None),
        ("-p tcp -m multiport --ports 22,8001", TCP, True),
        ("-p tcp -m multiport --ports 22,443", TCP, None),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", TCP, True),
        ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", TCP, False),
        ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", UDP, False),
        ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", LATER, None),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE", TCP, False),
        ("-p tcp -m tcp --tcp-flags ALL SYN", TCP, True),
        ("-p tcp -m tcp --tcp-option 5", TCP, None),
        ("-m conntrack --ctstate NEW", TCP, True),
        ("-m conntrack ! --ctstate NEW", TCP, False),
        ("-m conntrack --ctstate NEW,ESTABLISHED", LATER, True),
        ("-m conntrack --ctstate RELATED,ESTABLISHED", TCP, False),
        ("-m conntrack --ctstate RELATED,ESTABLISHED,DNAT", TCP, False),
        ("-m conntrack --ctstate RELATED,ESTABLISHED,DNAT", replace(TCP, translated=True), True),
        ("-m conntrack --ctstate RELATED,ESTABLISHED", replace(TCP, translated=True), False),
        ("-m addrtype --dst-type LOCAL", replace(TCP, translated=True), None),
        ("-m conntrack --ctstate INVALID", RAW, True),
        ("-m conntrack --ctstate NEW", UNTRACKED, None),
        ("-m state --state NEW", TCP, True),
        ("-m conntrack --ctproto 6", TCP, None),
        ("-m helper --state NEW", TCP, None),
        ("-m mark --mark 0x10000000/0x10000000", TCP, True),
        ("-m mark ! --mark 0x10000000/0x10000000", TCP, False),
        ("-m mark --mark 0x10000000", TCP, None),
        ("-m mark --mark 0x1", TCP, False),
        ("-m mark --mark 0x1/0x1", TCP, None),
        ("-m connmark --mark 0x1", TCP, None),
        ("-m addrtype --dst-type LOCAL", TCP, True),
        ("-m addrtype ! --dst-type LOCAL", TCP, False),
        ("-m addrtype --dst-type BROADCAST", TCP, False),
        ("-m addrtype --dst-type UNICAST", TCP, False),
        ("-m addrtype --dst-type UNICAST", TCP6, True),
        ("-m addrtype --dst-type LOCAL,BROADCAST", TCP, True),
        ("-m addrtype --dst-type LOCAL,MULTICAST", TCP6, False),
        ("-m addrtype --dst-type UNREACHABLE", TCP, None),
        ("-m addrtype --dst-type LOCAL", INSIDE, None),
        ("-m addrtype ! --dst-type LOCAL --limit-iface-in", TCP, None),
        ("-m addrtype --src-type LOCAL", TCP, False),
        ("-m addrtype --src-type MULTICAST,BROADCAST", TCP, False),
        ("-m addrtype --src-type UNICAST", TCP, None),
        ("-m addrtype --src-type UNICAST", TCP6, True),
        ("-m pkttype --pkt-type unicast", TCP, True),
        ("-m pkttype --pkt-type broadcast", TCP, False),
        ("-m iprange --src-range 10.0.1.0-10.0.1.9", TCP, True),
        ("-m iprange ! --src-range 10.0.1.3-10.0.1.9", TCP, None),
        ("-m iprange --dst-range 10.0.0.2-10.0.0.9", TCP, False),
        ("-m comment --comment none", TCP, True),
        ("-m comment --comment -j", TCP, True),
        ('-m comment --comment "-p udp ! -s 10.0.0.1"', TCP, True),
        ('-m comment --comment "a \\"quoted\\" word"', TCP, True),
        ("-m set --match-set banned src", TCP, None),
        ("-m time --timestart 10:00", TCP, None),
        ('-m string --string "-p udp" --algo bm', TCP, None),
        ("-m u32 --u32 0x0=0x1", TCP, None),
    ],
)
def test_matches(line, tried, expected):
    assert answer(line, tried) is expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("-j ACCEPT", [Action("accept")]),
        ("-j DROP", [Action("drop")]),
        ("-j REJECT --reject-with icmp-port-unreachable", [Action("drop")]),
        ("-j RETURN", [Action("return")]),
        ("-j DNAT --to-destination 10.0.0.9:80", [Action("divert")]),
        ("-j REDIRECT --to-ports 80", [Action("divert")]),
        ("-j NETMAP --to 10.0.0.0/24", [Action("divert")]),
        ("-j TPROXY --on-port 80 --on-ip 127.0.0.1 --tproxy-mark 0x1/0x1", [Action("divert")]),
        ("-j c", [Action("jump", "c")]),
        ("-g c", [Action("goto", "c")]),
        ("-j NFQUEUE --queue-num 0", [Action("accept", certain=False), Action("drop", certain=False)]),
        ("-j SYNPROXY --sack-perm", [Action(word, certain=False) for word in ("accept", "drop", "continue")]),
        ("-j LOG --log-prefix DROP", []),
        ("-j MARK --set-xmark 0x1/0x1", []),
        ("-j CT --notrack", []),
        ("-m comment --comment counts", []),
    ],
)
def test_targets(target, expected):
    assert [*evaluate(target).actions] == expected


@pytest.mark.parametrize(
    "target",
    ["AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT", "DSCP", "HL", "IDLETIMER", "LED", "LOG", "MARK", "NFLOG",
     "NOTRACK", "RATEEST", "SECMARK", "SET", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TRACE", "TTL", "ULOG"],
)  # fmt: skip
def test_a_target_after_which_the_next_rule_is_evaluated(target):
    assert [*evaluate(f"-j {target}").actions] == []


@pytest.mark.parametrize(
    ("line", "is_ban"),
    [
        ("-s 10.0.1.2/32", True),
        ("! -s 10.0.1.2/32", True),
        ("-m iprange --src-range 10.0.1.3-10.0.1.9", True),
        ("-m mac --mac-source 02:00:00:00:00:01", True),
        ("-m set --match-set banned src", True),
        ("-m set --match-set pairs dst,src", True),
        ("-m set ! --match-set allowed src", False),
        ("-m set --match-set ports dst", False),
        ("-m recent --update --seconds 60 --hitcount 4 --name x --mask 255.255.255.255 --rsource", True),
        ("-m recent ! --rcheck --name knocked --rsource", False),
        ("-m geoip --source-country XX", True),
        ("-m limit --limit 1/hour", True),
        ("-m hashlimit --hashlimit-above 5/min --hashlimit-mode srcip --hashlimit-name x", True),
        ("-m connlimit --connlimit-above 9 --connlimit-mask 32 --connlimit-saddr", True),
        ("-m statistic --mode random --probability 0.5", True),
        ("-m quota --quota 9", True),
        ("-m time --timestart 10:00", False),
        ("-m time --timestart 10:00 -m limit --limit 1/hour", True),
        ("-i eth0", False),
    ],
)
def test_bans(line, is_ban):
    assert [*evaluate(f"{line} -j DROP").actions] == [Action("drop", certain=False, ban=is_ban)]
    assert [*evaluate(f"{line} -j c").actions] == [Action("jump", "c", certain=False, ban=is_ban)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-p tcp -m tcp --dport 8001", True),
        ("-p tcp -m multiport --dports 8001", True),
        ("-p tcp -m tcp ! --dport 22", False),
        ("-p tcp", False),
        ("-p tcp -m multiport --ports 8001", False),
    ],
)
def test_a_rule_that_names_the_port(line, expected):
    assert [*evaluate(f"{line} -j DROP").actions] == [Action("drop", named=expected)]
    assert evaluate(f"{line} -j c").actions[0].named is expected


@pytest.mark.parametrize(
    ("target", "mark"),
    [
        ("-j MARK --set-xmark 0x1/0x1", MARKED | 1),
        ("-j MARK --set-xmark 0x3/0xffffffff", Bits(3)),
        ("-j MARK --set-xmark 0x0/0x10000000", UNMARKED),
        ("-j MARK --set-xmark 0x10000000/0x0", UNMARKED),
        ("-j HMARK --hmark-mod 5", ANY_MARK),
        ("-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff", ANY_MARK),
        ("-j CONNMARK --save-mark", MARKED),
        ("-j TARPIT", ANY_MARK),
        ("-j ACCEPT", MARKED),
        ("-j c", MARKED),
        ("-p udp -j MARK --set-xmark 0x3/0xffffffff", MARKED),
    ],
)
def test_the_mark_after_a_rule(target, mark):
    assert evaluate(target).mark == mark


@pytest.mark.parametrize(
    ("target", "expected"),
    [("-j CT --notrack", True), ("-j NOTRACK", True), ("-j CT --helper ftp", False), ("-j ACCEPT", False)],
)
def test_a_rule_that_excludes_packets_from_connection_tracking(target, expected):
    assert parse_rule(f"-A PREROUTING {target}", frozenset()).untracks is expected


def test_a_line_is_parsed_once():
    rule = parse_rule("-A INPUT -p tcp -j c", frozenset({"c"}))
    assert (rule.text, rule.target) == ("-A INPUT -p tcp -j c", "c")
    assert parse_rule("-A INPUT -p tcp -j c", frozenset({"c"})) is rule
    assert [*parse_rule("-A INPUT -p tcp -j c", frozenset()).evaluate(TCP).actions] == [
        Action(word, certain=False) for word in ("accept", "drop", "continue")
    ]

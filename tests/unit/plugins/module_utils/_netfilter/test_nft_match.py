# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of nftables matches, in the form in which nft lists them, for packets to a managed port."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_match import (
    equals,
    is_ban,
    is_computed,
    is_readable,
    matches,
    names_port,
    write_mark,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    ANY_MARK,
    MARKED,
    UNMARKED,
    Bits,
    Packet,
)

SOURCES = {"ipv4": ["10.0.1.2", "10.0.1.3"], "ipv6": ["fd00:1::2", "fd00:1::3"]}
ADDRESSES = {"ipv4": ["10.0.0.1"], "ipv6": ["fd00::1"]}
OURS = 0x10000000


def make_packet(protocol="tcp", family="ipv4", **known):
    sources, addresses = (parse_networks(family, texts[family]) for texts in (SOURCES, ADDRESSES))
    return Packet(family, protocol, 8001, sources, addresses, mark=MARKED, **known)


TCP, UDP, TCP6 = make_packet(), make_packet("udp"), make_packet(family="ipv6")
LATER, UNTRACKED, RAW = make_packet(is_first=False), make_packet(tracked=None), make_packet(tracked=False)


def make_payload(protocol, field):
    return {"payload": {"protocol": protocol, "field": field}}


def make_meta(key):
    return {"meta": {"key": key}}


def match(operator, left, right):
    return {"op": operator, "left": left, "right": right}


def make_set(*values):
    return {"set": [*values]}


def make_range(first, last):
    return {"range": [first, last]}


PORT, ANY_PORT, FLAGS = make_payload("tcp", "dport"), make_payload("th", "dport"), make_payload("tcp", "flags")
SOURCE, SOURCE6 = make_payload("ip", "saddr"), make_payload("ip6", "saddr")
MARK, STATE, PROTOCOL = make_meta("mark"), {"ct": {"key": "state"}}, make_meta("l4proto")
LOCAL = {"fib": {"result": "type", "flags": ["daddr"]}}
FIN_SYN_RST_ACK = ["fin", "syn", "rst", "ack"]


@pytest.mark.parametrize(
    ("tried", "left", "operator", "right", "expected"),
    [
        (TCP, PORT, "==", 8001, True),
        (TCP, PORT, "==", 8000, False),
        (TCP, PORT, "!=", 8001, False),
        (TCP, PORT, "!=", 8000, True),
        (TCP, PORT, "==", make_range(8000, 8010), True),
        (TCP, PORT, "!=", make_range(8000, 8001), False),
        (TCP, PORT, "==", make_range(8002, 8010), False),
        (TCP, PORT, "==", make_set(22, make_range(8000, 8010)), True),
        (TCP, PORT, "!=", make_set(22, 443), True),
        (TCP, PORT, "<", 8001, False),
        (TCP, PORT, "<=", 8001, True),
        (TCP, PORT, ">", 8001, False),
        (TCP, PORT, ">=", 8001, True),
        (TCP, PORT, "<", 8002, True),
        (TCP, PORT, "==", "@ports", None),
        (TCP, PORT, "!=", "@ports", None),
        (TCP, {"&": [PORT, 0xFF]}, "==", 0x41, True),
        (TCP, {"&": [PORT, 0xFF]}, "!=", 0x41, False),
        (TCP, {"&": [PORT, 0xFF, 1]}, "==", 0x41, None),
        (TCP, {"<<": [PORT, 1]}, "==", 0x41, None),
        (TCP, ANY_PORT, "==", 8001, True),
        (UDP, ANY_PORT, "!=", 25, True),
        (replace(TCP, port=None), PORT, "==", 8001, None),
        (replace(TCP, port=None), PORT, "<", 65536, True),
        (TCP, make_payload("tcp", "sport"), "==", 8001, None),
        (replace(TCP, source_port=8001), make_payload("tcp", "sport"), "==", 8001, True),
        (TCP, PORT, "~", 8001, None),
    ],
)  # fmt: skip
def test_ports(tried, left, operator, right, expected):
    assert matches(tried, match(operator, left, right)) is expected


@pytest.mark.parametrize("operator", ["==", "!=", "<", ">", "in", "!"])
@pytest.mark.parametrize(
    ("tried", "left"),
    [
        (UDP, PORT), (TCP, make_payload("udp", "dport")), (UDP, FLAGS), (UDP, {"&": [FLAGS, FIN_SYN_RST_ACK]}),
        (TCP, make_payload("udp", "length")), (TCP, make_payload("icmp", "type")), (TCP6, make_payload("icmpv6", "type")),
        (TCP, make_payload("sctp", "dport")), (TCP, make_payload("dccp", "dport")), (TCP, make_payload("udplite", "dport")),
        (TCP, make_payload("esp", "spi")), (TCP, make_payload("ah", "spi")), (TCP, make_payload("comp", "cpi")), (TCP, make_payload("igmp", "type")),
        (TCP, make_payload("arp", "operation")), (TCP, make_payload("gre", "protocol")),
        (TCP6, SOURCE), (TCP6, make_payload("ip", "protocol")), (TCP, SOURCE6), (TCP, make_payload("ip6", "nexthdr")),
        (UDP, {"concat": [SOURCE, PORT]}), (TCP6, {"concat": [SOURCE, PORT]}), (TCP6, {"&": [SOURCE, "255.0.255.0"]}),
        (UDP, {"tcp option": {"name": "maxseg", "field": "size"}}), (TCP6, {"ip option": {"name": "ra"}}),
        (TCP, {"exthdr": {"name": "frag", "field": "id"}}),
    ],
)  # fmt: skip
def test_a_match_of_a_header_that_the_packet_lacks(tried, left, operator):
    assert matches(tried, match(operator, left, 5)) is False


@pytest.mark.parametrize(
    ("tried", "operator", "right", "expected"),
    [
        (TCP, "in", "syn", True),
        (TCP, "in", "ack", False),
        (TCP, "in", ["syn", "ack"], True),
        (TCP, "in", ["ack", "fin"], False),
        (TCP, "in", "ecn", None),
        (TCP, "!", "syn", False),
        (TCP, "!", "ack", True),
        (TCP, "==", "syn", None),  # it can have the flags for ECN
        (TCP, "!=", "ack", True),
        (TCP, "==", make_set("ack", "rst"), False),
        (TCP, "==", make_set({"|": ["syn", "ack"]}), False),
        (LATER, "in", "syn", None),
        (TCP, "in", "bogus", None),
    ],
)
def test_the_flags_of_the_first_packet(tried, operator, right, expected):
    assert matches(tried, match(operator, FLAGS, right)) is expected


@pytest.mark.parametrize(
    ("tried", "operator", "right", "expected"),
    [
        (TCP, "==", "syn", True),
        (TCP, "!=", "syn", False),
        (TCP, "==", ["syn", "ack"], False),
        (TCP, "!=", {"|": ["syn", "ack"]}, True),
        (LATER, "!=", "syn", None),
        (UDP, "!=", "syn", False),
    ],
)
def test_masked_flags(tried, operator, right, expected):
    assert matches(tried, match(operator, {"&": [FLAGS, FIN_SYN_RST_ACK]}, right)) is expected
    assert (
        matches(tried, match(operator, {"&": [FLAGS, {"|": ["fin", {"|": ["syn", {"|": ["rst", "ack"]}]}]}]}, right))
        is expected
    )


@pytest.mark.parametrize(
    ("tried", "operator", "right", "expected"),
    [
        (TCP, "in", "new", True),
        (TCP, "in", ["new", "untracked"], True),
        (TCP, "in", ["established", "related"], False),
        (TCP, "==", make_set("new", "established"), True),
        (TCP, "!=", make_set("new", "established"), False),
        (TCP, "!=", "new", False),
        (TCP, "!", "new", False),
        (TCP, "!", "established", True),
        (LATER, "in", "established", True),
        (LATER, "in", "new", False),
        (RAW, "in", "invalid", True),
        (RAW, "in", "new", False),
        (UNTRACKED, "in", "new", None),
        (TCP, "==", 8, True),
        (TCP, "in", 8, True),
    ],
)
def test_states_of_connections(tried, operator, right, expected):
    assert matches(tried, match(operator, STATE, right)) is expected


@pytest.mark.parametrize(
    ("tried", "left", "operator", "right", "expected"),
    [
        (TCP, SOURCE, "==", {"prefix": {"addr": "10.0.0.0", "len": 8}}, True),
        (TCP, SOURCE, "==", make_range("10.0.1.0", "10.0.1.9"), True),
        (TCP, SOURCE, "==", make_set("10.0.1.2", "10.0.1.3"), True),
        (TCP, SOURCE, "!=", make_set("10.0.1.2", "10.0.1.3", "10.0.9.9"), False),
        (TCP, SOURCE, "==", make_set("10.0.1.2", "10.0.9.9"), None),
        (TCP, SOURCE, "==", "10.0.1.2", None),
        (TCP, SOURCE, "!=", "10.0.1.2", None),
        (TCP, SOURCE, "==", "10.0.9.9", False),
        (TCP, SOURCE, "!=", "10.0.9.9", True),
        (TCP, SOURCE, "!=", {"prefix": {"addr": "10.0.0.0", "len": 8}}, False),
        (TCP, SOURCE, "==", "@banned", None),
        (TCP, SOURCE, "==", "localhost", None),
        (TCP, make_payload("ip", "daddr"), "==", "10.0.0.1", True),
        (TCP, make_payload("ip", "daddr"), "!=", "10.0.0.1", False),
        (TCP6, SOURCE6, "==", {"prefix": {"addr": "fd00:1::", "len": 64}}, True),
        (TCP6, SOURCE6, "!=", "fd00:2::1", True),
        (TCP, make_payload("ether", "saddr"), "==", "02:00:00:00:00:01", None),
        (TCP, make_payload("ether", "saddr"), "!=", "02:00:00:00:00:01", None),
        (TCP, {"payload": {"tunnel": "vxlan", "protocol": "udp", "field": "dport"}}, "==", 53, None),
    ],
)
def test_addresses(tried, left, operator, right, expected):
    assert matches(tried, match(operator, left, right)) is expected


@pytest.mark.parametrize(
    ("tried", "left", "operator", "right", "expected"),
    [
        (TCP, PROTOCOL, "==", "tcp", True),
        (TCP, PROTOCOL, "==", 6, True),
        (UDP, PROTOCOL, "==", 17, True),
        (UDP, PROTOCOL, "!=", "tcp", True),
        (TCP, PROTOCOL, "==", make_set("icmp", "ipv6-icmp"), False),
        (TCP, PROTOCOL, "==", make_set("udp", "tcp"), True),
        (TCP, make_payload("ip", "protocol"), "==", "udp", False),
        (TCP6, make_payload("ip6", "nexthdr"), "!=", "udp", True),
        (TCP, make_meta("nfproto"), "==", "ipv4", True),
        (TCP6, make_meta("nfproto"), "==", "ipv4", False),
        (TCP6, make_meta("nfproto"), "!=", "ipv4", True),
        (TCP, make_meta("protocol"), "==", "ip", True),
        (TCP6, make_meta("protocol"), "==", make_set("ip", "ip6"), True),
        (TCP, make_meta("protocol"), "!=", "arp", True),
        (TCP6, make_meta("protocol"), "==", "vlan", False),
        (TCP, make_meta("iifname"), "==", "lo", False),
        (TCP, make_meta("iif"), "!=", "lo", True),
        (TCP, make_meta("oifname"), "==", "lo", False),
        (TCP, make_meta("iifname"), "==", "eth0", None),
        (TCP, make_meta("iifname"), "!=", "eth0", None),
        (TCP, make_meta("iifname"), "==", make_set("lo", "eth0"), None),
        (TCP, make_meta("pkttype"), "==", "host", True),
        (TCP, make_meta("pkttype"), "==", make_set("broadcast", "multicast"), False),
        (TCP, make_meta("pkttype"), "==", "@types", None),
        (TCP, LOCAL, "!=", "@types", None),
        (TCP, make_meta("iifname"), "==", "@outside", None),
        (TCP, make_meta("length"), "==", 60, None),
        (TCP, LOCAL, "==", "local", True),
        (TCP, LOCAL, "!=", "local", False),
        (TCP, LOCAL, "==", make_set("broadcast", "multicast"), False),
        (TCP, {"fib": {"result": "type", "flags": "daddr"}}, "==", "local", True),
        (TCP, {"fib": {"result": "type", "flags": ["daddr", "iif"]}}, "==", "local", None),
        (TCP, {"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, "==", False, None),
        (replace(TCP, port=None), LOCAL, "==", "local", None),
        (TCP, {"ct": {"key": "status"}}, "in", "dnat", False),
        (replace(TCP, translated=True), {"ct": {"key": "status"}}, "in", "dnat", True),
        (replace(TCP, translated=True), {"ct": {"key": "status"}}, "in", "snat", False),
        (replace(TCP, translated=True), LOCAL, "==", "local", None),
        (TCP, {"ct": {"key": "status"}}, "in", "snat", False),
        (TCP, {"ct": {"key": "status"}}, "in", "assured", None),
        (TCP, {"ct": {"key": "direction"}}, "==", "original", None),
        (TCP, {"numgen": {"mode": "random", "mod": 2, "offset": 0}}, "==", 0, None),
    ],
)  # fmt: skip
def test_other_properties(tried, left, operator, right, expected):
    assert matches(tried, match(operator, left, right)) is expected


@pytest.mark.parametrize(
    ("mark", "left", "operator", "right", "expected"),
    [
        (MARKED, {"&": [MARK, OURS]}, "==", OURS, True),
        (MARKED, {"&": [MARK, OURS]}, "!=", 0, True),
        (UNMARKED, {"&": [MARK, OURS]}, "==", OURS, False),
        (ANY_MARK, {"&": [MARK, OURS]}, "==", OURS, None),
        (MARKED, {"&": [MARK, OURS + 1]}, "==", OURS + 1, None),
        (UNMARKED, {"&": [MARK, OURS + 1]}, "==", OURS + 1, False),
        (MARKED, MARK, "==", OURS, None),
        (MARKED, MARK, "==", 0x20000000, False),
        (MARKED, MARK, "==", make_set(1, 2), False),
        (MARKED, {"|": [{"&": [MARK, OURS]}, 1]}, "==", OURS + 1, True),
        (MARKED, {"^": [{"&": [MARK, OURS]}, OURS]}, "==", 0, True),
    ],
)
def test_marks(mark, left, operator, right, expected):
    assert matches(replace(TCP, mark=mark), match(operator, left, right)) is expected


@pytest.mark.parametrize(
    ("left", "element", "expected"),
    [
        (PORT, 8001, True),
        (PORT, make_range(8000, 8010), True),
        (PORT, 22, False),
        (make_payload("udp", "dport"), 8001, False),
        ({"concat": [PROTOCOL, ANY_PORT]}, {"concat": ["tcp", 8001]}, True),
        ({"concat": [PROTOCOL, ANY_PORT]}, {"concat": ["tcp", make_range(8000, 8010)]}, True),
        ({"concat": [PROTOCOL, ANY_PORT]}, {"concat": ["udp", 8001]}, False),
        ({"concat": [SOURCE, ANY_PORT]}, {"concat": ["10.0.1.2", 8001]}, None),
        ({"concat": [SOURCE, ANY_PORT]}, {"concat": ["10.0.1.2", 22]}, False),
        ({"concat": [PROTOCOL, ANY_PORT]}, {"concat": ["tcp"]}, None),
        ({"concat": [PROTOCOL, ANY_PORT]}, "tcp", None),
        (STATE, "new", True),
        (MARK, "new", None),
        ("new form", 1, None),
    ],
)
def test_keys_of_maps(left, element, expected):
    assert equals(TCP, left, element) is expected


@pytest.mark.parametrize(
    ("tried", "statement", "expected"),
    [
        (TCP, {"reject": None}, True),
        (TCP, {"reject": {"type": "tcp reset"}}, True),
        (UDP, {"reject": {"type": "tcp reset"}}, False),
        (TCP, {"reject": {"type": "icmp", "expr": "host-unreachable"}}, True),
        (TCP6, {"reject": {"type": "icmp", "expr": "host-unreachable"}}, False),
        (TCP6, {"reject": {"type": "icmpv6", "expr": "no-route"}}, True),
        (TCP, {"reject": {"type": "icmpv6", "expr": "no-route"}}, False),
        (TCP6, {"reject": {"type": "icmpx", "expr": "no-route"}}, True),
        (TCP, {"dnat": {"family": "ip6", "addr": "fd00::9"}}, False),
        (TCP6, {"tproxy": {"family": "ip", "addr": "127.0.0.1"}}, False),
        (TCP, {"dnat": {"addr": "10.0.0.9", "port": 80}}, True),
        (UDP, {"mangle": {"key": MARK, "value": {"map": {"key": PORT, "data": "@m"}}}}, False),
        (UDP, {"set": {"op": "add", "elem": PORT, "set": "@s"}}, False),
        (UDP, {"vmap": {"key": PORT, "data": "@m"}}, False),
        (TCP, {"counter": {"packets": 0}}, True),
    ],
)
def test_a_statement_ends_for_packets_without_its_header(tried, statement, expected):
    assert is_readable(tried, statement) is expected


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        (0x1, Bits(1)),
        ({"|": [MARK, 1]}, MARKED | 1),
        ({"&": [MARK, 0xEFFFFFFF]}, MARKED & 0xEFFFFFFF),
        ({"^": [MARK, OURS]}, MARKED ^ OURS),
        ({"ct": {"key": "mark"}}, ANY_MARK),
        ({"map": {"key": PORT, "data": {"set": [[8001, 1]]}}}, ANY_MARK),
        ("of a newer nft", ANY_MARK),
    ],
)
def test_a_mark_that_is_set(value, mark):
    assert write_mark(TCP, MARK, value) == mark
    assert write_mark(TCP, {"ct": {"key": "mark"}}, value) == MARKED


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, True),
        ("10.0.0.1", True),
        (["random"], True),
        (MARK, True),
        ({"|": [MARK, 1]}, True),
        ({"ct": {"key": "mark"}}, False),
        ({"map": {"key": PORT, "data": {"set": []}}}, False),
        ({"|": [{"ct": {"key": "mark"}}, 1]}, False),
    ],
)
def test_a_value_that_certainly_exists(value, expected):
    assert is_computed(value) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"limit": {"rate": 5, "per": "minute", "inv": True}}, True),
        ({"quota": {"val": 25}}, True),
        ({"ct count": {"val": 5, "inv": True}}, True),
        ({"meter": {"key": SOURCE, "stmt": {"limit": {"rate": 5}}}}, True),
        ({"set": {"op": "add", "elem": SOURCE, "set": "@m", "stmt": [{"limit": {"rate": 5}}]}}, True),
        ({"set": {"op": "add", "elem": SOURCE, "set": "@m"}}, False),
        ({"match": match("==", {"numgen": {"mode": "random", "mod": 2}}, 0)}, True),
        ({"match": match("==", SOURCE, "@banned")}, True),
        ({"match": match("!=", SOURCE, "@allowed")}, False),
        ({"match": match("!=", SOURCE, "10.0.1.2")}, True),
        ({"match": match("==", {"concat": [SOURCE6, PORT]}, "@banned")}, True),
        ({"match": match("==", make_payload("ether", "saddr"), "02:00:00:00:00:01")}, True),
        ({"match": match("==", {"ct": {"key": "ip saddr", "dir": "original"}}, "10.0.1.2")}, True),
        ({"match": match("==", {"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, False)}, True),
        ({"match": match("==", LOCAL, "local")}, False),
        ({"match": match("==", make_payload("ip", "daddr"), "@mine")}, False),
        ({"match": match("==", make_meta("iifname"), "eth1")}, False),
        ({"match": match("==", PORT, "@ports")}, False),
        ({"vmap": {"key": SOURCE, "data": "@verdicts"}}, True),
        ({"vmap": {"key": PORT, "data": "@verdicts"}}, False),
        ({"queue": None}, False),
    ],
)
def test_a_ban(expression, expected):
    assert is_ban(expression) is expected


@pytest.mark.parametrize(
    ("tried", "about", "expected"),
    [
        (TCP, match("==", PORT, 8001), True),
        (TCP, match("in", ANY_PORT, "@ports"), True),
        (TCP, match("!=", PORT, 8001), False),
        (TCP, match("!", PORT, 8001), False),
        (TCP, match("==", {"concat": [SOURCE, PORT]}, "@both"), True),
        (TCP, match("==", make_payload("tcp", "sport"), 8001), False),
        (replace(TCP, source_port=8001), match("==", make_payload("tcp", "sport"), 8001), True),
        (replace(TCP, source_port=8001), match("==", PORT, 8001), False),
        (TCP, {"key": PORT, "data": "@verdicts"}, True),
        (TCP, {"key": STATE, "data": "@verdicts"}, False),
    ],
)
def test_a_match_that_names_our_port(tried, about, expected):
    assert names_port(tried, about) is expected

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources that the rules of dockerd and podman allow to a published port. The namespace tests compare them with packets."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.bounds import list_named_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import parse_saved
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_walk import parse_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import list_unicast
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.published_access import (
    Container,
    find_published_access,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service

BRIDGE, INSIDE, ADDRESS = "br-5f1c2d3e4a5b", 8001, "172.18.0.2"
SERVICE = Service("tcp", 9001, None)
OWN = parse_networks("ipv4", ["10.0.0.13", "172.17.0.1", "172.18.0.1"])
ALL, NOTHING = "any", ""

# The output of iptables-save with Docker 24, a compose project with Kong and a container in the default network.
DOCKER = """\
*raw
:PREROUTING ACCEPT [0:0]
{raw}
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.18.0.0/16 ! -o br-5f1c2d3e4a5b -j MASQUERADE
-A DOCKER -i br-5f1c2d3e4a5b -j RETURN
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 5000 -j DNAT --to-destination 172.17.0.2:5000
-A DOCKER{given} ! -i br-5f1c2d3e4a5b -p tcp -m tcp --dport 9001 -j DNAT --to-destination {target}
COMMIT
*filter
:INPUT {input} [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
{first}
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o br-5f1c2d3e4a5b -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br-5f1c2d3e4a5b -j DOCKER
-A FORWARD -i br-5f1c2d3e4a5b ! -o br-5f1c2d3e4a5b -j ACCEPT
-A FORWARD -i br-5f1c2d3e4a5b -o br-5f1c2d3e4a5b -j ACCEPT
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 5000 -j ACCEPT
-A DOCKER -d 172.18.0.2/32 ! -i br-5f1c2d3e4a5b -o br-5f1c2d3e4a5b -p tcp -m tcp --dport 8001 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i br-5f1c2d3e4a5b ! -o br-5f1c2d3e4a5b -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o br-5f1c2d3e4a5b -j DROP
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
{user}
-A DOCKER-USER -j RETURN
COMMIT
"""


def make_container(*, interfaces=None, inner=("docker0", BRIDGE), listens=False, own=OWN):
    return Container(INSIDE, own, interfaces or {ADDRESS: BRIDGE}, frozenset(inner), listens)


def find(*user, first=(), raw=(), given="", target=f"{ADDRESS}:8001", policy="ACCEPT", service=SERVICE, **container):
    """Return the allowed and the unknown sources, and the reason."""
    parts = {"user": "\n".join(user), "first": "\n".join(first), "raw": "\n".join(raw)}
    saved = DOCKER.format(**parts, given=given and f" -d {given}/32", target=target, input=policy)
    bounds = [*list_named_networks("ipv4", saved)]
    found = find_published_access(parse_saved(saved, "ipv4"), service, "ipv4", bounds, make_container(**container))
    return show(found.allowed), show(found.undecided), found.reason


def show(networks):
    return ALL if networks == list_unicast(networks.family) else " ".join(networks.format())


OF_USER = "-A DOCKER-USER"


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ([], ALL),
        ([f"{OF_USER} -j DROP"], NOTHING),
        ([f"{OF_USER} -s 10.0.0.0/24 -j RETURN", f"{OF_USER} -j DROP"], "10.0.0.0/24"),
        # The destination is that of the container here.
        ([f"{OF_USER} -p tcp -m tcp --dport 8001 -s 10.0.0.0/24 -j RETURN", f"{OF_USER} -p tcp -m tcp --dport 8001 -j DROP"], "10.0.0.0/24"),
        ([f"{OF_USER} -p tcp -m tcp --dport 9001 -j DROP"], ALL),
        ([f"{OF_USER} -d 172.18.0.0/16 ! -s 10.0.0.9/32 -j REJECT --reject-with icmp-port-unreachable"], "10.0.0.9/32"),
        ([f"{OF_USER} -p tcp -m conntrack --ctorigdstport 9001 --ctdir ORIGINAL ! -s 10.0.0.9/32 -j DROP"], "10.0.0.9/32"),
        ([f"{OF_USER} -p tcp -m conntrack --ctorigdstport 9000 --ctdir ORIGINAL -j DROP"], ALL),
        ([f"{OF_USER} -p tcp -m conntrack --ctorigdstport 9001 --ctdir REPLY -j DROP"], ALL),
        ([f"{OF_USER} -p tcp -m conntrack --ctorigdstport 9000:9002 -j DROP"], NOTHING),
        ([f"{OF_USER} -m conntrack --ctorigdst 10.0.9.0/24 -j DROP"], ALL),
        ([f"{OF_USER} -m conntrack --ctstate DNAT -j DROP"], NOTHING),
        ([f"{OF_USER} -i docker0 -j DROP"], ALL),
        ([f"{OF_USER} -o br-+ -j DROP"], NOTHING),
        ([f"{OF_USER} ! -o docker+ -s 10.0.0.9/32 -j DROP", f"{OF_USER} -s 10.0.0.8/29 -j ACCEPT", f"{OF_USER} -j DROP"],
         "10.0.0.8/32 10.0.0.10/31 10.0.0.12/30"),
    ],
)  # fmt: skip
def test_the_rules_of_dockerd_and_its_users_are_exact(rules, allowed):
    assert find(*rules) == (allowed, NOTHING, "")


@pytest.mark.parametrize(
    ("rule", "unknown"),
    [
        (f"{OF_USER} -i eth0 ! -s 10.0.0.0/24 -j DROP", "not 10.0.0.0/24"),
        (f"{OF_USER} -m conntrack --ctorigdst 10.0.0.13 -j DROP", ALL),
        (f"{OF_USER} -m limit --limit 10/sec -j DROP", ALL),
    ],
)
def test_a_rule_that_does_not_decide_is_the_reason(rule, unknown):
    _allowed, undecided, reason = find(rule)
    assert reason == f"`{rule}` in chain filter DOCKER-USER"
    assert (undecided == ALL) is (unknown == ALL)


def test_rules_before_the_translation_and_before_those_of_dockerd_count():
    raw = ["-A PREROUTING -s 10.0.0.0/25 -p tcp -m tcp --dport 9001 -j DROP"]
    first = ["-A FORWARD -s 10.0.0.128/25 -j ACCEPT", "-A FORWARD -j DROP"]
    assert find(raw=raw, first=first) == ("10.0.0.128/25", NOTHING, "")


def test_packets_to_the_address_of_a_container_are_other_packets():
    """Docker 28 drops them in the table raw."""
    assert find(raw=[f"-A PREROUTING -d {ADDRESS}/32 ! -i {BRIDGE} -j DROP"]) == (ALL, NOTHING, "")


@pytest.mark.parametrize(
    ("service", "given", "allowed"),
    [
        (Service("tcp", 9001, "10.0.0.13"), "10.0.0.13", ALL),
        (Service("tcp", 9001, "10.0.0.14"), "10.0.0.13", NOTHING),
        (Service("tcp", 9002, None), "", NOTHING),
        (Service("udp", 9001, None), "", NOTHING),
    ],
)
def test_only_packets_to_the_published_address_are_translated(service, given, allowed):
    own = parse_networks("ipv4", [service.address] if service.address else ["10.0.0.13"])
    assert find(given=given, service=service, own=own) == (allowed, NOTHING, "")


def test_a_translation_of_some_addresses_is_unknown():
    _allowed, undecided, reason = find(given="10.0.0.13")
    assert undecided == ALL
    assert "--to-destination" in reason


@pytest.mark.parametrize("target", ["172.18.0.3:8001", "172.18.0.2:8000", "172.18.0.2", "172.18.0.2-172.18.0.3:8001"])
def test_a_translation_to_another_destination_is_unknown(target):
    _allowed, undecided, reason = find(target=target)
    assert undecided == ALL
    assert f"--to-destination {target}" in reason


def test_a_port_that_keeps_its_number_needs_no_port_in_the_rule():
    service = Service("tcp", INSIDE, None)
    saved = DOCKER.format(user="", first="", raw="", given="", target=ADDRESS, input="DROP").replace(
        "--dport 9001", f"--dport {INSIDE}"
    )
    found = find_published_access(parse_saved(saved, "ipv4"), service, "ipv4", [], make_container())
    assert (show(found.allowed), found.reason) == (ALL, "")


@pytest.mark.parametrize(
    ("listens", "policy", "allowed"), [(True, "ACCEPT", ALL), (True, "DROP", NOTHING), (False, "ACCEPT", NOTHING)]
)
def test_without_a_translation_a_program_of_the_host_receives_the_packets(listens, policy, allowed):
    service = Service("tcp", 9002, None)
    assert find(service=service, listens=listens, policy=policy) == (allowed, NOTHING, "")


def test_interfaces_of_containers_are_unknown_to_rules_for_packets_to_the_host():
    """Docker's proxy also serves other containers."""
    service = Service("tcp", 9002, None)
    saved = DOCKER.format(
        user="-A INPUT -i docker0 -j DROP", first="", raw="", given="", target="192.0.2.1", input="ACCEPT"
    )
    found = find_published_access(parse_saved(saved, "ipv4"), service, "ipv4", [], make_container(listens=True))
    assert show(found.undecided) == ALL


def test_a_bridge_that_may_have_a_network_card_leaves_the_sources_unknown():
    _allowed, undecided, reason = find(f"{OF_USER} -i br0 -j DROP")
    assert (undecided, reason) == (ALL, f"`{OF_USER} -i br0 -j DROP` in chain filter DOCKER-USER")


def list_nft(*rules, policy="accept"):
    """Return the tables of netavark with nftables, and a chain with further rules for forwarded packets."""
    chain = {"family": "inet", "table": "netavark"}
    dnat = {"dnat": {"family": "ip", "addr": "10.89.0.2", "port": 8001}}
    objects = [
        {"chain": {**chain, "name": "PREROUTING", "type": "nat", "hook": "prerouting", "prio": -100, "policy": "accept"}},
        {"chain": {**chain, "name": "NETAVARK-HOSTPORT-DNAT"}},
        {"chain": {**chain, "name": "nv_1_dnat"}},
        {"chain": {**chain, "name": "FORWARD", "type": "filter", "hook": "forward", "prio": 0, "policy": policy}},
        {"rule": {**chain, "chain": "PREROUTING", "expr": [
            {"match": {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}},
            {"jump": {"target": "NETAVARK-HOSTPORT-DNAT"}}]}},
        {"rule": {**chain, "chain": "NETAVARK-HOSTPORT-DNAT", "expr": [match("dport", 9001, "tcp"), {"jump": {"target": "nv_1_dnat"}}]}},
        {"rule": {**chain, "chain": "nv_1_dnat", "expr": [match("dport", 9001, "tcp"), dnat]}},
        *({"rule": {**chain, "chain": "FORWARD", "handle": 9, "expr": [*rule]}} for rule in rules),
    ]  # fmt: skip
    return parse_tables(objects), objects


def match(field, value, protocol="ip", op="=="):
    return {"match": {"op": op, "left": {"payload": {"protocol": protocol, "field": field}}, "right": value}}


def make_match(left, value, op="=="):
    return {"match": {"op": op, "left": left, "right": value}}


NET = {"prefix": {"addr": "10.0.0.0", "len": 24}}
ORIGINAL_PORT = {"ct": {"key": "proto-dst", "dir": "original"}}
ORIGINAL_ADDRESS = {"ct": {"key": "ip daddr", "dir": "original"}}


@pytest.mark.parametrize(
    ("rules", "policy", "allowed"),
    [
        ([], "accept", ALL),
        ([], "drop", NOTHING),
        ([[make_match({"meta": {"key": "oifname"}}, "podman1"), match("saddr", NET), {"accept": None}]], "drop", "10.0.0.0/24"),
        ([[make_match({"meta": {"key": "iifname"}}, "podman1"), {"drop": None}]], "accept", ALL),
        ([[make_match({"meta": {"key": "oifname"}}, {"set": ["podman0", "podman1"]}), {"drop": None}]], "accept", NOTHING),
        ([[match("daddr", {"prefix": {"addr": "10.89.0.0", "len": 24}}), match("dport", 8001, "tcp"), {"drop": None}]], "accept", NOTHING),
        ([[make_match(ORIGINAL_PORT, 9001), match("saddr", NET, op="!="), {"drop": None}]], "accept", "10.0.0.0/24"),
        ([[make_match(ORIGINAL_PORT, {"set": [80, {"range": [9000, 9009]}]}), {"drop": None}]], "accept", NOTHING),
        ([[make_match(ORIGINAL_PORT, 80), {"drop": None}]], "accept", ALL),
        ([[make_match(ORIGINAL_ADDRESS, "192.0.2.1"), {"drop": None}]], "accept", ALL),
        ([[make_match({"ct": {"key": "direction"}}, "original"), {"drop": None}]], "accept", NOTHING),
        ([[make_match({"ct": {"key": "direction"}}, "reply"), {"drop": None}]], "accept", ALL),
    ],
)  # fmt: skip
def test_the_rules_of_netavark_are_exact(rules, policy, allowed):
    tables, objects = list_nft(*rules, policy=policy)
    container = make_container(interfaces={"10.89.0.2": "podman1"}, inner=["podman1"])
    bounds = [*list_named_networks("ipv4", objects)]
    found = find_published_access([*tables.values()], SERVICE, "ipv4", bounds, container)
    assert (show(found.allowed), show(found.undecided)) == (allowed, NOTHING)


@pytest.mark.parametrize(
    "rule",
    [
        [make_match({"meta": {"key": "oifname"}}, "podman*"), {"drop": None}],
        [make_match({"meta": {"key": "iifname"}}, "eth0"), {"drop": None}],
        [make_match({"ct": {"key": "proto-dst", "dir": "reply"}}, 9001), {"drop": None}],
        [make_match(ORIGINAL_PORT, "@ports"), {"drop": None}],
        [make_match({"ct": {"key": "ip daddr", "dir": "reply"}}, "192.0.2.1"), {"drop": None}],
    ],
)
def test_a_rule_of_nft_that_does_not_decide_leaves_the_sources_unknown(rule):
    tables, _objects = list_nft(rule)
    container = make_container(interfaces={"10.89.0.2": "podman1"}, inner=["podman1"])
    found = find_published_access([*tables.values()], SERVICE, "ipv4", [], container)
    assert show(found.undecided) == ALL
    assert "chain netavark FORWARD" in found.reason


def test_a_translation_with_a_map_is_unknown():
    tables, objects = list_nft()
    mapped = {"map": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": "@ports"}}
    objects[6]["rule"]["expr"] = [{"dnat": {"family": "ip", "addr": mapped}}]
    found = find_published_access([*parse_tables(objects).values()], SERVICE, "ipv4", [], make_container())
    assert show(found.undecided) == ALL
    assert tables


def test_ipv6_of_a_container_without_ipv6_reaches_the_proxy():
    own = parse_networks("ipv6", ["fd00::13"])
    saved = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s fd00:1::/64 -p tcp -m tcp --dport 9001 -j ACCEPT\nCOMMIT\n"
    tables = parse_saved(saved, "ipv6")
    bounds = [*list_named_networks("ipv6", saved)]
    found = find_published_access(tables, SERVICE, "ipv6", bounds, make_container(listens=True, own=own))
    assert (found.allowed.format(), found.reason) == (["fd00:1::/64"], "")


def test_the_first_rule_that_does_not_decide_is_the_reason():
    rule = "-A PREROUTING -m limit --limit 10/sec -j DROP"
    _allowed, undecided, reason = find(raw=[rule], given="10.0.0.13")
    assert (undecided, reason) == (ALL, f"`{rule}` in chain raw PREROUTING")


def test_a_connection_is_translated_once():
    """The kernel evaluates no further chain for NAT after a translation."""
    chain = {
        "family": "ip",
        "table": "late",
        "name": "pre",
        "type": "nat",
        "hook": "prerouting",
        "prio": -90,
        "policy": "accept",
    }
    rule = {"family": "ip", "table": "late", "chain": "pre", "handle": 1, "expr": [{"redirect": {"port": 1}}]}
    tables, _objects = list_nft()
    late = parse_tables([{"chain": chain}, {"rule": rule}])
    container = make_container(interfaces={"10.89.0.2": "podman1"}, inner=["podman1"])
    found = find_published_access([*tables.values(), *late.values()], SERVICE, "ipv4", [], container)
    assert (show(found.allowed), found.reason) == (ALL, "")

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT forwards of each device, and errors in mappings."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    GOSSIP,
    find_errors,
    find_only_error,
    list_warnings,
    plan_fleet,
    read_text,
)

PEER = {**GOSSIP, "kong_site": "a", "kong_address": "10.0.0.1", "kong_nat": [{"outside": "203.0.113.1"}]}
NODE = {**GOSSIP, "kong_site": "b", "kong_address": "10.1.0.2"}
NEW = {"kong_version": "3.9", "kong_site": "b", "kong_address": "10.1.0.2"}
GOSSIP_FORWARD = {"outside": "203.0.113.2", "outside_port": 9000, "inside_port": 7946}


def make_node(*mappings, **more):
    return {**NODE, "kong_nat": list(mappings), **more}


def list_rows(plan, node="n"):
    return [
        f"{forward['outside']}:{forward['outside_port']} {forward['protocol']} {forward['inside']}:{forward['inside_port']} {forward['listener']}"
        for forward in plan["nat_forwards"]
        if forward["node"] == node
    ]


def test_by_port():
    plan = plan_fleet({"a": PEER, "n": make_node(GOSSIP_FORWARD, {"outside": "203.0.113.2", "inside_port": 8000})})
    assert list_rows(plan) == [
        "203.0.113.2:9000 tcp 10.1.0.2:7946 cluster",
        "203.0.113.2:9000 udp 10.1.0.2:7946 cluster",
        "203.0.113.2:8000 tcp 10.1.0.2:8000 proxy",
    ]


def test_one_to_one_lists_listeners_with_allowed_sources():
    """Neither the Admin API, which allows no source, nor listeners on loopback."""
    plan = plan_fleet({"n": {**NEW, "kong_nat": [{"outside": "203.0.113.2"}], "kong_admin_listen": "0.0.0.0:8001"}})
    assert list_rows(plan) == ["203.0.113.2:8000 tcp 10.1.0.2:8000 proxy", "203.0.113.2:8443 tcp 10.1.0.2:8443 proxy"]
    assert [forward["sources"] for forward in plan["nat_forwards"]] == ["any", "any"]


def test_device_and_hairpin():
    named = {**GOSSIP_FORWARD, "device": "router"}
    forwards = plan_fleet({"a": PEER, "n": make_node(named, {"outside": "203.0.113.3", "inside_port": 8000})})[
        "nat_forwards"
    ]
    assert [
        (forward["device"], forward["listener"], forward["hairpin"]) for forward in forwards if forward["node"] == "n"
    ] == [
        ("router", "cluster", True),
        ("router", "cluster", True),
        ("203.0.113.3", "proxy", False),
    ]


def test_each_family_has_its_own_forwards():
    node = {
        **NEW,
        "kong_address": ["10.1.0.2", "fd00::2"],
        "kong_proxy_listen": "0.0.0.0:8000, [::]:8000",
        "kong_nat": [{"outside": "2001:db8::2"}],
    }
    assert list_rows(plan_fleet({"n": node})) == ["2001:db8::2:8000 tcp fd00::2:8000 proxy"]


BAD = {
    "gossip without udp": (
        make_node({**GOSSIP_FORWARD, "protocols": ["tcp"]}),
        "nat-protocol",
        "203.0.113.2:9000 tcp to port 7946",
        ["does not forward udp", "cluster_listen 7946 needs tcp (for joins) and udp", "Add the protocol"],
    ),
    "gossip without tcp": (
        make_node({**GOSSIP_FORWARD, "protocols": ["udp"]}),
        "nat-protocol",
        "203.0.113.2:9000 udp to port 7946",
        ["does not forward tcp"],
    ),
    "a port without a listener": (
        make_node({**GOSSIP_FORWARD, "inside_port": 80}),
        "nat-no-listener",
        "203.0.113.2:9000 tcp+udp to port 80",
        ["tcp+udp port 80", "cluster 10.1.0.2:7946", "proxy 0.0.0.0:8000", "Correct inside_port, inside"],
    ),
    "a port with a listener on loopback only": (
        make_node({"outside": "203.0.113.2", "inside_port": 7373}),
        "nat-no-listener",
        "203.0.113.2:7373 tcp+udp to port 7373",
        ["cluster_rpc 127.0.0.1:7373"],
    ),
    "the other protocol": (
        make_node({"outside": "203.0.113.2", "inside_port": 8000, "protocols": ["udp"]}),
        "nat-no-listener",
        "203.0.113.2:8000 udp to port 8000",
        ["udp port 8000", "or remove the mapping"],
    ),
    "a listener on another address": (
        make_node({"outside": "203.0.113.2", "inside_port": 8000}, kong_proxy_listen="10.1.0.9:8000"),
        "nat-no-listener",
        "203.0.113.2:8000 tcp+udp to port 8000",
        ["proxy 10.1.0.9:8000"],
    ),
    "a family that the node does not have": (
        make_node({"outside": "2001:db8::2"}),
        "nat-family",
        "2001:db8::2 one-to-one",
        ["no IPv6 address", "kong_address"],
    ),
    "one outside port for two inside": (
        make_node(GOSSIP_FORWARD, {**GOSSIP_FORWARD, "inside_port": 8000}),
        "nat-conflict",
        "203.0.113.2:9000 tcp+udp to port 8000",
        ["another mapping of this node", "Give each its own"],
    ),
    "one-to-one, and a mapping of one port": (
        make_node({"outside": "203.0.113.2"}, {"outside": "203.0.113.2", "outside_port": 8000, "inside_port": 8001}),
        "nat-conflict",
        "203.0.113.2:8000 tcp+udp to port 8001",
        ["another mapping of this node"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_mapping_with_an_error(case):
    node, code, value, parts = BAD[case]
    error = find_only_error({"n": node})
    assert (error.code, error.host, error.variable, error.value) == (code, "n", "kong_nat", value)
    for part in [f"n: kong_nat: {value!r}", *parts]:
        assert part in read_text(error)


OTHER = {**NEW, "kong_site": "c", "kong_address": "10.2.0.2"}
PROXY = {"outside": "203.0.113.2", "outside_port": 9000, "inside_port": 8000}


@pytest.mark.parametrize(
    ("first", "second", "conflicts"),
    [
        (PROXY, PROXY, True),
        (PROXY, {**PROXY, "outside_port": 9001}, False),
        (PROXY, {**PROXY, "outside": "203.0.113.3"}, False),
        ({**PROXY, "device": "r1"}, {**PROXY, "device": "r1"}, True),
        ({**PROXY, "device": "r1"}, {**PROXY, "device": "r2"}, False),
        # A mapping without a device may be on the same device.
        ({**PROXY, "device": "r1"}, PROXY, True),
        (PROXY, {**PROXY, "device": "r2"}, True),
        ({"outside": "203.0.113.2"}, {"outside": "203.0.113.2"}, True),
        ({"outside": "203.0.113.2"}, PROXY, False),
        ({"outside": "203.0.113.2"}, {**PROXY, "outside_port": 8443}, True),
        ({**PROXY, "outside_port": 8443}, {"outside": "203.0.113.2"}, True),
        (PROXY, {**PROXY, "protocols": ["tcp"]}, True),
    ],
)
def test_conflicts(first, second, conflicts):
    nodes = {"m": {**NEW, "kong_nat": [first]}, "n": {**OTHER, "kong_nat": [second]}}
    if not conflicts:
        plan_fleet(nodes)
        return
    error = find_only_error(nodes)
    assert (error.code, error.host, error.variable) == ("nat-conflict", "n", "kong_nat")
    for part in ("m has the same outside address and port", "set device"):
        assert part in read_text(error)


def test_repeated_mapping_has_no_conflict():
    plan_fleet({"n": {**NEW, "kong_nat": [PROXY, PROXY]}})


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ([{"outside_port": 1}], "its key outside"),
        ([{"outside": "router"}], "not an IPv4 or IPv6 address"),
        ([{"outside": "203.0.113.0/24"}], "not an IPv4 or IPv6 address"),
        ([{"outside": None}], "not an IPv4 or IPv6 address"),
        ([{"outside": "0.0.0.0"}], "unspecified"),
        ([{"outside": "127.0.0.1"}], "loopback"),
        ([{"outside": "203.0.113.2", "outside_port": 0}], "outside_port is 0"),
        ([{"outside": "203.0.113.2", "inside_port": 65536}], "inside_port is 65536"),
        ([{"outside": "203.0.113.2", "inside_port": "http"}], "inside_port is 'http'"),
        ([{"outside": "203.0.113.2", "inside_port": True}], "inside_port is True"),
        ([{"outside": "203.0.113.2", "protocols": ["sctp"]}], "protocols has 'sctp'; it takes tcp and udp"),
        ([{"outside": "203.0.113.2", "protocols": [1, "tcp"]}], "protocols has '1'"),
        ([{"outside": "203.0.113.2", "protocols": [["tcp"]]}], "protocols is [['tcp']]"),
        ([{"outside": "203.0.113.2", "sites": ""}], "sites is ''"),
        ([{"outside": "203.0.113.2", "sites": []}], "sites is an empty list"),
        ([{"outside": "203.0.113.2", "protocols": []}], "protocols is an empty list"),
        ([{"outside": "203.0.113.2", "device": ["r1", {}]}], "device is ['r1', {}]"),
        ([{"outside": "203.0.113.2", "protocols": 6}], "protocols has '6'"),
        ([{"outside": "203.0.113.2", "sites": {"a": 1}}], "sites is {'a': 1}"),
        ([{"outside": "203.0.113.2", "port": 1}], "unknown key 'port'"),
        ([{"outside": "203.0.113.2", 80: 9000, "x": 1}], "unknown key 80"),
        ([{"outside": "203.0.113.2", "hairpin_source": "fd00::1"}], "give one family"),
        ([{"outside": "203.0.113.2", "hairpin_source": "inside"}], "not an IPv4 or IPv6 address"),
        ([{"outside": "203.0.113.2", "hairpin_source": ""}], "'' is not an IPv4 or IPv6 address"),
        ([{"outside": "203.0.113.2", "inside": ""}], "'' is not an IPv4 or IPv6 address"),
        (
            [{"outside": "203.0.113.2", "outside_interface": "wan*", "device": "r"}],
            "outside_interface is 'wan*'; give the",
        ),
        (
            [{"outside": "203.0.113.2", "outside_interface": ["wan0"], "device": "r"}],
            "outside_interface is ['wan0']; give",
        ),
        ([{"outside": "203.0.113.2", "outside_interface": "wan0"}], "give the name of one device"),
        (
            [{"outside": "203.0.113.2", "outside_interface": "wan0", "device": ["r", "s"]}],
            "give the name of one device",
        ),
    ],
)
def test_unreadable_mapping(value, part):
    found = find_errors({"n": {**NEW, "kong_nat": value}})
    assert {(error.code, error.host, error.variable) for error in found} == {("nat-invalid", "n", "kong_nat")}
    assert part in found[0].message
    assert found[0].message.startswith("n: kong_nat: ")


def test_single_word_instead_of_a_list():
    mapping = {**GOSSIP_FORWARD, "sites": "a"}
    plan = plan_fleet({"a": PEER, "n": make_node(mapping)})
    assert plan["nodes"]["n"]["nat"][0]["sites"] == ["a"]
    seventh = {**NEW, "kong_site": 7, "kong_address": "10.7.0.1"}
    plan = plan_fleet({"n": {**NEW, "kong_nat": [{**PROXY, "protocols": "tcp", "sites": 7}]}, "m": seventh})
    assert plan["nodes"]["n"]["nat"][0]["protocols"] == ["tcp"]
    assert plan["nodes"]["n"]["nat"][0]["sites"] == ["7"]


@pytest.mark.parametrize("key", ["outside_port", "inside_port"])
def test_single_port_is_the_same_outside_and_inside(key):
    plan = plan_fleet({"n": {**NEW, "kong_nat": [{"outside": "203.0.113.2", key: "8000"}]}})
    assert list_rows(plan) == ["203.0.113.2:8000 tcp 10.1.0.2:8000 proxy"]


def test_mapping_for_an_unknown_site():
    plan = plan_fleet({"n": {**NEW, "kong_nat": [{**PROXY, "sites": ["partner"]}]}})
    (warning,) = list_warnings(plan)
    assert (warning["code"], warning["host"], warning["value"]) == ("nat-site-unknown", "n", ["partner"])
    assert "partner; the sites are b" in warning["message"]

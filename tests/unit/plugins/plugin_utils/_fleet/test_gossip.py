# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gossip clusters: the address that each node advertises, and the address that it binds."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    GOSSIP,
    find_errors,
    find_first_path,
    find_only_error,
    get_settings,
    get_sources,
    plan_fleet,
    read_text,
)


def make_node(site, address, **more):
    return {
        **GOSSIP,
        "kong_site": site,
        "kong_address": address,
        **{f"kong_{key}": value for key, value in more.items()},
    }


def make_forward(outside, outside_port, inside_port=7946, **more):
    return [{"outside": outside, "outside_port": outside_port, "inside_port": inside_port, **more}]


ONE_TO_ONE = [{"outside": "203.0.113.2"}]
A = make_node("a", "10.0.0.1")
A_FLAT = make_node("a", "10.0.0.1", flat_network=True)
A_VPN = make_node("a", "10.0.0.1", vpn_address="10.8.0.1")
A2_VPN = make_node("a", "10.0.0.2", vpn_address="10.8.0.2")
A_NAT = make_node("a", "10.0.0.1", nat=[{"outside": "203.0.113.1"}])

# name: the other nodes, n's variables, then n's advertised address and bind
CHOSEN = {
    "alone": ({}, make_node("b", "10.1.0.2"), "10.1.0.2:7946", "10.1.0.2:7946"),
    "one site": ({"a": make_node("b", "10.1.0.1")}, make_node("b", "10.1.0.2"), "10.1.0.2:7946", "10.1.0.2:7946"),
    "flat": ({"a": A_FLAT}, make_node("b", "10.1.0.2", flat_network=True), "10.1.0.2:7946", "10.1.0.2:7946"),
    "VPN": ({"a": A_VPN}, make_node("b", "10.1.0.2", vpn_address="10.8.0.9"), "10.8.0.9:7946", "10.8.0.9:7946"),
    "VPN in one site": (
        {"a": make_node("b", "10.1.0.1", vpn_address="10.8.0.1")},
        make_node("b", "10.1.0.2", vpn_address="10.8.0.9"),
        "10.1.0.2:7946",
        "10.1.0.2:7946",
    ),
    "VPN before a flat network": (
        {"a": {**A_VPN, "kong_flat_network": True}, "a2": {**A2_VPN, "kong_flat_network": True}},
        make_node("b", "10.1.0.2", vpn_address="10.8.0.9", flat_network=True),
        "10.8.0.9:7946",
        "10.8.0.9:7946",
    ),
    "VPN for all peers, also for peers of the site": (
        {"a": A_VPN, "b2": make_node("b", "10.1.0.3", vpn_address="10.8.0.3")},
        make_node("b", "10.1.0.2", vpn_address="10.8.0.9"),
        "10.8.0.9:7946",
        "10.8.0.9:7946",
    ),
    "one-to-one": ({"a": A_NAT}, make_node("b", "10.1.0.2", nat=ONE_TO_ONE), "203.0.113.2:7946", "10.1.0.2:7946"),
    "by port": (
        {"a": A_NAT},
        make_node("b", "10.1.0.2", nat=make_forward("203.0.113.2", 9000)),
        "203.0.113.2:9000",
        "10.1.0.2:7946",
    ),
    "a peer that is not on the VPN": (
        {
            "a": {**A_VPN, "kong_nat": [{"outside": "203.0.113.1"}]},
            "c": make_node("c", "10.3.0.1", nat=[{"outside": "203.0.113.3"}]),
        },
        make_node("b", "10.1.0.2", vpn_address="10.8.0.9", nat=make_forward("203.0.113.2", 9000)),
        "203.0.113.2:9000",
        "10.1.0.2:7946",
    ),
    "bind every address": (
        {"a": A_NAT},
        make_node("b", "10.1.0.2", cluster_listen="0.0.0.0:7000", nat=make_forward("203.0.113.2", 9000, 7000)),
        "203.0.113.2:9000",
        "0.0.0.0:7000",
    ),
    "bind one address": (
        {"a": A_NAT},
        make_node("b", "10.1.0.2", cluster_listen="10.1.0.2:80", nat=make_forward("203.0.113.2", 9000, 80)),
        "203.0.113.2:9000",
        "10.1.0.2:80",
    ),
    "given": (
        {"a": A_NAT},
        make_node("b", "10.1.0.2", cluster_advertise="203.0.113.2:7946", nat=ONE_TO_ONE),
        "203.0.113.2:7946",
        "10.1.0.2:7946",
    ),
    "given, the second mapping": (
        {"a": A_NAT},
        make_node(
            "b",
            "10.1.0.2",
            cluster_advertise="203.0.113.4:9000",
            nat=[{"outside": "203.0.113.2"}, *make_forward("203.0.113.4", 9000)],
        ),
        "203.0.113.4:9000",
        "10.1.0.2:7946",
    ),
    "given, and local": (
        {"a": make_node("b", "10.1.0.1")},
        make_node("b", "10.1.0.2", cluster_advertise="010.1.0.2:7946"),
        "10.1.0.2:7946",
        "10.1.0.2:7946",
    ),
    "only one of two mappings serves all sites": (
        {"a": A_NAT, "c": make_node("c", "10.3.0.1", nat=[{"outside": "203.0.113.3"}])},
        make_node(
            "b",
            "10.1.0.2",
            nat=[{"outside": "203.0.113.2", "sites": ["a"]}, {"outside": "203.0.113.4"}],
        ),
        "203.0.113.4:7946",
        "10.1.0.2:7946",
    ),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_chosen(case):
    others, variables, advertised, bind = CHOSEN[case]
    plan = plan_fleet({**others, "n": variables})
    assert get_settings(plan, "n")["cluster_advertise"] == advertised
    assert get_settings(plan, "n")["cluster_listen"] == bind
    (listener,) = (listener for listener in plan["nodes"]["n"]["listeners"] if listener["name"] == "cluster")
    assert f"{listener['address']}:{listener['port']}" == bind
    matched = {rule["address"] for rule in plan["nodes"]["n"]["ruleset"]["allow"] if rule["listener"] == "cluster"}
    # A Serf agent that binds 0.0.0.0 accepts IPv6 as well.
    assert matched == {None if bind.startswith("0.0.0.0") else listener["address"]}


@pytest.mark.parametrize(
    ("version", "key"),
    [
        ("0.6.1", "cluster.advertise"),
        ("0.8.3", "cluster.advertise"),
        ("0.9.9", "cluster_advertise"),
        ("0.10.4", "cluster_advertise"),
    ],
)
def test_name_of_the_setting(version, key):
    plan = plan_fleet({"n": {**make_node("b", "10.1.0.2"), "kong_version": version}})
    assert {k: v for k, v in get_settings(plan, "n").items() if "advertise" in k} == {key: "10.1.0.2:7946"}


@pytest.mark.parametrize("version", ["0.11", "0.14", "1.5", "2.8", "3.9"])
def test_versions_without_gossip_do_not_advertise(version):
    plan = plan_fleet({name: {"kong_address": f"10.0.0.{name[1]}", "kong_version": version} for name in ("n1", "n2")})
    assert not any("advertise" in key for key in get_settings(plan, "n1"))


def test_peers_of_the_site_use_the_hairpin():
    mapping = make_forward("203.0.113.2", 9002, hairpin_source="10.1.0.254")
    other = make_forward("203.0.113.2", 9003)
    plan = plan_fleet(
        {"a": A_NAT, "b2": make_node("b", "10.1.0.2", nat=mapping), "b3": make_node("b", "10.1.0.3", nat=other)},
    )
    assert get_settings(plan, "b2")["cluster_advertise"] == "203.0.113.2:9002"
    assert find_first_path(plan, "b3", "b2", "cluster", "udp") == (
        "203.0.113.2:9002",
        ("10.1.0.254/32",),
        7946,
        "hairpin",
    )
    assert find_first_path(plan, "b2", "b3", "cluster", "udp") == (
        "203.0.113.2:9003",
        ("10.1.0.2/32",),
        7946,
        "hairpin",
    )
    # The NAT device of one node shows its inside address, that of the other node shows the caller. So they share no set.
    assert get_sources(plan, "b2", "cluster") == ["10.1.0.254/32", "203.0.113.1/32"]
    assert get_sources(plan, "b3", "cluster") == ["10.1.0.2/32", "10.1.0.3/32", "203.0.113.1/32"]
    assert {
        forward["hairpin"]
        for forward in plan["nat_forwards"]
        if forward["listener"] == "cluster" and forward["node"] != "a"
    } == {True}


def test_two_clusters_are_separate():
    plan = plan_fleet(
        {
            name: make_node("a", f"10.0.0.{number}", cluster=cluster)
            for number, (name, cluster) in enumerate([("x1", "x"), ("x2", "x"), ("y1", "y"), ("y2", "y")], 1)
        }
    )
    assert get_sources(plan, "x1", "cluster") == ["10.0.0.1/32", "10.0.0.2/32"]
    assert get_sources(plan, "y2", "cluster", "udp") == ["10.0.0.3/32", "10.0.0.4/32"]


def test_newer_nodes_of_a_cluster_do_not_gossip():
    plan = plan_fleet(
        {"a1": A, "a2": make_node("a", "10.0.0.2"), "new": {"kong_site": "far", "kong_address": "10.9.0.1"}}
    )
    assert get_sources(plan, "a1", "cluster") == ["10.0.0.1/32", "10.0.0.2/32"]


def test_single_node_allows_no_peer():
    assert get_sources(plan_fleet({"n": make_node("b", "10.1.0.2")}), "n", "cluster") == []


B = make_node("b", "10.1.0.2")
BAD = {
    "no path": ({"a": A_NAT, "n": B}, "no-path", "kong_cluster_advertise", None, ["a (site a)", "is in site b"]),
    "mapping of another port": (
        {"a": A_NAT, "n": make_node("b", "10.1.0.2", nat=make_forward("203.0.113.2", 8000, 8000))},
        "no-path",
        "kong_cluster_advertise",
        None,
        ["a (site a)", "is in site b", "port 7946 over tcp and udp"],
    ),
    "one-to-one without udp": (
        {"a": A_NAT, "n": make_node("b", "10.1.0.2", nat=[{"outside": "203.0.113.2", "protocols": "tcp"}])},
        "no-path",
        "kong_cluster_advertise",
        None,
        ["a (site a)", "is in site b", "tcp and udp"],
    ),
    "no single address": (
        {
            "a": A_NAT,
            "c": make_node("c", "10.3.0.1", nat=[{"outside": "203.0.113.3"}]),
            "n": make_node(
                "b",
                "10.1.0.2",
                nat=[{"outside": "203.0.113.4", "sites": ["a"]}, {"outside": "203.0.113.5", "sites": ["c"]}],
            ),
        },
        "advertise-not-single",
        "kong_cluster_advertise",
        None,
        ["c (site c) cannot reach 203.0.113.4:7946", "a (site a) cannot reach 203.0.113.5:7946"],
    ),
    "given, and unreachable": (
        {"a": A_NAT, "n": make_node("b", "10.1.0.2", nat=ONE_TO_ONE, cluster_advertise="203.0.113.9:7946")},
        "advertise-unreachable",
        "kong_cluster_advertise",
        "203.0.113.9:7946",
        ["a (site a) cannot reach 203.0.113.9:7946"],
    ),
    "given, and the port is wrong": (
        {
            "a": A_NAT,
            "n": make_node(
                "b", "10.1.0.2", nat=make_forward("203.0.113.2", 9000), cluster_advertise="203.0.113.2:7946"
            ),
        },
        "advertise-unreachable",
        "kong_cluster_advertise",
        "203.0.113.2:7946",
        ["a (site a) cannot reach 203.0.113.2:7946"],
    ),
    "given, and reachable from its own site only": (
        {"a": A_NAT, "n": make_node("b", "10.1.0.2", nat=ONE_TO_ONE, cluster_advertise="10.1.0.2:7946")},
        "advertise-unreachable",
        "kong_cluster_advertise",
        "10.1.0.2:7946",
        ["a (site a) cannot reach 10.1.0.2:7946"],
    ),
    "gossip from an unexpected address": (
        {"a": make_node("b", "10.1.0.1"), "n": make_node("b", "10.1.0.2", cluster_listen="10.1.9.9:7946")},
        "gossip-bind",
        "kong_cluster_listen",
        "10.1.9.9:7946",
        ["10.1.0.2", "0.0.0.0", "kong_address"],
    ),
    "gossip on loopback": (
        {"a": make_node("b", "10.1.0.1"), "n": make_node("b", "10.1.0.2", cluster_listen="127.0.0.1:7946")},
        "no-path",
        "kong_cluster_listen",
        "127.0.0.1:7946",
        [
            "no path from a (site b) to this cluster listener",
            "It binds 127.0.0.1 only",
            "Set kong_cluster_listen",
        ],
    ),
    "gossip on loopback, with peers of two sites": (
        {
            "a": make_node("b", "10.1.0.1", flat_network=True),
            "c": A_FLAT,
            "n": make_node("b", "10.1.0.2", flat_network=True, cluster_listen="127.0.0.1:7946"),
        },
        "no-path",
        "kong_cluster_listen",
        "127.0.0.1:7946",
        ["no path from a (site b) to this cluster listener"],
    ),
    "gossip published on loopback": (
        {
            "a": make_node("b", "10.1.0.1"),
            "n": make_node("b", "10.1.0.2", published_ports=["127.0.0.1:7946:7946", "127.0.0.1:7946:7946/udp"]),
        },
        "no-path",
        "kong_published_ports",
        None,
        ["no path from a (site b) to this cluster listener", "Set kong_published_ports of this host"],
    ),
    "IPv6 alone": (
        {"n": make_node("b", "fd00::1")},
        "gossip-ipv4",
        "kong_address",
        "fd00::1",
        ["0.10.0-0.10.4", "IPv4 address"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(case):
    nodes, code, variable, value, parts = BAD[case]
    error = find_only_error(nodes)
    assert (error.code, error.host, error.variable, error.value) == (code, "n", variable, value)
    for part in ["n: " + variable, *([repr(value)] if value else []), *parts]:
        assert part in read_text(error)


@pytest.mark.parametrize("sites", [2, 3])  # and the local address
def test_error_names_the_first_three_addresses_that_a_peer_cannot_reach(sites):
    peers = {f"p{number}": make_node(f"s{number}", f"10.{number}.0.1", nat=[{"outside": f"203.0.113.{number}"}])
             for number in range(1, sites + 1)}  # fmt: skip
    mappings = [
        {"outside": f"203.0.113.{100 + number}", "sites": [f"s{number}"]} for number, _peer in enumerate(peers, start=1)
    ]
    error = find_only_error({**peers, "n": make_node("b", "10.9.0.2", nat=mappings)})
    assert error.code == "advertise-not-single"
    assert read_text(error).count("cannot reach") == 3


@pytest.mark.parametrize(
    "value",
    ["203.0.113.2", "[fd00::1]:7946", "0.0.0.0:7946", "127.0.0.1:7946", "kong.example:7946", "10.1.0.2:0", "7946"],
)
def test_no_advertised_address(value):
    error = find_only_error({"a": make_node("b", "10.1.0.1"), "n": make_node("b", "10.1.0.2", cluster_advertise=value)})
    assert (error.host, error.variable, error.value) == ("n", "kong_cluster_advertise", value)
    assert "192.168.10.5:9000" in error.message


def test_every_fix_in_the_message_works():
    """With each fix that the error for a missing path names, there is a path."""
    nodes = {"a": A, "n": B}
    assert {error.code for error in find_errors(nodes)} == {"no-path"}
    plan_fleet({"a": A_NAT, "n": {**B, "kong_nat": make_forward("203.0.113.2", 7946)}})
    plan_fleet({"a": A_VPN, "n": {**B, "kong_vpn_address": "10.8.0.2"}})
    plan_fleet({"a": A_FLAT, "n": {**B, "kong_flat_network": True}})


def test_two_nodes_at_one_outside_address():
    same = [{"outside": "203.0.113.2", "inside_port": 7946}]
    nodes = {"a": A_NAT, "b": make_node("b", "10.1.0.2", nat=same), "c": make_node("c", "10.3.0.2", nat=same)}
    error = find_only_error(nodes)
    assert (error.code, error.host) == ("nat-conflict", "c")
    named = {
        name: {**variables, "kong_nat": [{**same[0], "device": name}]} if name != "a" else variables
        for name, variables in nodes.items()
    }
    error = find_only_error(named)
    assert (error.code, error.host, error.value) == ("advertise-duplicate", "c", "203.0.113.2:7946")
    for part in ("c: kong_cluster_advertise: '203.0.113.2:7946'", "b of the same cluster", "its own outside port"):
        assert part in read_text(error)


def test_gossip_on_the_vpn_with_peers_that_are_not_on_it():
    """Each end would receive gossip from an address that it does not expect."""
    found = find_errors(
        {
            "a": make_node("b", "10.1.0.1", vpn_address="10.8.0.1"),
            "n": make_node("b", "10.1.0.2", vpn_address="10.8.0.2", cluster_listen="10.8.0.2:7946"),
        }
    )
    assert [(error.code, error.host, error.value) for error in found] == [
        ("gossip-bind", "a", "10.1.0.1:7946"),
        ("gossip-bind", "n", "10.8.0.2:7946"),
    ]
    assert "expected at 10.1.0.2" in found[1].detail


def test_single_node_may_bind_any_of_its_addresses():
    """No peer expects gossip from another address."""
    plan = plan_fleet({"n": make_node("b", "10.1.0.2", cluster_listen="10.1.0.77:7946")})
    assert plan["nodes"]["n"]["settings"]["cluster_listen"] == "10.1.0.77:7946"


def test_3_of_the_endpoints_that_no_peer_reaches_are_named():
    """Each peer reaches one of the outside addresses."""
    nodes = {
        f"p{number}": {**GOSSIP, "kong_site": f"s{number}", "kong_address": f"10.{number}.0.1",
                       "kong_nat": [{"outside": f"198.51.100.{number}"}]}
        for number in range(1, 5)
    }  # fmt: skip
    mappings = [{"outside": f"203.0.113.{number}", "sites": [f"s{number}"]} for number in range(1, 5)]
    nodes["a"] = {**GOSSIP, "kong_site": "s0", "kong_address": "10.0.0.1", "kong_nat": mappings}
    [error] = [error for error in find_errors(nodes) if (error.host, error.code) == ("a", "advertise-not-single")]
    assert read_text(error).count(" cannot reach ") == 3


V4, V6 = "0.0.0.0:81:7946", "[::]:80:7946"


@pytest.mark.parametrize("published", [[V4, V6], [V6, V4], ["127.0.0.1:80:7946", V4], ["[fd00::1]:80:7946", V4]])
def test_peers_dial_the_port_that_is_published_for_ipv4(published):
    ports = [f"{port}{protocol}" for port in published for protocol in ("/tcp", "/udp")]
    node = make_node("a", ["10.0.0.1", "fd00::1"], published_ports=ports)
    plan = plan_fleet({"n": node, "m": make_node("a", ["10.0.0.2", "fd00::2"])})
    assert get_settings(plan, "n")["cluster_advertise"] == "10.0.0.1:81"
    assert get_sources(plan, "n", "cluster", "udp", 81) == ["10.0.0.1/32", "10.0.0.2/32"]


@pytest.mark.parametrize("at", ["[::]", "[fd00::1]"])
def test_gossip_that_is_published_for_ipv6_only_has_no_path(at):
    node = make_node("a", ["10.0.0.1", "fd00::1"], published_ports=[f"{at}:7946:7946/tcp", f"{at}:7946:7946/udp"])
    error = find_only_error({"n": node, "m": make_node("a", ["10.0.0.2", "fd00::2"])})
    assert (error.code, error.variable) == ("no-path", "kong_published_ports")
    assert "It listens on IPv6 only, and gossip uses IPv4 only" in error.message


def test_endpoint_of_a_node_that_does_not_publish_gossip_is_checked():
    node = make_node("a", "10.0.0.1", published_ports=["80:8000"], cluster_advertise="10.0.0.1:99999")
    error = find_only_error({"n": node})
    assert (error.code, error.variable) == ("port-range", "kong_cluster_advertise")

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths: for every rule of DESIGN, section 4, the dialled address, the visible source and the local port."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import Addresses
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import find_paths
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, NatMapping, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

LOCAL_A, LOCAL_B = Addresses("10.0.0.1", "fd00:a::1"), Addresses("10.1.0.2", "fd00:b::2")
VPN_A, VPN_B = Addresses("10.8.0.1", "fd00:8::1"), Addresses("10.8.0.2", "fd00:8::2")
V4_A, V6_A = Addresses("10.0.0.1"), Addresses(ipv6="fd00:a::1")


def make_nat(outside, outside_port=None, inside_port=None, protocols=("tcp", "udp"), sites=(), hairpin=None):
    return NatMapping(outside, outside_port, inside_port, protocols, sites, (outside,), hairpin)


def make_caller(address=LOCAL_A, site="a", **more):
    return Host("caller", site, address, **more)


def make_target(address=LOCAL_B, site="b", **more):
    return Host("target", site, address, **more)


def make_listener(address="0.0.0.0", port=8001, protocols=("tcp",), name="admin", flags=()):
    return Listener(name, f"{name}_listen", address, port, protocols, flags)


def list_paths(source, host, listener=None, advertised=None):
    """Return (protocol, dialled, sources, local address, port, via) of each path."""
    listener = listener or make_listener()
    node = Node(host, "default", "3.9", "traditional", "G16", {}, {}, (listener,), advertised)
    return [
        (path.protocol, str(path.dialled), path.sources, path.address, path.port, path.via)
        for path in find_paths(source, node, listener)
    ]


ONE_TO_ONE, ONE_TO_ONE_6 = make_nat("203.0.113.2"), make_nat("2001:db8::2")
BY_PORT = make_nat("203.0.113.2", 9001, 8001)

TABLE = {
    # name: caller, target, listener, the paths
    "same site": (
        make_caller(site="b"),
        make_target(),
        make_listener(),
        [("10.1.0.2:8001", "10.0.0.1/32", "10.1.0.2", "local")],
    ),
    "same site, IPv6": (
        make_caller(site="b"),
        make_target(),
        make_listener("::"),
        [("[fd00:b::2]:8001", "fd00:a::1/128", "fd00:b::2", "local")],
    ),
    "same site, both families on one socket": (
        make_caller(site="b"),
        make_target(),
        make_listener("::", flags=("ipv6only=off",)),
        [
            ("10.1.0.2:8001", "10.0.0.1/32", "10.1.0.2", "local"),
            ("[fd00:b::2]:8001", "fd00:a::1/128", "fd00:b::2", "local"),
        ],
    ),
    "same site, local before VPN and NAT": (
        make_caller(site="b", vpn=VPN_A),
        make_target(vpn=VPN_B, nat=(ONE_TO_ONE,)),
        make_listener(),
        [("10.1.0.2:8001", "10.0.0.1/32", "10.1.0.2", "local")],
    ),
    "same site, no family in common": (
        make_caller(V6_A, site="b"),
        make_target(Addresses("10.1.0.2")),
        make_listener(),
        [],
    ),
    "other site, nothing in between": (make_caller(), make_target(), make_listener(), []),
    "VPN at both ends": (
        make_caller(vpn=VPN_A),
        make_target(vpn=VPN_B),
        make_listener(),
        [("10.8.0.2:8001", "10.8.0.1/32", "10.8.0.2", "vpn")],
    ),
    "VPN at both ends, IPv6": (
        make_caller(vpn=VPN_A),
        make_target(vpn=VPN_B),
        make_listener("::"),
        [("[fd00:8::2]:8001", "fd00:8::1/128", "fd00:8::2", "vpn")],
    ),
    "VPN before NAT and flat": (
        make_caller(vpn=VPN_A),
        make_target(vpn=VPN_B, nat=(ONE_TO_ONE,), flat=True),
        make_listener(),
        [("10.8.0.2:8001", "10.8.0.1/32", "10.8.0.2", "vpn")],
    ),
    "VPN at the target only": (make_caller(), make_target(vpn=VPN_B), make_listener(), []),
    "VPN at the caller only": (make_caller(vpn=VPN_A), make_target(), make_listener(), []),
    "VPN of different families": (
        make_caller(vpn=Addresses("10.8.0.1")),
        make_target(vpn=Addresses(ipv6="fd00:8::2")),
        make_listener("::", flags=("ipv6only=off",)),
        [],
    ),
    "bound to the VPN address, caller on it": (
        make_caller(vpn=VPN_A),
        make_target(vpn=VPN_B),
        make_listener("10.8.0.2"),
        [("10.8.0.2:8001", "10.8.0.1/32", "10.8.0.2", "vpn")],
    ),
    "bound to the VPN address, caller of the site not on it": (
        make_caller(site="b"),
        make_target(vpn=VPN_B),
        make_listener("10.8.0.2"),
        [],
    ),
    "bound to the VPN address, NAT does not lead there": (
        make_caller(),
        make_target(vpn=VPN_B, nat=(ONE_TO_ONE,)),
        make_listener("10.8.0.2"),
        [],
    ),
    "bound to another address of the target": (
        make_caller(site="b"),
        make_target(),
        make_listener("10.1.0.9"),
        [("10.1.0.9:8001", "10.0.0.1/32", "10.1.0.9", "local")],
    ),
    "bound to another address, NAT does not lead there": (
        make_caller(),
        make_target(nat=(BY_PORT,)),
        make_listener("10.1.0.9"),
        [],
    ),
    "bound to loopback": (make_caller(site="b"), make_target(), make_listener("127.0.0.1"), []),
    "NAT one-to-one": (
        make_caller(),
        make_target(nat=(ONE_TO_ONE,)),
        make_listener(),
        [("203.0.113.2:8001", "10.0.0.1/32", "10.1.0.2", "nat")],
    ),
    "NAT one-to-one, IPv6": (
        make_caller(),
        make_target(nat=(ONE_TO_ONE_6,)),
        make_listener("::"),
        [("[2001:db8::2]:8001", "fd00:a::1/128", "fd00:b::2", "nat")],
    ),
    "NAT of the other family": (make_caller(), make_target(nat=(ONE_TO_ONE_6,)), make_listener(), []),
    "NAT by port": (
        make_caller(),
        make_target(nat=(BY_PORT,)),
        make_listener(),
        [("203.0.113.2:9001", "10.0.0.1/32", "10.1.0.2", "nat")],
    ),
    "NAT by port, another port": (
        make_caller(),
        make_target(nat=(make_nat("203.0.113.2", 9001, 8000),)),
        make_listener(),
        [],
    ),
    "NAT by port before flat": (
        make_caller(),
        make_target(nat=(BY_PORT,), flat=True),
        make_listener(),
        [("203.0.113.2:9001", "10.0.0.1/32", "10.1.0.2", "nat")],
    ),
    "NAT of the wrong protocol": (
        make_caller(),
        make_target(nat=(make_nat("203.0.113.2", 9001, 8001, ("udp",)),)),
        make_listener(),
        [],
    ),
    "NAT for this site": (
        make_caller(),
        make_target(nat=(make_nat("203.0.113.9", sites=("c",)), make_nat("203.0.113.2", sites=("a", "x")))),
        make_listener(),
        [("203.0.113.2:8001", "10.0.0.1/32", "10.1.0.2", "nat")],
    ),
    "NAT for other sites": (
        make_caller(),
        make_target(nat=(make_nat("203.0.113.2", sites=("c",)),)),
        make_listener(),
        [],
    ),
    "flat": (
        make_caller(),
        make_target(flat=True),
        make_listener(),
        [("10.1.0.2:8001", "10.0.0.1/32", "10.1.0.2", "local")],
    ),
    "flat, on the caller only": (make_caller(flat=True), make_target(), make_listener(), []),
    "flat, and off on the caller": (make_caller(flat=False), make_target(flat=True), make_listener(), []),
    "caller behind NAT to NAT": (
        make_caller(nat=(make_nat("203.0.113.1", 7, 7),)),
        make_target(nat=(ONE_TO_ONE,)),
        make_listener(),
        [("203.0.113.2:8001", "203.0.113.1/32", "10.1.0.2", "nat")],
    ),
    "caller behind NAT with egress": (
        make_caller(nat=(make_nat("203.0.113.1"),), egress=("198.51.100.0/28", "2001:db8:e::/64")),
        make_target(nat=(ONE_TO_ONE,)),
        make_listener(),
        [("203.0.113.2:8001", "198.51.100.0/28", "10.1.0.2", "nat")],
    ),
    "caller with egress of the other family only": (
        make_caller(egress=("198.51.100.1/32",)),
        make_target(nat=(ONE_TO_ONE_6,)),
        make_listener("::"),
        [("[2001:db8::2]:8001", "fd00:a::1/128", "fd00:b::2", "nat")],
    ),
    "caller with two outside addresses, one for this site": (
        make_caller(nat=(make_nat("203.0.113.1", sites=("b",)), make_nat("203.0.113.3", sites=("c",)))),
        make_target(nat=(ONE_TO_ONE,)),
        make_listener(),
        [("203.0.113.2:8001", "203.0.113.1/32", "10.1.0.2", "nat")],
    ),
    "caller with outside addresses for other sites only": (
        make_caller(nat=(make_nat("203.0.113.3", sites=("c",)),)),
        make_target(nat=(ONE_TO_ONE,)),
        make_listener(),
        [("203.0.113.2:8001", "203.0.113.3/32", "10.1.0.2", "nat")],
    ),
    "flat shows the local address despite the caller's NAT": (
        make_caller(nat=(make_nat("203.0.113.1"),)),
        make_target(flat=True),
        make_listener(),
        [("10.1.0.2:8001", "10.0.0.1/32", "10.1.0.2", "local")],
    ),
    "out through the caller's NAT into its private network": (
        make_caller(nat=(make_nat("10.1.0.5", 9000, 80),)),
        make_target(),
        make_listener(),
        [("10.1.0.2:8001", "10.1.0.5/32", "10.1.0.2", "nat")],
    ),
    "out through the caller's NAT, known by its egress": (
        make_caller(egress=("10.1.0.5/32",)),
        make_target(),
        make_listener(),
        [("10.1.0.2:8001", "10.1.0.5/32", "10.1.0.2", "nat")],
    ),
    "out through public NAT to a public target": (
        make_caller(egress=("203.0.113.1/32",)),
        make_target(Addresses("198.51.100.2")),
        make_listener(),
        [("198.51.100.2:8001", "203.0.113.1/32", "198.51.100.2", "nat")],
    ),
    "out through public NAT to a private target": (
        make_caller(egress=("203.0.113.1/32",)),
        make_target(),
        make_listener(),
        [],
    ),
    "out through NAT that is private in part": (
        make_caller(egress=("10.1.0.5/32", "203.0.113.1/32")),
        make_target(),
        make_listener(),
        [],
    ),
    "out through NAT to a target behind NAT": (
        make_caller(egress=("10.1.0.5/32",)),
        make_target(nat=(make_nat("10.9.0.1", 9000, 80),)),
        make_listener(),
        [],
    ),
    "no NAT at the caller, a public target": (
        make_caller(),
        make_target(Addresses("198.51.100.2")),
        make_listener(),
        [],
    ),
    "both protocols, NAT for one": (
        make_caller(),
        make_target(nat=(make_nat("203.0.113.2", 9001, 8001, ("tcp",)),)),
        make_listener(protocols=("tcp", "udp")),
        [("203.0.113.2:9001", "10.0.0.1/32", "10.1.0.2", "nat")],
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_path(case):
    source, host, listener, expected = TABLE[case]
    found = list_paths(source, host, listener)
    assert [(dialled, *sources, lands, via) for _protocol, dialled, sources, lands, _port, via in found] == expected
    assert all((protocol, port) == ("tcp", 8001) for protocol, _dialled, _sources, _lands, port, _via in found)


HAIRPIN = make_nat("203.0.113.2", 9000, 80, hairpin="10.1.0.254")
GOSSIP = make_listener("10.1.0.2", 80, ("tcp", "udp"), "cluster")
OUTSIDE = Endpoint("203.0.113.2", 9000)


@pytest.mark.parametrize(
    ("source", "mapping", "sources", "via"),
    [
        (make_caller(site="b"), HAIRPIN, "10.1.0.254/32", "hairpin"),
        (make_caller(site="b"), make_nat("203.0.113.2", 9000, 80), "10.0.0.1/32", "hairpin"),
        (make_caller(site="b"), make_nat("203.0.113.2", 9000, 80, sites=("c",)), "10.0.0.1/32", "hairpin"),
        (make_caller(), HAIRPIN, "10.0.0.1/32", "nat"),
        (make_caller(egress=("10.7.7.7/32",)), HAIRPIN, "10.7.7.7/32", "nat"),
        # A caller of the site without IPv4 cannot use the hairpin, whatever its source would be.
        (make_caller(V6_A, site="b"), HAIRPIN, None, None),
        (make_caller(), make_nat("203.0.113.2", 9000, 80, sites=("c",)), None, None),
    ],
)
def test_gossip_node_is_dialled_at_its_advertised_endpoint(source, mapping, sources, via):
    expected = [(protocol, "203.0.113.2:9000", (sources,), "10.1.0.2", 80, via) for protocol in ("tcp", "udp")]
    assert list_paths(source, make_target(nat=(mapping,)), GOSSIP, OUTSIDE) == (expected if sources else [])


def test_gossip_node_without_nat_is_not_dialled_at_another_endpoint():
    assert list_paths(make_caller(), make_target(nat=(HAIRPIN,)), GOSSIP, Endpoint("203.0.113.2", 9001)) == []


def test_hairpin_is_the_last_resort_within_a_site():
    """A listener on every address is dialled at its local address, although the mapping would work."""
    mapping = make_nat("203.0.113.2", 9001, 8001, hairpin="10.1.0.254")
    assert list_paths(make_caller(site="b"), make_target(nat=(mapping,)))[0][5] == "local"

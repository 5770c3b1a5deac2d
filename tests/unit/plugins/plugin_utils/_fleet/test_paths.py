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


def nat(outside, outside_port=None, inside_port=None, protocols=("tcp", "udp"), sites=(), hairpin=None):
    return NatMapping(outside, outside_port, inside_port, protocols, sites, outside, hairpin)


def caller(address=LOCAL_A, site="a", **more):
    return Host("caller", site, address, **more)


def target(address=LOCAL_B, site="b", **more):
    return Host("target", site, address, **more)


def listen(address="0.0.0.0", port=8001, protocols=("tcp",), name="admin", flags=()):
    return Listener(name, f"{name}_listen", address, port, protocols, flags)


def paths(source, host, listener=None, advertised=None):
    """Return (protocol, dialled, sources, local address, port, via) of each path."""
    listener = listener or listen()
    node = Node(host, "default", "3.9", "traditional", "G16", {}, {}, (listener,), advertised)
    return [
        (path.protocol, str(path.dialled), path.sources, path.address, path.port, path.via)
        for path in find_paths(source, node, listener)
    ]


ONE_TO_ONE, ONE_TO_ONE_6 = nat("203.0.113.2"), nat("2001:db8::2")
BY_PORT = nat("203.0.113.2", 9001, 8001)

TABLE = {
    # name: caller, target, listener, the paths
    "same site": (caller(site="b"), target(), listen(), [("10.1.0.2:8001", "10.0.0.1/32", "10.1.0.2", "local")]),
    "same site, IPv6": (
        caller(site="b"),
        target(),
        listen("::"),
        [("[fd00:b::2]:8001", "fd00:a::1/128", "fd00:b::2", "local")],
    ),
    "same site, both families on one socket": (
        caller(site="b"),
        target(),
        listen("::", flags=("ipv6only=off",)),
        [
            ("10.1.0.2:8001", "10.0.0.1/32", "10.1.0.2", "local"),
            ("[fd00:b::2]:8001", "fd00:a::1/128", "fd00:b::2", "local"),
        ],
    ),
    "same site, local before VPN and NAT": (
        caller(site="b", vpn=VPN_A),
        target(vpn=VPN_B, nat=(ONE_TO_ONE,)),
        listen(),
        [("10.1.0.2:8001", "10.0.0.1/32", "10.1.0.2", "local")],
    ),
    "same site, no family in common": (caller(V6_A, site="b"), target(Addresses("10.1.0.2")), listen(), []),
    "other site, nothing in between": (caller(), target(), listen(), []),
    "VPN at both ends": (
        caller(vpn=VPN_A),
        target(vpn=VPN_B),
        listen(),
        [("10.8.0.2:8001", "10.8.0.1/32", "10.8.0.2", "vpn")],
    ),
    "VPN at both ends, IPv6": (
        caller(vpn=VPN_A),
        target(vpn=VPN_B),
        listen("::"),
        [("[fd00:8::2]:8001", "fd00:8::1/128", "fd00:8::2", "vpn")],
    ),
    "VPN before NAT and flat": (
        caller(vpn=VPN_A),
        target(vpn=VPN_B, nat=(ONE_TO_ONE,), flat=True),
        listen(),
        [("10.8.0.2:8001", "10.8.0.1/32", "10.8.0.2", "vpn")],
    ),
    "VPN at the target only": (caller(), target(vpn=VPN_B), listen(), []),
    "VPN at the caller only": (caller(vpn=VPN_A), target(), listen(), []),
    "VPN of different families": (
        caller(vpn=Addresses("10.8.0.1")),
        target(vpn=Addresses(ipv6="fd00:8::2")),
        listen("::", flags=("ipv6only=off",)),
        [],
    ),
    "bound to the VPN address, caller on it": (
        caller(vpn=VPN_A),
        target(vpn=VPN_B),
        listen("10.8.0.2"),
        [("10.8.0.2:8001", "10.8.0.1/32", "10.8.0.2", "vpn")],
    ),
    "bound to the VPN address, caller of the site not on it": (
        caller(site="b"),
        target(vpn=VPN_B),
        listen("10.8.0.2"),
        [],
    ),
    "bound to the VPN address, NAT does not lead there": (
        caller(),
        target(vpn=VPN_B, nat=(ONE_TO_ONE,)),
        listen("10.8.0.2"),
        [],
    ),
    "bound to another address of the target": (
        caller(site="b"),
        target(),
        listen("10.1.0.9"),
        [("10.1.0.9:8001", "10.0.0.1/32", "10.1.0.9", "local")],
    ),
    "bound to another address, NAT does not lead there": (caller(), target(nat=(BY_PORT,)), listen("10.1.0.9"), []),
    "bound to loopback": (caller(site="b"), target(), listen("127.0.0.1"), []),
    "NAT one-to-one": (
        caller(),
        target(nat=(ONE_TO_ONE,)),
        listen(),
        [("203.0.113.2:8001", "10.0.0.1/32", "10.1.0.2", "nat")],
    ),
    "NAT one-to-one, IPv6": (
        caller(),
        target(nat=(ONE_TO_ONE_6,)),
        listen("::"),
        [("[2001:db8::2]:8001", "fd00:a::1/128", "fd00:b::2", "nat")],
    ),
    "NAT of the other family": (caller(), target(nat=(ONE_TO_ONE_6,)), listen(), []),
    "NAT by port": (
        caller(),
        target(nat=(BY_PORT,)),
        listen(),
        [("203.0.113.2:9001", "10.0.0.1/32", "10.1.0.2", "nat")],
    ),
    "NAT by port, another port": (caller(), target(nat=(nat("203.0.113.2", 9001, 8000),)), listen(), []),
    "NAT by port before flat": (
        caller(),
        target(nat=(BY_PORT,), flat=True),
        listen(),
        [("203.0.113.2:9001", "10.0.0.1/32", "10.1.0.2", "nat")],
    ),
    "NAT of the wrong protocol": (caller(), target(nat=(nat("203.0.113.2", 9001, 8001, ("udp",)),)), listen(), []),
    "NAT for this site": (
        caller(),
        target(nat=(nat("203.0.113.9", sites=("c",)), nat("203.0.113.2", sites=("a", "x")))),
        listen(),
        [("203.0.113.2:8001", "10.0.0.1/32", "10.1.0.2", "nat")],
    ),
    "NAT for other sites": (caller(), target(nat=(nat("203.0.113.2", sites=("c",)),)), listen(), []),
    "flat": (caller(), target(flat=True), listen(), [("10.1.0.2:8001", "10.0.0.1/32", "10.1.0.2", "local")]),
    "flat, on the caller only": (caller(flat=True), target(), listen(), []),
    "flat, and off on the caller": (caller(flat=False), target(flat=True), listen(), []),
    "caller behind NAT to NAT": (
        caller(nat=(nat("203.0.113.1", 7, 7),)),
        target(nat=(ONE_TO_ONE,)),
        listen(),
        [("203.0.113.2:8001", "203.0.113.1/32", "10.1.0.2", "nat")],
    ),
    "caller behind NAT with egress": (
        caller(nat=(nat("203.0.113.1"),), egress=("198.51.100.0/28", "2001:db8:e::/64")),
        target(nat=(ONE_TO_ONE,)),
        listen(),
        [("203.0.113.2:8001", "198.51.100.0/28", "10.1.0.2", "nat")],
    ),
    "caller with egress of the other family only": (
        caller(egress=("198.51.100.1/32",)),
        target(nat=(ONE_TO_ONE_6,)),
        listen("::"),
        [("[2001:db8::2]:8001", "fd00:a::1/128", "fd00:b::2", "nat")],
    ),
    "caller with two outside addresses, one for this site": (
        caller(nat=(nat("203.0.113.1", sites=("b",)), nat("203.0.113.3", sites=("c",)))),
        target(nat=(ONE_TO_ONE,)),
        listen(),
        [("203.0.113.2:8001", "203.0.113.1/32", "10.1.0.2", "nat")],
    ),
    "caller with outside addresses for other sites only": (
        caller(nat=(nat("203.0.113.3", sites=("c",)),)),
        target(nat=(ONE_TO_ONE,)),
        listen(),
        [("203.0.113.2:8001", "203.0.113.3/32", "10.1.0.2", "nat")],
    ),
    "flat shows the local address despite the caller's NAT": (
        caller(nat=(nat("203.0.113.1"),)),
        target(flat=True),
        listen(),
        [("10.1.0.2:8001", "10.0.0.1/32", "10.1.0.2", "local")],
    ),
    "out through the caller's NAT into its private network": (
        caller(nat=(nat("10.1.0.5", 9000, 80),)),
        target(),
        listen(),
        [("10.1.0.2:8001", "10.1.0.5/32", "10.1.0.2", "nat")],
    ),
    "out through the caller's NAT, known by its egress": (
        caller(egress=("10.1.0.5/32",)),
        target(),
        listen(),
        [("10.1.0.2:8001", "10.1.0.5/32", "10.1.0.2", "nat")],
    ),
    "out through public NAT to a public target": (
        caller(egress=("203.0.113.1/32",)),
        target(Addresses("198.51.100.2")),
        listen(),
        [("198.51.100.2:8001", "203.0.113.1/32", "198.51.100.2", "nat")],
    ),
    "out through public NAT to a private target": (caller(egress=("203.0.113.1/32",)), target(), listen(), []),
    "out through NAT that is private in part": (
        caller(egress=("10.1.0.5/32", "203.0.113.1/32")),
        target(),
        listen(),
        [],
    ),
    "out through NAT to a target behind NAT": (
        caller(egress=("10.1.0.5/32",)),
        target(nat=(nat("10.9.0.1", 9000, 80),)),
        listen(),
        [],
    ),
    "no NAT at the caller, a public target": (caller(), target(Addresses("198.51.100.2")), listen(), []),
    "both protocols, NAT for one": (
        caller(),
        target(nat=(nat("203.0.113.2", 9001, 8001, ("tcp",)),)),
        listen(protocols=("tcp", "udp")),
        [("203.0.113.2:9001", "10.0.0.1/32", "10.1.0.2", "nat")],
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_path(case):
    source, host, listener, expected = TABLE[case]
    found = paths(source, host, listener)
    assert [(dialled, *sources, lands, via) for _protocol, dialled, sources, lands, _port, via in found] == expected
    assert all((protocol, port) == ("tcp", 8001) for protocol, _dialled, _sources, _lands, port, _via in found)


HAIRPIN = nat("203.0.113.2", 9000, 80, hairpin="10.1.0.254")
GOSSIP = listen("10.1.0.2", 80, ("tcp", "udp"), "cluster")
OUTSIDE = Endpoint("203.0.113.2", 9000)


@pytest.mark.parametrize(
    ("source", "mapping", "sources", "via"),
    [
        (caller(site="b"), HAIRPIN, "10.1.0.254/32", "hairpin"),
        (caller(site="b"), nat("203.0.113.2", 9000, 80), "10.0.0.1/32", "hairpin"),
        (caller(site="b"), nat("203.0.113.2", 9000, 80, sites=("c",)), "10.0.0.1/32", "hairpin"),
        (caller(), HAIRPIN, "10.0.0.1/32", "nat"),
        (caller(egress=("10.7.7.7/32",)), HAIRPIN, "10.7.7.7/32", "nat"),
        # A caller of the site without IPv4 cannot use the hairpin, whatever its source would be.
        (caller(V6_A, site="b"), HAIRPIN, None, None),
        (caller(), nat("203.0.113.2", 9000, 80, sites=("c",)), None, None),
    ],
)
def test_gossip_node_is_dialled_at_its_advertised_endpoint(source, mapping, sources, via):
    expected = [(protocol, "203.0.113.2:9000", (sources,), "10.1.0.2", 80, via) for protocol in ("tcp", "udp")]
    assert paths(source, target(nat=(mapping,)), GOSSIP, OUTSIDE) == (expected if sources else [])


def test_gossip_node_without_nat_is_not_dialled_at_another_endpoint():
    assert paths(caller(), target(nat=(HAIRPIN,)), GOSSIP, Endpoint("203.0.113.2", 9001)) == []


def test_hairpin_is_the_last_resort_within_a_site():
    """A listener on every address is dialled at its local address, although the mapping would work."""
    mapping = nat("203.0.113.2", 9001, 8001, hairpin="10.1.0.254")
    assert paths(caller(site="b"), target(nat=(mapping,)))[0][5] == "local"

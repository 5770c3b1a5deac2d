# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and networks as text, and ports."""

from __future__ import annotations

import ipaddress
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import INET_ATON, IPAddress, IPNetwork

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    Addresses,
    canonicalise_address,
    canonicalise_network,
    contains,
    covers_everything,
    explain_unusable,
    find_family,
    is_private,
    make_host_network,
    parse_port,
    read_addresses,
    sort_networks,
)

addresses = st.ip_addresses().filter(lambda address: not getattr(address, "ipv4_mapped", None))


@pytest.mark.parametrize(
    ("value", "port"),
    [(1, 1), ("65535", 65535), ("0080", 80), (0, None), ("00", None), (65536, None), ("9" * 5000, None), (-1, None)]
    + [(value, None) for value in (True, None, 80.0, "", " 80", "80 ", "0x50", "٨٠", "²", "http", [80])],
)
def test_parse_port(value, port):
    assert parse_port(value) == port


@st.composite
def draw_network(draw, version=None):
    address = draw(st.ip_addresses(v=version))
    length = draw(st.integers(0, address.max_prefixlen))
    return ipaddress.ip_network((address, length), strict=False)


@given(addresses)
def test_addresses_round_trip(address):
    text = canonicalise_address(address.exploded)
    assert ipaddress.ip_address(text) == address
    assert canonicalise_address(text) == canonicalise_address(text.upper()) == text
    assert find_family(text) == address.version
    assert canonicalise_network(text) == make_host_network(text) == f"{text}/{address.max_prefixlen}"


@given(draw_network())
def test_networks_round_trip(network):
    if getattr(network.network_address, "ipv4_mapped", None):
        return
    text = canonicalise_network(str(network))
    assert ipaddress.ip_network(text) == network
    assert canonicalise_network(text) == text


@given(st.lists(draw_network(), max_size=6))
def test_networks_in_order(found):
    texts = [str(network) for network in found]
    in_order = sort_networks(texts)
    assert set(in_order) == set(texts)
    keys = [
        (parsed.version, int(parsed.network_address), parsed.prefixlen)
        for parsed in map(ipaddress.ip_network, in_order)
    ]
    assert keys == sorted(set(keys))
    assert sort_networks(reversed(texts)) == in_order


@given(draw_network(), draw_network())
def test_contains(outer, inner):
    expected = outer.version == inner.version and inner.subnet_of(outer)
    assert contains(str(outer), str(inner)) is expected
    assert contains(str(outer), str(outer.network_address))


@given(draw_network(version=4))
def test_network_and_all_other_addresses_cover_everything(network):
    everything = ipaddress.ip_network("0.0.0.0/0")
    rest = [str(part) for part in everything.address_exclude(network)] if network != everything else []
    assert covers_everything((str(network), *rest))
    if rest:
        assert not covers_everything(tuple(rest))
        assert not covers_everything((*rest, "2001:db8::/32"))


@pytest.mark.parametrize(
    "text",
    ["", "kong", "10", "10.0", "0x0a000001", "010.0.0.1", "10.0.0.256", "10.0.0.1/32", "fe80::1%eth0", "[::1]", "::g"],
)
def test_no_address(text):
    with pytest.raises(AddressError, match="is not an IPv4 or IPv6 address"):
        canonicalise_address(text)


@pytest.mark.parametrize("text", ["", "any", "10", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129", "10.0.0.0/8/8"])
def test_no_network(text):
    with pytest.raises(AddressError, match="is not an IPv4 or IPv6 address or network"):
        canonicalise_network(text)


@pytest.mark.parametrize(
    ("length", "advice"),
    [("+8", "/8"), (" 8", "/8"), ("8 ", "/8"), ("0.0.0.255", "/24"), ("255.0.0.0", "/8"), ("\u0668", "/8")],
)
def test_no_prefix_length(length, advice):
    with pytest.raises(AddressError, match=f"has no prefix length in digits; write 10.0.0.0{advice}$"):
        canonicalise_network(f"10.0.0.0/{length}")


@pytest.mark.parametrize("parse", [canonicalise_address, canonicalise_network])
def test_mapped_addresses_are_rejected(parse):
    with pytest.raises(AddressError, match="IPv4-mapped"):
        parse("::ffff:192.0.2.1")


@pytest.mark.parametrize(("text", "both"), [("10.0.0.5/24", "10.0.0.0/24 or 10.0.0.5"), ("fd00::5/64", "fd00::/64 or")])
def test_host_or_network(text, both):
    with pytest.raises(AddressError, match=both):
        canonicalise_network(text)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("127.0.0.53", "loopback"),
        ("::1", "loopback"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("fe80::1", "link-local"),
        ("0.0.0.1", "0.0.0.0/8"),
        ("0.255.255.255", "0.0.0.0/8"),
        ("1.0.0.0", None),
        ("223.255.255.255", None),
        ("224.0.0.0/4", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", None),
        ("255.255.255.254", None),
        ("255.255.255.255", "broadcast"),
        ("0.0.0.0/0", None),
        ("127.0.0.0/8", "loopback"),
        ("10.0.0.1", None),
        ("169.254.169.1", None),
        ("2001:db8::1", None),
    ],
)
def test_unusable(address, reason):
    found = explain_unusable(address)
    assert found is None if reason is None else reason in found


@pytest.mark.parametrize(
    ("network", "private"),
    [
        ("10.0.0.1", True),
        ("10.0.0.0/8", True),
        ("10.0.0.0/7", False),
        ("172.15.255.255", False),
        ("172.16.0.0/12", True),
        ("172.31.255.255/32", True),
        ("172.32.0.0", False),
        ("192.168.0.0/16", True),
        ("192.169.0.0", False),
        ("100.64.0.1", True),
        ("100.128.0.0", False),
        ("203.0.113.1", False),
        ("0.0.0.0/0", False),
        ("fd00::1", True),
        ("fc00::/7", True),
        ("fe00::", False),
        ("2001:db8::/32", False),
        ("::/0", False),
    ],
)
def test_private(network, private):
    assert is_private(network) is private


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Addresses()),
        ("", Addresses()),
        ([], Addresses()),
        (" 10.0.0.1 ", Addresses("10.0.0.1")),
        ("FD00::0:1", Addresses(ipv6="fd00::1")),
        (["fd00::1", "10.0.0.1"], Addresses("10.0.0.1", "fd00::1")),
        (["10.0.0.1", "10.0.0.1"], Addresses("10.0.0.1")),
    ],
)
def test_read_addresses(value, expected):
    assert read_addresses(value) == expected


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (["10.0.0.1", "10.0.0.2"], "two IPv4 addresses: 10.0.0.1 and 10.0.0.2"),
        (["fd00::1", "fd00::2"], "two IPv6 addresses"),
        (10, "10 is not text"),
        ([None], "None is not text"),
        ("127.0.0.1", "'127.0.0.1' is a loopback address"),
    ],
)
def test_read_no_addresses(value, part):
    with pytest.raises(AddressError) as caught:
        read_addresses(value)
    assert part in str(caught.value)


@pytest.mark.parametrize("text", ["010.0.0.5", "10.5", "10", "0x0a000001", "12345"])
def test_abbreviated_addresses_are_rejected(text, monkeypatch):
    """By default netaddr before 1.0 reads addresses like inet_aton."""
    module = sys.modules[canonicalise_address.__module__]
    monkeypatch.setattr(module, "IPNetwork", lambda text: IPNetwork("10.0.0.5"))
    monkeypatch.setattr(module, "IPAddress", lambda text, flags=INET_ATON: IPAddress(text, flags=flags))
    for parse in (canonicalise_address, canonicalise_network):
        with pytest.raises(AddressError, match="is not an IPv4 or IPv6 address"):
            parse.__wrapped__(text)

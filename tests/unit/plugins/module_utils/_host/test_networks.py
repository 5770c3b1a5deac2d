# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import (
    align_members,
    from_ranges,
    is_port,
    parse_networks,
)


@pytest.mark.parametrize(
    ("value", "valid"),
    [(1, True), (65535, True), (0, False), (65536, False), (-1, False), (True, False), ("80", False)],
)
def test_is_port(value, valid):
    assert is_port(value) is valid


def draw_texts(base, bits):
    """Generate networks among 64 addresses: so few that they often overlap, touch and contain each other."""
    pairs = st.tuples(st.integers(0, 63), st.integers(bits - 6, bits))
    network = pairs.map(
        lambda pair: ipaddress.ip_network((int(ipaddress.ip_address(base)) + pair[0], pair[1]), strict=False)
    )
    return st.lists(network.map(str), max_size=8)


CIDRS = draw_texts("10.0.0.0", 32)
CIDRS6 = draw_texts("2001:db8::", 128)


def list_addresses(networks):
    return {address for first, last in networks.members for address in range(first, last + 1)}


@pytest.mark.parametrize(
    "texts, same",
    [
        (["10.0.0.4/32", "10.0.0.5/32"], ["10.0.0.4/31"]),
        (["10.0.0.5", "10.0.0.4"], ["10.0.0.4/32", "10.0.0.5/32"]),
        (["10.0.0.0/8", "10.1.0.0/16"], ["10.0.0.0/8"]),
        (["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/0"]),
    ],
)
def test_networks_with_the_same_addresses_are_equal(texts, same):
    assert parse_networks("ipv4", texts) == parse_networks("ipv4", same)


@pytest.mark.parametrize(
    "family, value",
    [
        ("ipv4", "10.0.0.1/8"),
        ("ipv4", "::1"),
        ("ipv6", "10.0.0.1"),
        ("ipv6", "x"),
        ("ipv4", "0.0.0.0/-1"),
        ("ipv4", "0.0.0.0/33"),
        ("ipv4", "0.0.0.0/"),
        ("ipv4", "010.0.0.1"),
    ],
)
def test_text_that_is_not_a_network_of_the_family_is_rejected(family, value):
    with pytest.raises(ValueError, match=value):
        parse_networks(family, [value])


def test_the_range_of_all_addresses_is_one_network():
    assert from_ranges("ipv6", [(0, (1 << 128) - 1)]).format() == ["::/0"]
    assert from_ranges("ipv4", [(0, (1 << 32) - 1)]).format() == ["0.0.0.0/0"]


@given(CIDRS, CIDRS)
def test_covers_and_meets_agree_with_the_addresses(texts, other_texts):
    networks = parse_networks("ipv4", texts)
    for member in parse_networks("ipv4", other_texts).members:
        member_addresses = set(range(member[0], member[1] + 1))
        assert networks.covers(member) == (member_addresses <= list_addresses(networks))
        assert networks.overlaps(member) == bool(member_addresses & list_addresses(networks))


@given(CIDRS, CIDRS)
def test_aligned_networks_have_the_same_addresses_and_the_members_of_the_other_networks(texts, other_texts):
    have, want = parse_networks("ipv4", texts), parse_networks("ipv4", other_texts)
    aligned = align_members(have, want)
    assert aligned == have
    assert list_addresses(aligned) == list_addresses(have)
    assert {member for member in want.members if have.covers(member)} <= set(aligned.members)


@given(CIDRS)
def test_the_fewest_networks_depend_on_the_addresses_alone(texts):
    networks = parse_networks("ipv4", texts)
    found = networks.minimise()
    assert found.format() == list(map(str, ipaddress.collapse_addresses(map(ipaddress.ip_network, texts))))
    assert found == networks
    assert parse_networks("ipv4", found.format()).minimise().members == found.members


@given(st.one_of(st.tuples(st.just("ipv4"), CIDRS), st.tuples(st.just("ipv6"), CIDRS6)))
def test_the_text_equals_the_text_of_the_ipaddress_module(case):
    family, texts = case
    expected = sorted(map(ipaddress.ip_network, set(texts)))
    networks = parse_networks(family, texts)
    assert networks.format() == list(map(str, expected))
    assert from_ranges(family, networks.ranges).format() == list(map(str, ipaddress.collapse_addresses(expected)))

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import (
    from_ranges,
    parse_networks,
    respelled,
)


def texts_in(base, bits):
    """Networks among 64 addresses: so few that they overlap, touch and contain each other all the time."""
    pairs = st.tuples(st.integers(0, 63), st.integers(bits - 6, bits))
    one = pairs.map(
        lambda pair: ipaddress.ip_network((int(ipaddress.ip_address(base)) + pair[0], pair[1]), strict=False)
    )
    return st.lists(one.map(str), max_size=8)


CIDRS = texts_in("10.0.0.0", 32)
CIDRS6 = texts_in("2001:db8::", 128)


def addresses(networks):
    return {address for first, last in networks.members for address in range(first, last + 1)}


@pytest.mark.parametrize(
    "one, other",
    [
        (["10.0.0.4/32", "10.0.0.5/32"], ["10.0.0.4/31"]),
        (["10.0.0.5", "10.0.0.4"], ["10.0.0.4/32", "10.0.0.5/32"]),
        (["10.0.0.0/8", "10.1.0.0/16"], ["10.0.0.0/8"]),
        (["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/0"]),
    ],
)
def test_equal_when_they_cover_the_same(one, other):
    assert parse_networks("ipv4", one) == parse_networks("ipv4", other)


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
def test_what_is_no_network_of_the_family_is_refused(family, value):
    with pytest.raises(ValueError, match=value):
        parse_networks(family, [value])


def test_the_whole_of_both_families():
    assert from_ranges("ipv6", [(0, (1 << 128) - 1)]).texts() == ["::/0"]
    assert from_ranges("ipv4", [(0, (1 << 32) - 1)]).texts() == ["0.0.0.0/0"]


@given(CIDRS, CIDRS)
def test_covers_and_meets_agree_with_the_addresses(some, others):
    networks = parse_networks("ipv4", some)
    for member in parse_networks("ipv4", others).members:
        theirs = set(range(member[0], member[1] + 1))
        assert networks.covers(member) == (theirs <= addresses(networks))
        assert networks.meets(member) == bool(theirs & addresses(networks))


@given(CIDRS, CIDRS)
def test_respelling_keeps_the_addresses_and_uses_the_other_words(some, others):
    have, want = parse_networks("ipv4", some), parse_networks("ipv4", others)
    spelled = respelled(have, want)
    assert spelled == have
    assert addresses(spelled) == addresses(have)
    assert {member for member in want.members if have.covers(member)} <= set(spelled.members)


@given(CIDRS)
def test_the_fewest_networks_depend_on_the_addresses_alone(some):
    networks = parse_networks("ipv4", some)
    found = networks.fewest()
    assert found.texts() == list(map(str, ipaddress.collapse_addresses(map(ipaddress.ip_network, some))))
    assert found == networks
    assert parse_networks("ipv4", found.texts()).fewest().members == found.members


@given(st.one_of(st.tuples(st.just("ipv4"), CIDRS), st.tuples(st.just("ipv6"), CIDRS6)))
def test_the_text_is_that_of_the_ipaddress_module(case):
    family, some = case
    expected = sorted(map(ipaddress.ip_network, set(some)))
    networks = parse_networks(family, some)
    assert networks.texts() == list(map(str, expected))
    assert from_ranges(family, networks.ranges).texts() == list(map(str, ipaddress.collapse_addresses(expected)))

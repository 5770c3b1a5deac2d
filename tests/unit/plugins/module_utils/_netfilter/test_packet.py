# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three-valued answers, numbers with partly known bits, and addresses of packets."""

from __future__ import annotations

from itertools import product

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    ANY_MARK,
    MARKED,
    UNMARKED,
    Bits,
    Packet,
    are_all,
    is_any,
    is_inside,
    list_addresses,
    list_unicast,
    negate,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Service

ANSWERS = (True, False, None)
MEANINGS = {True: {True}, False: {False}, None: {True, False}}
WIDTH = range(16)  # all numbers of four bits
NUMBERS = [Bits(value & mask, ~0xF | mask) for mask in WIDTH for value in {number & mask for number in WIDTH}]


def list_numbers(bits):
    return {number for number in WIDTH if (number ^ bits.value) & bits.known == 0}


def get_answer(values):
    return values.pop() if len(values) == 1 else None


@pytest.mark.parametrize("answers", [*product(ANSWERS, repeat=3)])
def test_several_answers_are_combined(answers):
    cases = [*product(*(MEANINGS[answer] for answer in answers))]
    assert is_any(answers) is get_answer({any(case) for case in cases})
    assert are_all(answers) is get_answer({all(case) for case in cases})


def test_no_answer_and_a_negated_answer():
    assert (is_any([]), are_all([])) == (False, True)
    assert [negate(answer) for answer in ANSWERS] == [False, True, None]


def test_a_number_with_partly_known_bits():
    assert len(NUMBERS) == 81
    for bits in NUMBERS:
        numbers = list_numbers(bits)
        assert numbers
        for number in WIDTH:
            assert bits.equals(number) is get_answer({value == number for value in numbers})
            assert list_numbers(bits & number) == {value & number for value in numbers}
            assert list_numbers(bits | number) == {value | number for value in numbers}
            assert list_numbers(bits ^ number) == {value ^ number for value in numbers}


def test_a_number_in_a_range():
    for bits, first, last in product(NUMBERS, (0, 3, 8), (3, 8, 15)):
        exact = get_answer({first <= value <= last for value in list_numbers(bits)})
        # Unknown is always correct. For a known number, or a range of all numbers, the answer is exact.
        assert bits.is_within(first, last) in (exact, None)
        if bits.known == -1:
            assert bits.is_within(first, last) is exact
    assert Bits(8, ~3).is_within(8, 11) is True
    assert Bits(8, ~3).is_within(8, 10) is None
    assert (Bits(8, ~3).is_within(12, 15), Bits(8, ~3).is_within(0, 7)) == (False, False)


def test_the_common_bits_of_two_numbers():
    for bits, other in product(NUMBERS, repeat=2):
        common = bits.intersect(other)
        assert list_numbers(bits) | list_numbers(other) <= list_numbers(common)
        assert common.value & ~common.known == 0
    assert Bits(5).intersect(Bits(4)) == Bits(4, ~1)


def test_our_mark():
    mark_bit = 0x10000000
    assert [(mark & mark_bit).equals(mark_bit) for mark in (MARKED, UNMARKED, ANY_MARK)] == [True, False, None]
    assert [(mark & 1).equals(1) for mark in (MARKED, UNMARKED, ANY_MARK)] == [None, None, None]
    assert (ANY_MARK & 0x100000000).equals(0) is True


@pytest.mark.parametrize(
    ("family", "inside_it", "outside_it"),
    [
        ("ipv4", ["0.0.0.0", "10.0.0.1", "126.255.255.255", "128.0.0.0", "223.255.255.255"],
         ["127.0.0.1", "127.255.255.255", "224.0.0.1", "255.255.255.255"]),
        ("ipv6", ["::2", "fd00::1", "fe80::1", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], ["::1", "ff00::", "ff02::1"]),
    ],
)  # fmt: skip
def test_addresses_of_packets_of_other_hosts(family, inside_it, outside_it):
    networks = list_unicast(family)
    assert [networks.covers(parse_networks(family, [text]).members[0]) for text in inside_it] == [True] * len(inside_it)
    assert [networks.covers(parse_networks(family, [text]).members[0]) for text in outside_it] == [False] * len(
        outside_it
    )


def test_addresses_of_a_service():
    assert list_addresses(Service("tcp", 1, None), "ipv6") == list_unicast("ipv6")
    assert list_addresses(Service("tcp", 1, "0.0.0.0"), "ipv4") == list_unicast("ipv4")
    assert list_addresses(Service("tcp", 1, "10.0.0.1"), "ipv4") == parse_networks("ipv4", ["10.0.0.1"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["10.0.0.0/8"], True),
        (["10.0.0.0/25", "10.0.0.128/25", "10.0.2.0/24"], True),
        (["10.0.0.0/24"], None),
        (["10.0.0.7"], None),
        (["10.0.1.0/24", "192.0.2.0/24"], False),
        ([], False),
    ],
)
def test_addresses_in_given_networks(given, expected):
    packets = parse_networks("ipv4", ["10.0.0.0/24", "10.0.2.0/24"])
    assert is_inside(packets, parse_networks("ipv4", given)) is expected


@pytest.mark.parametrize(
    ("is_first", "tracked", "state"),
    [(True, True, "new"), (False, True, "established"), (True, False, "invalid"), (False, False, "invalid"),
     (True, None, None), (False, None, None)],
)  # fmt: skip
def test_the_state_of_a_packet(is_first, tracked, state):
    anywhere = list_unicast("ipv4")
    assert Packet("ipv4", "tcp", 1, anywhere, anywhere, is_first, tracked).state == state


def test_the_flags_of_a_packet():
    anywhere = list_unicast("ipv4")
    first, later = (Packet("ipv4", "tcp", 1, anywhere, anywhere, is_first).flags for is_first in (True, False))
    assert [(first & flag).equals(flag) for flag in (1, 2, 4, 8, 16, 32, 64, 128)] == [
        False, True, False, False, False, False, None, None,
    ]  # fmt: skip
    assert [(later & flag).equals(flag) for flag in (1, 2, 4, 8, 16, 32, 64, 128)] == [None] * 8

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of addresses of one family that compare by what they cover, not by how they are written.

Networks are pairs of integers here: a ruleset may hold tens of thousands, and objects of the ipaddress module cost some
20 times as much.
"""

from __future__ import annotations

import ipaddress
import socket
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

Range = tuple[int, int]  # first and last address, both included

_BITS = {"ipv4": 32, "ipv6": 128}
_AF = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_NETWORK: dict[str, type[ipaddress.IPv4Network | ipaddress.IPv6Network]] = {
    "ipv4": ipaddress.IPv4Network,
    "ipv6": ipaddress.IPv6Network,
}
_HIGHEST = 1 << 128


@dataclass(frozen=True)
class Networks:
    """Networks of one family ("ipv4" or "ipv6"); equal to any other spelling of the same addresses.

    nft lists neighbours merged (10.0.0.4/32 and 10.0.0.5/32 as one range), so the spelling cannot decide equality.
    """

    family: str
    members: tuple[Range, ...] = field(compare=False)
    ranges: tuple[Range, ...]

    def covers(self, member: Range) -> bool:
        """Tell whether every address of the member is in here."""
        at = bisect_right(self.ranges, (member[0], _HIGHEST)) - 1
        return at >= 0 and self.ranges[at][1] >= member[1]

    def meets(self, member: Range) -> bool:
        """Tell whether at least one address of the member is in here."""
        at = bisect_right(self.ranges, (member[1], _HIGHEST)) - 1
        return at >= 0 and self.ranges[at][1] >= member[0]

    def texts(self) -> list[str]:
        """The members in CIDR notation, in ascending order, the wider first."""
        return [f"{_address(self.family, first)}/{_length(self.family, first, last)}" for first, last in self.members]

    def fewest(self) -> Networks:
        """Return the same addresses as the fewest networks: the spelling that depends on the addresses alone."""
        return from_ranges(self.family, self.ranges)


def parse_networks(family: str, texts: Iterable[str]) -> Networks:
    """Read networks in CIDR notation (or single addresses) of one family.

    Raises ValueError with the text and the ipaddress module's reason for anything else, also where host bits are set.
    """
    return from_members(family, {parse_range(family, text) for text in texts})


def parse_range(family: str, text: str) -> Range:
    """First and last address of one network or address; errors as parse_networks."""
    address, slash, length = text.partition("/")
    with suppress(OSError, ValueError):
        first = int.from_bytes(socket.inet_pton(_AF[family], address), "big")
        size = 1 << _BITS[family] - (int(length) if slash else _BITS[family])
        if not first % size and length.isdigit() == bool(slash):
            return first, first + size - 1
    # What is not in the usual form: the ipaddress module says what is wrong with it.
    try:
        network: ipaddress.IPv4Network | ipaddress.IPv6Network = _NETWORK[family](text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no network: {error}") from error
    return int(network.network_address), int(network.broadcast_address)


def from_members(family: str, members: Iterable[Range]) -> Networks:
    """Networks in ascending order; each member is a network, and not any range."""
    ordered = tuple(sorted(members, key=lambda member: (member[0], -member[1])))
    return Networks(family, ordered, tuple(_merged(ordered)))


def from_ranges(family: str, ranges: Iterable[Range]) -> Networks:
    """Networks from any ranges, with the fewest members that fit."""
    merged = tuple(_merged(sorted(ranges)))
    return Networks(family, tuple(member for first, last in merged for member in _split(first, last)), merged)


def respelled(have: Networks, want: Networks) -> Networks:
    """Spell `have` with the members of `want` as far as it covers them.

    So a comparison line by line shows one member more where a neighbour of a merged range came in.
    """
    shared = from_members(want.family, (member for member in want.members if have.covers(member)))
    rest = from_ranges(have.family, _without(have.ranges, shared.ranges))
    return from_members(have.family, (*shared.members, *rest.members))


def _address(family: str, number: int) -> str:
    return socket.inet_ntop(_AF[family], number.to_bytes(_BITS[family] // 8, "big"))


def _length(family: str, first: int, last: int) -> int:
    return _BITS[family] - (last - first).bit_length()


def _split(first: int, last: int) -> Iterator[Range]:
    """The networks that make up a range: each as large as its first address and the rest allow."""
    while first <= last:
        size = 1 << (last - first + 1).bit_length() - 1
        size = min(size, first & -first) if first else size
        yield first, first + size - 1
        first += size


def _merged(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for first, last in ranges:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _without(ranges: tuple[Range, ...], holes: tuple[Range, ...]) -> list[Range]:
    """Cut the holes out; both ascending and disjoint, and every hole lies inside one of the ranges."""
    starts = sorted([first for first, _last in ranges] + [last + 1 for _first, last in holes])
    ends = sorted([last for _first, last in ranges] + [first - 1 for first, _last in holes])
    return [(first, last) for first, last in zip(starts, ends) if first <= last]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of addresses of one family. Two sets are equal if they contain the same addresses, however these are written.

Networks are pairs of integers here: a ruleset may hold tens of thousands of them, and objects of the ipaddress module
are about 20 times slower.
"""

from __future__ import annotations

import ipaddress
import socket
import typing as t
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY

Range = t.Tuple[int, int]  # first and last address, both included

_NETWORK: dict[str, type[ipaddress.IPv4Network | ipaddress.IPv6Network]] = {
    "ipv4": ipaddress.IPv4Network,
    "ipv6": ipaddress.IPv6Network,
}
_HIGHEST = 1 << 128


def is_port(value: object) -> bool:
    """Tell whether a value is a port: an integer from 1 to 65535."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


@dataclass(frozen=True)
class Networks:
    """Networks of one family ("ipv4" or "ipv6"). Only the addresses count for equality, not the members.

    nft merges adjacent networks in its output (10.0.0.4/32 and 10.0.0.5/32 become one range).
    """

    family: str
    members: tuple[Range, ...] = field(compare=False)
    ranges: tuple[Range, ...]

    def covers(self, member: Range) -> bool:
        """Tell whether the networks contain every address of `member`."""
        at = bisect_right(self.ranges, (member[0], _HIGHEST)) - 1
        return at >= 0 and self.ranges[at][1] >= member[1]

    def overlaps(self, member: Range) -> bool:
        """Tell whether the networks contain at least one address of `member`."""
        at = bisect_right(self.ranges, (member[1], _HIGHEST)) - 1
        return at >= 0 and self.ranges[at][1] >= member[0]

    def format(self) -> list[str]:
        """Return the members in CIDR notation, in ascending order; with equal first addresses, the largest first."""
        return [
            f"{_format_address(self.family, first)}/{_compute_length(self.family, first, last)}"
            for first, last in self.members
        ]

    def minimise(self) -> Networks:
        """Return the same addresses with the fewest members, so that the members depend only on the addresses."""
        return from_ranges(self.family, self.ranges)


def parse_networks(family: str, texts: Iterable[str]) -> Networks:
    """Parse networks in CIDR notation, or single addresses, of one family.

    Raises ValueError, with the text and the reason that the ipaddress module gives, if a text is something else or has
    host bits set.
    """
    return from_members(family, {parse_range(family, text) for text in texts})


def parse_range(family: str, text: str) -> Range:
    """Return the first and the last address of a network or address. Raises ValueError as parse_networks does."""
    address, slash, length = text.partition("/")
    with suppress(OSError, ValueError):
        bits = FAMILY[family].bits
        first = int.from_bytes(socket.inet_pton(FAMILY[family].number, address), "big")
        size = 1 << bits - (int(length) if slash else bits)
        if not first % size and length.isdigit() == bool(slash):
            return first, first + size - 1
    # Other texts are unusual or wrong. The ipaddress module decides, and gives the reason.
    try:
        network: ipaddress.IPv4Network | ipaddress.IPv6Network = _NETWORK[family](text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network: {error}") from error
    return int(network.network_address), int(network.broadcast_address)


def from_members(family: str, members: Iterable[Range]) -> Networks:
    """Return Networks with these members. Each member must be a network, not an arbitrary range."""
    ordered = tuple(sorted(members, key=lambda member: (member[0], -member[1])))
    return Networks(family, ordered, tuple(_merge(ordered)))


def from_ranges(family: str, ranges: Iterable[Range]) -> Networks:
    """Return Networks with the addresses of arbitrary ranges and the fewest members."""
    merged = tuple(_merge(sorted(ranges)))
    return Networks(family, tuple(member for first, last in merged for member in _split(first, last)), merged)


def subtract(networks: Networks, other: Networks) -> Networks:
    """Return the addresses of `networks` that are not in `other`, with the fewest members."""
    holes = []
    for first, last in networks.ranges:
        at = max(bisect_right(other.ranges, (first, _HIGHEST)) - 1, 0)
        while at < len(other.ranges) and other.ranges[at][0] <= last:
            if other.ranges[at][1] >= first:
                holes.append((max(first, other.ranges[at][0]), min(last, other.ranges[at][1])))
            at += 1
    return from_ranges(networks.family, _without(networks.ranges, tuple(holes)))


def align_members(have: Networks, want: Networks) -> Networks:
    """Return the addresses of `have` with those members of `want` that they cover, and the fewest other members.

    A comparison line by line then shows one more line if a network was added next to an existing network.
    """
    shared = from_members(want.family, (member for member in want.members if have.covers(member)))
    rest = from_ranges(have.family, _without(have.ranges, shared.ranges))
    return from_members(have.family, (*shared.members, *rest.members))


def _format_address(family: str, number: int) -> str:
    return socket.inet_ntop(FAMILY[family].number, number.to_bytes(FAMILY[family].bits // 8, "big"))


def _compute_length(family: str, first: int, last: int) -> int:
    return FAMILY[family].bits - (last - first).bit_length()


def _split(first: int, last: int) -> Iterator[Range]:
    """Yield the networks that make up a range, each as large as possible."""
    while first <= last:
        size = 1 << (last - first + 1).bit_length() - 1
        size = min(size, first & -first) if first else size
        yield first, first + size - 1
        first += size


def _merge(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for first, last in ranges:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _without(ranges: tuple[Range, ...], holes: tuple[Range, ...]) -> list[Range]:
    """Return the ranges without the holes. Both are ascending and disjoint, and each hole is inside one range."""
    starts = sorted([first for first, _last in ranges] + [last + 1 for _first, last in holes])
    ends = sorted([last for _first, last in ranges] + [first - 1 for first, _last in holes])
    return [(first, last) for first, last in zip(starts, ends) if first <= last]

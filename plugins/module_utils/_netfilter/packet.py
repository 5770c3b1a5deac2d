# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A class of packets with partly known properties, and three-valued answers about it.

The answer to "does this match hold?" is True if it holds for every packet of the class, False if it holds for no packet,
and None if this is unknown or differs between packets. None is always correct; True and False must be certain.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import MARK, MARK_MASK
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import WILDCARDS, Service

Answer = t.Optional[bool]

NEW, ESTABLISHED, INVALID = "new", "established", "invalid"

# The flags of RFC 9293 (TCP) and RFC 3168 (ecn, cwr), with the names of nft(8) and iptables-extensions(8).
TCP_FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}
PROTOCOL_NUMBERS = {6: "tcp", 17: "udp"}

_ECN = TCP_FLAGS["ecn"] | TCP_FLAGS["cwr"]
_TCP_FLAGS = 0xFF
# A connection between hosts has no loopback and no multicast address.
_UNICAST = {
    "ipv4": (("0.0.0.0", "126.255.255.255"), ("128.0.0.0", "223.255.255.255")),
    "ipv6": (("::", "::"), ("::2", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")),
}


def negate(answer: Answer) -> Answer:
    """Return the opposite answer; unknown stays unknown."""
    return None if answer is None else not answer


def is_any(answers: Iterable[Answer]) -> Answer:
    """Return True if one answer is True, False if all are False."""
    given = set(answers)
    return True if True in given else None if None in given else False


def are_all(answers: Iterable[Answer]) -> Answer:
    """Return True if all answers are True, False if one is False."""
    return negate(is_any(map(negate, answers)))


@dataclass(frozen=True)
class Bits:
    """An integer with partly known bits: `known` is the mask of known bits; unknown bits of `value` are 0."""

    value: int
    known: int = -1

    def __and__(self, mask: int) -> Bits:
        return Bits(self.value & mask, self.known | ~mask)

    def __or__(self, mask: int) -> Bits:
        return Bits(self.value | mask, self.known | mask)

    def __xor__(self, mask: int) -> Bits:
        return Bits((self.value ^ mask) & self.known, self.known)

    def equals(self, number: int) -> Answer:
        """Tell whether the integer equals a number."""
        if (self.value ^ number) & self.known:
            return False
        return True if self.known == -1 else None

    def is_within(self, first: int, last: int) -> Answer:
        """Tell whether the integer is in a range, both ends included."""
        highest = self.value | ~self.known
        if highest < first or last < self.value:
            return False
        return True if first <= self.value and highest <= last else None

    def intersect(self, other: Bits) -> Bits:
        """Return the bits that are known and equal in both integers."""
        known = self.known & other.known & ~(self.value ^ other.value)
        return Bits(self.value & known, known)


ANY_MARK = Bits(0, ~0xFFFFFFFF)
MARKED, UNMARKED = Bits(MARK, ~MARK_MASK), Bits(0, ~MARK_MASK)


class Crossing(t.NamedTuple):
    """The interfaces of a packet that the host forwards to a container: packets of other hosts do not arrive on `inner`.

    `out` is the interface to the container. `address` and `port` are the destination before its translation.
    """

    inner: frozenset[str]
    out: str
    addresses: Networks
    port: int | None


@dataclass(frozen=True)
class Packet:
    """Packets of other hosts to one of our ports: the first packet of a connection, or later packets.

    `sources` and `addresses` are the networks of their sources and destinations, `port` and `source_port` the destination
    and the source port. None means unknown: a packet that was translated to a container has another port than the published
    port, and only replies have our port as source. `tracked` tells whether connection tracking knows the packets. With
    `translated`, the host has translated their destination, and forwards them. Their network interface is not lo; `crossing`
    has more about it, if it is known.
    """

    family: str
    protocol: str
    port: int | None
    sources: Networks
    addresses: Networks
    is_first: bool = True
    tracked: Answer = True
    mark: Bits = ANY_MARK
    source_port: int | None = None
    translated: bool = False
    crossing: Crossing | None = None

    def arrives_on(self, name: str) -> Answer:
        """Tell whether the packets arrive on the interface that a rule names."""
        never = name == "lo" or (self.crossing is not None and name in self.crossing.inner)
        return False if never else None

    def leaves_on(self, name: str) -> Answer:
        """Tell whether the packets leave on the interface that a rule names."""
        if name == "lo":
            return False
        return name == self.crossing.out if self.crossing and self.translated else None

    @property
    def state(self) -> str | None:
        """The connection tracking state; None if a rule may exclude the packets from connection tracking."""
        if self.tracked is None:
            return None
        return INVALID if not self.tracked else NEW if self.is_first else ESTABLISHED

    @property
    def flags(self) -> Bits:
        """The TCP flags: the first packet has only SYN, and possibly the flags for ECN (RFC 3168, 6.1.1)."""
        return Bits(TCP_FLAGS["syn"], ~_ECN) if self.is_first else Bits(0, ~_TCP_FLAGS)


def list_unicast(family: str) -> Networks:
    """Return the addresses that packets between hosts can have."""
    return from_ranges(
        family, ((parse_range(family, first)[0], parse_range(family, last)[1]) for first, last in _UNICAST[family])
    )


def list_addresses(service: Service, family: str) -> Networks:
    """Return the destination addresses of packets to a service."""
    if service.address is None or service.address in WILDCARDS:
        return list_unicast(family)
    return from_ranges(family, [parse_range(family, service.address)])


def is_inside(packets: Networks, given: Networks) -> Answer:
    """Tell whether the addresses of packets are in the given networks."""
    if not any(packets.overlaps(member) for member in given.ranges):
        return False
    return True if all(given.covers(member) for member in packets.ranges) else None

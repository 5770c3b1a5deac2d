# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The properties of a packet that expressions of nftables read, in the form of libnftables-json(5)."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_elements import read_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    TCP_FLAGS,
    Answer,
    Bits,
    Packet,
    is_any,
    is_inside,
)

Json = t.Any

_HIGHEST = (1 << 32) - 1
FAMILY_OF_HEADER = {family.ip: name for name, family in FAMILY.items()}
_OTHER = 255  # represents any protocol other than tcp and udp; reserved (IANA protocol numbers)
PROTOCOLS = {"tcp": 6, "udp": 17}
_ETHER_TYPES = {"ip": 0x0800, "ip6": 0x86DD}
_NF_PROTOCOLS = {"ipv4": 2, "ipv6": 10}
_STATES = {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
_DIRECTIONS = {"original": 0, "reply": 1}
_STATUS = {"snat": 16, "dnat": 32}  # IPS_SRC_NAT, IPS_DST_NAT (linux/netfilter/nf_conntrack_common.h)


class UnknownError(Exception):
    """An unknown expression or value."""


@dataclass(frozen=True)
class Number:
    """A numeric property of a packet, the names of its values, and the value of all other names (None: unknown)."""

    bits: Bits
    names: Mapping[str, int]
    other: int | None = None


def name_property(kind: str, body: Json) -> tuple[str, str]:
    """Return the kind of an expression and the property that it reads; no property for a header inside a tunnel."""
    is_plain = isinstance(body, dict) and "tunnel" not in body
    words = [body.get(word) for word in ("field", "key", "result")] if is_plain else []
    return kind, next((word for word in words if isinstance(word, str)), "")


def read_number(packet: Packet, left: Json) -> Number:
    """Return the numeric property that an expression reads. Raises UnknownError if it reads another property."""
    kind, body = next(iter(left.items()))
    if kind in OPERATORS and len(body) == 2:
        number = read_number(packet, body[0])
        return Number(OPERATORS[kind](number.bits, parse_constant(number, body[1])), number.names, number.other)
    make = _NUMBERS.get(name_property(kind, body))
    if make is None:
        raise UnknownError
    return make(packet)


def parse_constant(number: Number, value: Json) -> int:
    """Return the bits of a constant: a number, a name, or several of them. Raises UnknownError for other values."""
    if isinstance(value, dict) and "|" in value:
        value = value["|"]
    if isinstance(value, list):
        return _join_bits(parse_constant(number, part) for part in value)
    if isinstance(value, str):
        value = number.names.get(value, number.other)
    if not isinstance(value, int):
        raise UnknownError
    return value


def _join_bits(values: Iterator[int]) -> int:
    found = 0
    for value in values:
        found |= value
    return found


def _match_source(packet: Packet, body: Json, elements: list[Json]) -> Answer:
    return _match_address(packet, body, packet.sources, elements)


def _match_destination(packet: Packet, body: Json, elements: list[Json]) -> Answer:
    return _match_address(packet, body, packet.addresses, elements)


def _match_address(packet: Packet, body: Json, addresses: Networks, elements: list[Json]) -> Answer:
    if body["protocol"] not in FAMILY_OF_HEADER:
        return None
    networks = from_ranges(packet.family, (read_range(packet.family, element) for element in elements))
    return is_inside(addresses, networks)


def _match_arrival(packet: Packet, _what: Json, elements: list[Json]) -> Answer:
    """Match `iifname`: never lo; any other interface may be unknown."""
    return is_any(packet.arrives_on(element) if isinstance(element, str) else None for element in elements)


def _match_exit(packet: Packet, _what: Json, elements: list[Json]) -> Answer:
    """Match `oifname`. A name that ends with `*` stands for several interfaces."""
    is_name = [isinstance(element, str) and not element.endswith("*") for element in elements]
    return is_any(packet.leaves_on(element) if known else None for element, known in zip(elements, is_name))


def _match_original_destination(packet: Packet, body: Json, elements: list[Json]) -> Answer:
    """Match the destination address before a translation."""
    if not packet.crossing or not packet.translated or body.get("dir") != "original":
        return None
    networks = from_ranges(packet.family, (read_range(packet.family, element) for element in elements))
    return is_inside(packet.crossing.addresses, networks)


def _match_original_port(packet: Packet, body: Json, elements: list[Json]) -> Answer:
    """Match the destination port before a translation."""
    port = packet.crossing.port if packet.crossing and packet.translated and body.get("dir") == "original" else None
    return None if port is None else is_any(_has_port(element, port) for element in elements)


def _has_port(element: Json, port: int) -> Answer:
    if isinstance(element, dict) and "range" in element:
        first, last = element["range"]
        return bool(first <= port <= last)
    return element == port if isinstance(element, int) else None


def _match_packet_type(_packet: Packet, _what: Json, elements: list[Json]) -> Answer:
    return any(element in ("host", "unicast") for element in elements)


def _match_address_type(packet: Packet, body: Json, elements: list[Json]) -> Answer:
    """Match `fib daddr type`: local, because a packet to our port is addressed to this host."""
    if packet.port is None or packet.translated:
        return None
    return "local" in elements if body.get("flags") in ("daddr", ["daddr"]) else None


def _read_port(port: int | None) -> Number:
    return Number(Bits(0, ~0xFFFF) if port is None else Bits(port), {})


def _read_protocol(packet: Packet) -> Number:
    return Number(Bits(PROTOCOLS[packet.protocol]), PROTOCOLS, _OTHER)


def _read_state(packet: Packet) -> Number:
    return Number(Bits(0, ~0xFF) if packet.state is None else Bits(_STATES[packet.state]), _STATES)


def _read_status(packet: Packet) -> Number:
    """Return the status of the connection: its source is not translated yet."""
    return Number(Bits(_STATUS["dnat"] * packet.translated, ~(0xFFFF ^ _STATUS["snat"] ^ _STATUS["dnat"])), _STATUS)


def _read_direction(packet: Packet) -> Number:
    known = packet.crossing is not None and packet.is_first
    return Number(Bits(0) if known else Bits(0, ~1), _DIRECTIONS)


def _read_ether_type(packet: Packet) -> Number:
    return Number(Bits(_ETHER_TYPES[FAMILY[packet.family].ip]), _ETHER_TYPES, _HIGHEST)


OPERATORS: Mapping[str, Callable[[Bits, int], Bits]] = {"&": Bits.__and__, "|": Bits.__or__, "^": Bits.__xor__}
_NUMBERS: Mapping[tuple[str, str], Callable[[Packet], Number]] = {
    ("payload", "dport"): lambda packet: _read_port(packet.port),
    ("payload", "sport"): lambda packet: _read_port(packet.source_port),
    ("payload", "flags"): lambda packet: Number(packet.flags, TCP_FLAGS),
    ("payload", "protocol"): _read_protocol,
    ("payload", "nexthdr"): _read_protocol,
    ("meta", "l4proto"): _read_protocol,
    ("meta", "nfproto"): lambda packet: Number(Bits(_NF_PROTOCOLS[packet.family]), _NF_PROTOCOLS, _OTHER),
    ("meta", "protocol"): _read_ether_type,
    ("meta", "mark"): lambda packet: Number(packet.mark, {}),
    ("ct", "state"): _read_state,
    ("ct", "status"): _read_status,
    ("ct", "direction"): _read_direction,
}
TESTS: Mapping[tuple[str, str], Callable[[Packet, Json, list[Json]], Answer]] = {
    ("payload", "saddr"): _match_source,
    ("payload", "daddr"): _match_destination,
    **{("meta", key): _match_arrival for key in ("iifname", "iif")},
    **{("meta", key): _match_exit for key in ("oifname", "oif")},
    **{("ct", key): _match_original_destination for key in ("daddr", "ip daddr", "ip6 daddr")},
    ("ct", "proto-dst"): _match_original_port,
    ("meta", "pkttype"): _match_packet_type,
    ("fib", "type"): _match_address_type,
}

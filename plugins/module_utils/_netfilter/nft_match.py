# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of the matches of an nftables rule for a packet, in the form of libnftables-json(5).

An expression that reads a header depends on the header: for a packet without it, the evaluation of the rule ends there,
whatever the operator (nft(8), "PAYLOAD EXPRESSIONS"; `payload_gen_dependency` in nftables:src/payload.c).
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_elements import list_elements, read_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    ANY_MARK,
    TCP_FLAGS,
    Answer,
    Bits,
    Packet,
    are_all,
    is_any,
    is_inside,
    negate,
)

Json = t.Any

_HIGHEST = (1 << 32) - 1
_FAMILIES = {"ip": "ipv4", "ip6": "ipv6"}
_FOREIGN_HEADERS = ("icmp", "icmpv6", "igmp", "sctp", "dccp", "udplite", "esp", "ah", "comp", "arp", "gre")
# Properties of a packet that depend on its source.
_OF_SOURCE = ("saddr", "ip saddr", "ip6 saddr")
# Statements that apply to a share of the packets.
_SHARES = ("limit", "quota", "ct count")
_OTHER = 255  # represents any protocol other than tcp and udp; reserved (IANA protocol numbers)
_PROTOCOLS = {"tcp": 6, "udp": 17}
_ETHER_TYPES = {"ip": 0x0800, "ip6": 0x86DD}
_NF_PROTOCOLS = {"ipv4": 2, "ipv6": 10}
_STATES = {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
_STATUS = {"snat": 16, "dnat": 32}  # IPS_SRC_NAT, IPS_DST_NAT (linux/netfilter/nf_conntrack_common.h)


class _UnknownError(Exception):
    """An unknown expression or value."""


# Newer versions of nft can list unknown forms of any structure.
_UNKNOWN_FORM = (AttributeError, KeyError, TypeError, ValueError, _UnknownError)


@dataclass(frozen=True)
class _Number:
    """A numeric property of a packet, the names of its values, and the value of all other names (None: unknown)."""

    bits: Bits
    names: Mapping[str, int]
    other: int | None = None


def is_readable(packet: Packet, expression: Json) -> Answer:
    """Tell whether a packet has every header that an expression depends on."""
    return are_all(_has(packet, header) for header in _list_dependencies(expression))


def matches(packet: Packet, match: Json) -> Answer:
    """Tell whether a match holds. The answer is also False if a required header is missing."""
    return are_all((is_readable(packet, match), _compare(packet, match["op"], match["left"], match["right"])))


def equals(packet: Packet, left: Json, element: Json) -> Answer:
    """Tell whether a property of the packet, such as the key of a map, equals an element."""
    return are_all((is_readable(packet, left), _compare(packet, "==", left, {"set": [element]})))


def write_mark(packet: Packet, key: Json, value: Json) -> Bits:
    """Return the mark of a packet after the statement that sets `key` to `value`."""
    if key != {"meta": {"key": "mark"}}:
        return packet.mark
    try:
        return Bits(value) if isinstance(value, int) else _read_number(packet, value).bits
    except _UNKNOWN_FORM:
        return ANY_MARK


def is_computed(value: Json) -> bool:
    """Tell whether a value certainly exists. A map may have no element for a packet; the rule ends then."""
    if not isinstance(value, (dict, list)):
        return True
    if isinstance(value, list):
        return all(map(is_computed, value))
    ((kind, body),) = value.items()
    return kind == "meta" or (kind in _OPERATORS and is_computed(body))


def is_ban(expression: Json) -> bool:
    """Tell whether an expression with an unknown answer holds only for some sources or for a share of the packets.

    A negated match of a named set is not a ban, because it can hold for most sources.
    """
    ((kind, value),) = expression.items()
    if kind in _SHARES or any(name in ("limit", "quota", "numgen") for name, _what in _list_parts(expression)):
        return True
    if (
        kind == "match"
        and value["op"] in ("!=", "!")
        and isinstance(value["right"], str)
        and value["right"].startswith("@")
    ):
        return False
    return kind in ("match", "vmap") and any(_is_of_source(name, body) for name, body in _list_parts(expression))


def names_port(packet: Packet, match: Json) -> bool:
    """Tell whether a match or a map names our port: the destination of a packet, or the source of a reply."""
    field = "dport" if packet.source_port is None else "sport"
    fields = [body.get("field") for name, body in _list_parts(match) if name == "payload" and isinstance(body, dict)]
    return field in fields and match.get("op", "==") not in ("!=", "!")


def _is_of_source(name: str, body: Json) -> bool:
    if name == "fib":
        return "saddr" in (body.get("flags") or ())
    return name in ("payload", "ct") and {body.get("field"), body.get("key")} & {*_OF_SOURCE} != set()


def _list_parts(value: Json) -> Iterator[tuple[str, Json]]:
    """Yield the kind and the content of every expression inside a value."""
    if isinstance(value, list):
        for element in value:
            yield from _list_parts(element)
    elif isinstance(value, dict):
        for name, body in value.items():
            yield name, body
            yield from _list_parts(body)


def _list_dependencies(expression: Json) -> Iterator[str]:
    for name, body in _list_parts(expression):
        if name == "payload" and isinstance(body, dict) and "protocol" in body:
            # A header inside a tunnel is not the packet's own header.
            yield "tunnel" if "tunnel" in body else body["protocol"]
        elif name in ("tcp option", "ip option"):
            yield name.partition(" ")[0]
        elif name == "exthdr":
            yield "ip6"
        elif name in ("dnat", "snat", "tproxy") and isinstance(body, dict):
            yield body.get("family", "th")
        elif name == "reject" and isinstance(body, dict):
            yield {"icmp": "ip", "icmpv6": "ip6", "tcp reset": "tcp"}.get(body.get("type", ""), "th")


def _has(packet: Packet, header: str) -> Answer:
    if header in _FAMILIES:
        return _FAMILIES[header] == packet.family
    if header in _PROTOCOLS:
        return header == packet.protocol
    return True if header == "th" else False if header in _FOREIGN_HEADERS else None


def _compare(packet: Packet, operator: str, left: Json, right: Json) -> Answer:
    try:
        test = _OPERATIONS.get(operator)
        return test(packet, left, right) if test else None
    except _UNKNOWN_FORM:
        return None


def _is_equal(packet: Packet, left: Json, right: Json) -> Answer:
    kind, body = next(iter(left.items()))
    test = _TESTS.get(_name_property(kind, body))
    if isinstance(right, str) and right.startswith("@"):
        # The elements of a named set are not listed.
        return None
    if test:
        return test(packet, body, list_elements(right))
    if isinstance(right, dict) and "set" in right:
        return is_any(_is_equal(packet, left, element) for element in right["set"])
    if kind == "concat":
        parts = right["concat"]
        return are_all(map(_is_equal, [packet] * len(body), body, parts)) if len(parts) == len(body) else None
    number = _read_number(packet, left)
    if isinstance(right, dict) and "range" in right:
        first, last = (_parse_constant(number, end) for end in right["range"])
        return number.bits.is_within(first, last)
    return number.bits.equals(_parse_constant(number, right))


def _name_property(kind: str, body: Json) -> tuple[str, str]:
    """Return the kind of an expression and the property that it reads; no property for a header inside a tunnel."""
    is_plain = isinstance(body, dict) and "tunnel" not in body
    words = [body.get(word) for word in ("field", "key", "result")] if is_plain else []
    return kind, next((word for word in words if isinstance(word, str)), "")


def _is_unequal(packet: Packet, left: Json, right: Json) -> Answer:
    return negate(_is_equal(packet, left, right))


def _has_any_bit(packet: Packet, left: Json, right: Json) -> Answer:
    """Tell whether one of the bits is set, as in `ct state new` and `tcp flags syn`."""
    kind, body = next(iter(left.items()))
    if (isinstance(right, dict) and "set" in right) or _name_property(kind, body) not in _MASKS:
        return _is_equal(packet, left, right)
    number = _read_number(packet, left)
    return negate((number.bits & _parse_constant(number, right)).equals(0))


def _has_no_bit(packet: Packet, left: Json, right: Json) -> Answer:
    return negate(_has_any_bit(packet, left, right))


def _is_less(packet: Packet, left: Json, right: Json) -> Answer:
    number = _read_number(packet, left)
    return number.bits.is_within(0, _parse_constant(number, right) - 1)


def _is_at_most(packet: Packet, left: Json, right: Json) -> Answer:
    number = _read_number(packet, left)
    return number.bits.is_within(0, _parse_constant(number, right))


def _read_number(packet: Packet, left: Json) -> _Number:
    """Return the numeric property that an expression reads. Raises _UnknownError if it reads another property."""
    kind, body = next(iter(left.items()))
    if kind in _OPERATORS and len(body) == 2:
        number = _read_number(packet, body[0])
        return _Number(_OPERATORS[kind](number.bits, _parse_constant(number, body[1])), number.names, number.other)
    make = _NUMBERS.get(_name_property(kind, body))
    if make is None:
        raise _UnknownError
    return make(packet)


def _parse_constant(number: _Number, value: Json) -> int:
    """Return the bits of a constant: a number, a name, or several of them. Raises _UnknownError for other values."""
    if isinstance(value, dict) and "|" in value:
        value = value["|"]
    if isinstance(value, list):
        return _join_bits(_parse_constant(number, part) for part in value)
    if isinstance(value, str):
        value = number.names.get(value, number.other)
    if not isinstance(value, int):
        raise _UnknownError
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
    if body["protocol"] not in _FAMILIES:
        return None
    networks = from_ranges(packet.family, (read_range(packet.family, element) for element in elements))
    return is_inside(addresses, networks)


def _match_interface(_packet: Packet, _what: Json, elements: list[Json]) -> Answer:
    """Match `iifname`: never lo; any other interface is unknown."""
    return is_any(False if element == "lo" else None for element in elements)


def _match_packet_type(_packet: Packet, _what: Json, elements: list[Json]) -> Answer:
    return any(element in ("host", "unicast") for element in elements)


def _match_address_type(packet: Packet, body: Json, elements: list[Json]) -> Answer:
    """Match `fib daddr type`: local, because a packet to our port is addressed to this host."""
    if packet.port is None:
        return None
    return "local" in elements if body.get("flags") in ("daddr", ["daddr"]) else None


def _read_port(port: int | None) -> _Number:
    return _Number(Bits(0, ~0xFFFF) if port is None else Bits(port), {})


def _read_protocol(packet: Packet) -> _Number:
    return _Number(Bits(_PROTOCOLS[packet.protocol]), _PROTOCOLS, _OTHER)


def _read_state(packet: Packet) -> _Number:
    return _Number(Bits(0, ~0xFF) if packet.state is None else Bits(_STATES[packet.state]), _STATES)


def _read_ether_type(packet: Packet) -> _Number:
    names = {family: name for name, family in _FAMILIES.items()}
    return _Number(Bits(_ETHER_TYPES[names[packet.family]]), _ETHER_TYPES, _HIGHEST)


_INTERFACES = ("iifname", "iif", "oifname", "oif")
_MASKS = (("payload", "flags"), ("ct", "state"), ("ct", "status"))
_OPERATORS: Mapping[str, Callable[[Bits, int], Bits]] = {"&": Bits.__and__, "|": Bits.__or__, "^": Bits.__xor__}
_OPERATIONS: Mapping[str, Callable[[Packet, Json, Json], Answer]] = {
    "==": _is_equal,
    "!=": _is_unequal,
    "in": _has_any_bit,
    "!": _has_no_bit,
    "<": _is_less,
    "<=": _is_at_most,
    ">": lambda packet, left, right: negate(_is_at_most(packet, left, right)),
    ">=": lambda packet, left, right: negate(_is_less(packet, left, right)),
}
_NUMBERS: Mapping[tuple[str, str], Callable[[Packet], _Number]] = {
    ("payload", "dport"): lambda packet: _read_port(packet.port),
    ("payload", "sport"): lambda packet: _read_port(packet.source_port),
    ("payload", "flags"): lambda packet: _Number(packet.flags, TCP_FLAGS),
    ("payload", "protocol"): _read_protocol,
    ("payload", "nexthdr"): _read_protocol,
    ("meta", "l4proto"): _read_protocol,
    ("meta", "nfproto"): lambda packet: _Number(Bits(_NF_PROTOCOLS[packet.family]), _NF_PROTOCOLS, _OTHER),
    ("meta", "protocol"): _read_ether_type,
    ("meta", "mark"): lambda packet: _Number(packet.mark, {}),
    ("ct", "state"): _read_state,
    ("ct", "status"): lambda _packet: _Number(Bits(0, ~(0xFFFF ^ _STATUS["snat"] ^ _STATUS["dnat"])), _STATUS),
}
_TESTS: Mapping[tuple[str, str], Callable[[Packet, Json, list[Json]], Answer]] = {
    ("payload", "saddr"): _match_source,
    ("payload", "daddr"): _match_destination,
    **{("meta", key): _match_interface for key in _INTERFACES},
    ("meta", "pkttype"): _match_packet_type,
    ("fib", "type"): _match_address_type,
}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of the matches of an nftables rule for a packet, in the form of libnftables-json(5).

An expression that reads a header depends on the header: for a packet without it, the evaluation of the rule ends there,
whatever the operator (nft(8), "PAYLOAD EXPRESSIONS"; `payload_gen_dependency` in nftables:src/payload.c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_elements import list_elements
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_properties import (
    FAMILY_OF_HEADER,
    OPERATORS,
    PROTOCOLS,
    TESTS,
    Json,
    UnknownError,
    name_property,
    parse_constant,
    read_number,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    ANY_MARK,
    Answer,
    Bits,
    Packet,
    are_all,
    is_any,
    negate,
)

_FOREIGN_HEADERS = ("icmp", "icmpv6", "igmp", "sctp", "dccp", "udplite", "esp", "ah", "comp", "arp", "gre")
# Properties of a packet that depend on its source.
_OF_SOURCE = ("saddr", "ip saddr", "ip6 saddr")
# Statements that apply to a share of the packets.
_SHARES = ("limit", "quota", "ct count")


# Newer versions of nft can list unknown forms of any structure.
_UNKNOWN_FORM = (AttributeError, KeyError, TypeError, ValueError, UnknownError)


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
        return Bits(value) if isinstance(value, int) else read_number(packet, value).bits
    except _UNKNOWN_FORM:
        return ANY_MARK


def is_computed(value: Json) -> bool:
    """Tell whether a value certainly exists. A map may have no element for a packet; the rule ends then."""
    if not isinstance(value, (dict, list)):
        return True
    if isinstance(value, list):
        return all(map(is_computed, value))
    ((kind, body),) = value.items()
    return kind == "meta" or (kind in OPERATORS and is_computed(body))


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
    if header in FAMILY_OF_HEADER:
        return FAMILY_OF_HEADER[header] == packet.family
    if header in PROTOCOLS:
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
    test = TESTS.get(name_property(kind, body))
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
    number = read_number(packet, left)
    if isinstance(right, dict) and "range" in right:
        first, last = (parse_constant(number, end) for end in right["range"])
        return number.bits.is_within(first, last)
    return number.bits.equals(parse_constant(number, right))


def _is_unequal(packet: Packet, left: Json, right: Json) -> Answer:
    return negate(_is_equal(packet, left, right))


def _has_any_bit(packet: Packet, left: Json, right: Json) -> Answer:
    """Tell whether one of the bits is set, as in `ct state new` and `tcp flags syn`."""
    kind, body = next(iter(left.items()))
    if (isinstance(right, dict) and "set" in right) or name_property(kind, body) not in _MASKS:
        return _is_equal(packet, left, right)
    number = read_number(packet, left)
    return negate((number.bits & parse_constant(number, right)).equals(0))


def _has_no_bit(packet: Packet, left: Json, right: Json) -> Answer:
    return negate(_has_any_bit(packet, left, right))


def _is_less(packet: Packet, left: Json, right: Json) -> Answer:
    number = read_number(packet, left)
    return number.bits.is_within(0, parse_constant(number, right) - 1)


def _is_at_most(packet: Packet, left: Json, right: Json) -> Answer:
    number = read_number(packet, left)
    return number.bits.is_within(0, parse_constant(number, right))


_MASKS = (("payload", "flags"), ("ct", "state"), ("ct", "status"))
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

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells whether one match of an nftables rule holds for a packet: yes, no, or unknown.

Matches are in the form of libnftables-json(5). Unknown (None) is always a correct answer; yes and no must be certain.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges, parse_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import MARK
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_elements import element_range, elements_of

Json = t.Any
Answer = t.Optional[bool]

_IP = {"ip": "ipv4", "ip6": "ipv6"}
_EVERYWHERE = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}
_OTHER_PROTOCOLS = {"icmp", "icmpv6", "igmp", "sctp", "dccp", "udplite", "esp", "ah", "comp", "arp", "vlan"}


@dataclass(frozen=True)
class Packet:
    """A packet from outside to a port of ours, the first of its connection ("new") or a later one ("established").

    `sources` and `addresses` are where it may come from and go to, None for anywhere. `marked` tells whether our own
    chain has seen it; None when something may have changed the mark since. A packet on its way to a container has another
    port than ours by then, which is not known (None).
    """

    family: str
    protocol: str
    port: int | None
    addresses: Networks | None
    sources: Networks | None
    marked: bool | None
    state: str


def matches(packet: Packet, match: Json) -> Answer:
    """Tell whether the match holds."""
    answer = equals(packet, match["left"], match["right"])
    if match["op"] in ("==", "in"):
        return answer
    return negated(answer) if match["op"] == "!=" else None


def negated(answer: Answer) -> Answer:
    """No for yes, yes for no; unknown stays unknown."""
    return None if answer is None else not answer


def any_of(answers: Iterable[Answer]) -> Answer:
    """Yes if one is yes, no if all are no."""
    given = set(answers)
    return True if True in given else None if None in given else False


def all_of(answers: Iterable[Answer]) -> Answer:
    """Yes if all are yes, no if one is no."""
    return negated(any_of(map(negated, answers)))


def equals(packet: Packet, left: Json, right: Json) -> Answer:
    """Tell whether something of the packet, such as the key of a map, equals a value or one of a set."""
    try:
        return _holds(packet, left, right)
    except (AttributeError, KeyError, TypeError, ValueError):
        # A form that this file does not know: newer versions of nft may list any.
        return None


def _holds(packet: Packet, left: Json, right: Json) -> Answer:
    kind, what = next(iter(left.items()))
    if kind == "payload" and "field" in what:
        return _payload(packet, what["protocol"], what["field"], right)
    if kind == "concat":
        return any_of(_concatenation(packet, what, element) for element in elements_of(right))
    if kind == "&":
        return _masked(packet, what, right)
    test = _TESTS.get((kind, what.get("key") or what.get("result")))
    return any_of(test(packet, what, element) for element in elements_of(right)) if test else None


def _is_named_set(value: Json) -> bool:
    return isinstance(value, str) and value.startswith("@")


def _payload(packet: Packet, protocol: str, field: str, right: Json) -> Answer:
    if protocol in _OTHER_PROTOCOLS or (protocol in ("tcp", "udp") and protocol != packet.protocol):
        return False
    if _IP.get(protocol, packet.family) != packet.family:
        return False
    if field == "dport":
        return any_of(_number(packet.port, element) for element in elements_of(right))
    if field in ("saddr", "daddr"):
        return _addresses(packet, packet.sources if field == "saddr" else packet.addresses, elements_of(right))
    if field in ("protocol", "nexthdr"):
        return any_of(_protocol(packet, {}, element) for element in elements_of(right))
    return None


def _number(mine: int | None, element: Json) -> Answer:
    if mine is None:
        return None
    if isinstance(element, dict):
        first, last = element["range"]
        return bool(first <= mine <= last)
    return bool(mine == element) if isinstance(element, int) else None


def _addresses(packet: Packet, mine: Networks | None, elements: list[Json]) -> Answer:
    if any(_is_named_set(element) for element in elements):
        return None
    theirs = from_ranges(packet.family, (element_range(packet.family, one) for one in elements))
    own = parse_networks(packet.family, [_EVERYWHERE[packet.family]]) if mine is None else mine
    if not any(theirs.meets(member) for member in own.members):
        return False
    return True if all(theirs.covers(member) for member in own.members) else None


def _concatenation(packet: Packet, lefts: list[Json], element: Json) -> Answer:
    if not isinstance(element, dict) or len(element.get("concat", ())) != len(lefts):
        return None
    return all_of(_holds(packet, left, right) for left, right in zip(lefts, element["concat"]))


def _masked(packet: Packet, operands: list[Json], right: Json) -> Answer:
    """`meta mark & MASK == VALUE`; of the mark only our own bit is known."""
    if "payload" in operands[0]:
        # Flags: unknown, but never those of another protocol.
        return _payload(packet, operands[0]["payload"]["protocol"], "flags", right)
    if operands[0] != {"meta": {"key": "mark"}} or not isinstance(operands[1], int) or not isinstance(right, int):
        return None
    return _mark(packet, operands[1], right)


def _mark(packet: Packet, mask: int, value: int) -> Answer:
    if not mask & MARK or packet.marked is None:
        return None
    if bool(value & MARK) != packet.marked:
        return False
    return True if mask == MARK else None


def _whole_mark(packet: Packet, _what: Json, element: Json) -> Answer:
    return _mark(packet, 0xFFFFFFFF, element) if isinstance(element, int) else None


def _protocol(packet: Packet, _what: Json, element: Json) -> Answer:
    names = {6: "tcp", 17: "udp"}
    return None if _is_named_set(element) else names.get(element, element) == packet.protocol


def _family(packet: Packet, _what: Json, element: Json) -> Answer:
    return None if _is_named_set(element) else _IP.get(element, element) == packet.family


def _interface(_packet: Packet, _what: Json, element: Json) -> Answer:
    return False if element == "lo" else None


def _packet_type(_packet: Packet, _what: Json, element: Json) -> Answer:
    return element in ("host", "unicast")


def _state(packet: Packet, _what: Json, element: Json) -> Answer:
    return None if _is_named_set(element) else element == packet.state


def _destination_type(packet: Packet, what: Json, element: Json) -> Answer:
    """`fib daddr type`: what reaches the input hook for a port of ours is addressed to this host."""
    if packet.port is None:
        return None
    return element == "local" if what.get("flags") in ("daddr", ["daddr"]) else None


_TESTS: dict[tuple[str, Json], Callable[[Packet, Json, Json], Answer]] = {
    ("meta", "l4proto"): _protocol,
    ("meta", "nfproto"): _family,
    ("meta", "protocol"): _family,
    ("meta", "iifname"): _interface,
    ("meta", "iif"): _interface,
    ("meta", "pkttype"): _packet_type,
    ("meta", "mark"): _whole_mark,
    ("ct", "state"): _state,
    ("fib", "type"): _destination_type,
}

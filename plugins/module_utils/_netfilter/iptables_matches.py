# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of the matches of an iptables rule for a packet."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    PROTOCOL_NUMBERS,
    TCP_FLAGS,
    Answer,
    Packet,
    are_all,
    is_any,
    is_inside,
    negate,
)

Words = t.Tuple[str, ...]


@dataclass(frozen=True)
class Test:
    """A match of a rule: the extension after `-m` ("" for general options such as `-p` and `-s`), the option, its values.

    `members` are the sources that a match of an ipset names, None if they are unknown or if it is another match.
    """

    module: str
    option: str
    values: Words
    negated: bool
    members: t.Optional[Networks] = None


def holds(test: Test, tests: Sequence[Test], packet: Packet) -> Answer:
    """Tell whether a match holds, None if it is not known. `tests` are all matches of the rule."""
    if test.option in ("-i", "-o"):
        answer = _match_interface(test, packet)
        return negate(answer) if test.negated else answer
    if test.members is not None:
        answer = test.members.family == packet.family and is_inside(packet.sources, test.members)
        return negate(answer) if test.negated else answer
    known = _TESTS.get(test.option)
    if known is None or not known.module.fullmatch(test.module):
        return None
    if any(other.module == test.module and other.option in known.narrowed for other in tests):
        return None
    answer = known.answer(test.values, packet)
    return negate(answer) if test.negated else answer


def _match_interface(test: Test, packet: Packet) -> Answer:
    """Match the name of an interface; `+` at its end stands for any text."""
    (name,) = test.values
    if test.option == "-i":
        return packet.arrives_on(name)
    if name.endswith("+") and packet.crossing and packet.translated:
        return packet.crossing.out.startswith(name[:-1])
    return packet.leaves_on(name)


def _match_protocol(values: Words, packet: Packet) -> Answer:
    name = PROTOCOL_NUMBERS.get(int(values[0]), "") if values[0].isdigit() else values[0]
    return name in ("all", packet.protocol)


def _match_source(values: Words, packet: Packet) -> Answer:
    return is_inside(packet.sources, _parse_addresses(packet.family, values[0]))


def _match_destination(values: Words, packet: Packet) -> Answer:
    return is_inside(packet.addresses, _parse_addresses(packet.family, values[0]))


@lru_cache(maxsize=None)
def _parse_addresses(family: str, text: str) -> Networks:
    """Return the addresses of a network, or of a range FIRST-LAST."""
    first, hyphen, last = text.partition("-")
    ends = parse_range(family, first), parse_range(family, last if hyphen else first)
    return from_ranges(family, [(ends[0][0], ends[1][1])])


def _match_never(_values: Words, _packet: Packet) -> Answer:
    return False


def _match_port(values: Words, packet: Packet) -> Answer:
    if packet.port is None:
        return None
    return any(_is_in_range(ports, packet.port) for ports in values[0].split(","))


def _match_either_port(values: Words, packet: Packet) -> Answer:
    return True if _match_port(values, packet) else None


def _is_in_range(text: str, port: int) -> bool:
    first, colon, last = text.partition(":")
    return int(first or 0) <= port <= int((last or 65535) if colon else first)


def _match_flags(values: Words, packet: Packet) -> Answer:
    mask, wanted = (_parse_flags(names) for names in values)
    return (packet.flags & mask).equals(wanted)


def _parse_flags(names: str) -> int:
    fixed = {"ALL": 0x3F, "NONE": 0}
    return sum(fixed[name] if name in fixed else TCP_FLAGS[name.lower()] for name in names.split(","))


def _match_state(values: Words, packet: Packet) -> Answer:
    # The state SNAT does not match, and DNAT only forwarded packets: a packet to our port was not translated.
    states = values[0].split(",")
    if packet.translated and "DNAT" in states:
        return True
    return None if packet.state is None else packet.state.upper() in states


def _match_original_port(values: Words, packet: Packet) -> Answer:
    """Match the destination port before a translation."""
    port = packet.crossing.port if packet.crossing and packet.translated else None
    return None if port is None else _is_in_range(values[0], port)


def _match_original_destination(values: Words, packet: Packet) -> Answer:
    if not packet.crossing or not packet.translated:
        return None
    return is_inside(packet.crossing.addresses, _parse_addresses(packet.family, values[0]))


def _match_direction(values: Words, packet: Packet) -> Answer:
    return values[0] == "ORIGINAL" if packet.crossing and packet.is_first else None


def _match_mark(values: Words, packet: Packet) -> Answer:
    value, mask = parse_masked(values[0])
    return (packet.mark & mask).equals(value)


def parse_masked(text: str) -> tuple[int, int]:
    """Return the value and the mask of `VALUE/MASK`; without a mask all bits count."""
    value, _slash, mask = text.partition("/")
    return int(value, 0), int(mask or "0xffffffff", 0)


def _match_source_type(values: Words, packet: Packet) -> Answer:
    return _match_types(values[0], packet, dict.fromkeys(("LOCAL", "BROADCAST", "MULTICAST"), False))


def _match_destination_type(values: Words, packet: Packet) -> Answer:
    """Match the type of the destination: local, because a packet to our port is addressed to this host."""
    if packet.port is None or packet.translated:
        return None
    return _match_types(values[0], packet, {"LOCAL": True, "UNICAST": False, "BROADCAST": False, "MULTICAST": False})


def _match_types(listed: str, packet: Packet, answers: Mapping[str, Answer]) -> Answer:
    """Match one of the listed types in IPv4, all listed types in IPv6 (linux:net/netfilter/xt_addrtype.c)."""
    types = listed.split(",")
    if packet.family == "ipv4":
        return is_any(answers.get(address_type) for address_type in types)
    return are_all({**answers, "UNICAST": True}.get(address_type) for address_type in types)


def _match_packet_type(values: Words, _packet: Packet) -> Answer:
    return values[0] in ("unicast", "host")


def _match_always(_values: Words, _packet: Packet) -> Answer:
    return True


class _Known(t.NamedTuple):
    """A known match: its extensions, the function that evaluates it, and options that change its meaning."""

    module: t.Pattern[str]
    answer: Callable[[Words, Packet], Answer]
    narrowed: Words = ()


_GENERAL, _PORTS = re.compile(""), re.compile("tcp|udp")
_TESTS: Mapping[str, _Known] = {
    "-p": _Known(_GENERAL, _match_protocol),
    "-s": _Known(_GENERAL, _match_source),
    "-d": _Known(_GENERAL, _match_destination),
    "-f": _Known(_GENERAL, _match_never),  # later fragments, which connection tracking reassembles
    "--dport": _Known(_PORTS, _match_port),
    "--dports": _Known(re.compile("multiport"), _match_port),
    "--ports": _Known(re.compile("multiport"), _match_either_port),
    "--tcp-flags": _Known(re.compile("tcp"), _match_flags),
    "--ctstate": _Known(re.compile("conntrack"), _match_state),
    "--ctorigdstport": _Known(re.compile("conntrack"), _match_original_port),
    "--ctorigdst": _Known(re.compile("conntrack"), _match_original_destination),
    "--ctdir": _Known(re.compile("conntrack"), _match_direction),
    "--state": _Known(re.compile("state"), _match_state),
    "--mark": _Known(re.compile("mark"), _match_mark),
    "--src-type": _Known(re.compile("addrtype"), _match_source_type, ("--limit-iface-in", "--limit-iface-out")),
    "--dst-type": _Known(re.compile("addrtype"), _match_destination_type, ("--limit-iface-in", "--limit-iface-out")),
    "--pkt-type": _Known(re.compile("pkttype"), _match_packet_type),
    "--src-range": _Known(re.compile("iprange"), _match_source),
    "--dst-range": _Known(re.compile("iprange"), _match_destination),
    "--rt-type": _Known(re.compile("rt"), _match_never),  # packets with a routing header, which no client of Kong sends
    "--comment": _Known(re.compile("comment"), _match_always),
}

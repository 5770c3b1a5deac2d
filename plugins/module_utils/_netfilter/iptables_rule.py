# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of an iptables rule for a packet, from its line in the output of iptables-save.

The matches and targets are described in iptables(8) and iptables-extensions(8). A rule applies if all its matches hold. A
match of ports requires `-p`, even if it is negated, so a rule for another protocol never applies. An unknown match may
hold or not.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, from_ranges, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import (
    ANY_MARK,
    PROTOCOL_NUMBERS,
    TCP_FLAGS,
    Answer,
    Bits,
    Packet,
    are_all,
    is_any,
    is_inside,
    negate,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import (
    ACCEPT,
    CONTINUE,
    DIVERT,
    DROP,
    GOTO,
    JUMP,
    RETURN,
    Action,
    Evaluation,
)

Words = tuple[str, ...]

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)
_TEXT_OPTIONS = ("--comment", "--string", "--hex-string")  # their value can begin with a hyphen
UNKNOWN = (ACCEPT, DROP, CONTINUE)
# The possible verdicts of each target. With no verdict, the next rule is evaluated.
VERDICTS: Mapping[str, Words] = {
    "ACCEPT": (ACCEPT,),
    "DROP": (DROP,),
    "REJECT": (DROP,),
    "RETURN": (RETURN,),
    "DNAT": (DIVERT,),
    "REDIRECT": (DIVERT,),
    "NETMAP": (DIVERT,),
    "TPROXY": (DIVERT,),
    "NFQUEUE": (ACCEPT, DROP),
    "QUEUE": (ACCEPT, DROP),
    **dict.fromkeys(
        ("", "AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT", "DSCP", "HL", "IDLETIMER", "LED", "LOG",
         "MARK", "NFLOG", "NOTRACK", "RATEEST", "SECMARK", "SET", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TRACE", "TTL",
         "ULOG"),
        (),
    ),
}  # fmt: skip
_UNTRACKING = ("CT", "NOTRACK")
# Matches that hold only for some sources or for a share of the packets. A negated list of sources matches most sources.
_SOURCES = ("-s", "--src-range", "--mac-source")
_SOURCE_LISTS = ("--match-set", "--rcheck", "--update", "--src-cc", "--source-country")
_SHARES = ("connlimit", "hashlimit", "limit", "quota", "statistic")
# Matches that hold for a share of the packets of each source.
_LIMITS = (*_SHARES, "recent", "time")
# Log targets. A packet continues with the next rule after them (iptables-extensions(8)).
LOGS = ("LOG", "NFLOG", "ULOG")


@dataclass(frozen=True)
class Test:
    """A match of a rule: the extension after `-m` ("" for general options such as `-p` and `-s`), the option, its values."""

    module: str
    option: str
    values: Words
    negated: bool


@dataclass(frozen=True)
class IptablesRule:
    """A rule: its line, its matches, its target (an extension or a chain), and the options of the target."""

    text: str
    tests: tuple[Test, ...]
    target: str
    is_goto: bool
    options: Words
    chains: frozenset[str]

    @property
    def untracks(self) -> bool:
        """True if the rule excludes packets from connection tracking."""
        return self.target in _UNTRACKING and (self.target == "NOTRACK" or "--notrack" in self.options)

    @property
    def leads(self) -> bool:
        """True if the rule leads to another chain."""
        return self.target in self.chains

    @property
    def limits(self) -> bool:
        """True if the rule matches a share of the packets of each source."""
        return any(test.module in _LIMITS for test in self.tests)

    @property
    def only_logs(self) -> bool:
        """True if the rule only logs packets, which then reach the next rule."""
        return self.target in LOGS

    @property
    def bans_one_source(self) -> bool:
        """True if the rule drops the packets of a network and has no other match."""
        return self.target in ("DROP", "REJECT") and [(test.option, test.negated) for test in self.tests] == [
            ("-s", False)
        ]

    def evaluate(self, packet: Packet) -> Evaluation:
        """Return the possible actions of the rule for a packet."""
        unknown = []
        for test in self.tests:
            answer = _holds(test, self.tests, packet)
            if answer is False:
                return Evaluation((), packet.mark)
            if answer is None:
                unknown.append(test)
        named = any(test.option in ("--dport", "--dports") and not test.negated for test in self.tests)
        ban = any(_is_ban(test) for test in unknown)
        if self.target in self.chains:
            action = Action(GOTO if self.is_goto else JUMP, self.target, not unknown, named, ban)
            return Evaluation((action,), packet.mark)
        verdicts = VERDICTS.get(self.target, UNKNOWN)
        actions = [Action(verdict, "", not unknown and len(verdicts) == 1, named, ban) for verdict in verdicts]
        return Evaluation(actions, self._compute_mark(packet))

    def _compute_mark(self, packet: Packet) -> Bits:
        options = dict(zip(self.options, self.options[1:]))
        if self.target == "MARK" and "--set-xmark" in options:
            value, mask = _parse_masked(options["--set-xmark"])
            return (packet.mark & ~mask & 0xFFFFFFFF) ^ value
        changes = self.target in ("MARK", "HMARK") or (self.target == "CONNMARK" and "--restore-mark" in self.options)
        return ANY_MARK if changes or self.target not in VERDICTS else packet.mark


@cache
def parse_rule(line: str, chains: frozenset[str]) -> IptablesRule:
    """Parse a line `-A CHAIN ...`; `chains` are the names of all chains of its table."""
    words = [quoted or plain for quoted, plain in _WORD.findall(line)][2:]
    end = next((index for index in _find_options(words) if words[index] in ("-j", "-g")), len(words))
    target, *options = words[end + 1 :] or [""]
    is_goto = words[end : end + 1] == ["-g"]
    return IptablesRule(line, tuple(_parse_tests(words[:end])), target, is_goto, tuple(options), chains)


def _find_options(words: Sequence[str]) -> Iterator[int]:
    """Yield the indexes of the options, but not of values that look like options."""
    for index, word in enumerate(words):
        if word.startswith("-") and (index == 0 or words[index - 1] not in _TEXT_OPTIONS):
            yield index


def _parse_tests(words: Sequence[str]) -> Iterator[Test]:
    starts = [*_find_options(words), len(words)]
    module = ""
    for start, end in zip(starts, starts[1:]):
        values = tuple(word for word in words[start + 1 : end] if word != "!")
        if words[start] == "-m":
            module = values[0]
        else:
            general = not words[start].startswith("--")
            yield Test("" if general else module, words[start], values, words[max(start - 1, 0) : start] == ["!"])


def _is_ban(test: Test) -> bool:
    if test.option in _SOURCES or test.module in _SHARES:
        return True
    of_destination = test.option == "--match-set" and "src" not in test.values[-1].split(",")
    return test.option in _SOURCE_LISTS and not test.negated and not of_destination


def _holds(test: Test, tests: Sequence[Test], packet: Packet) -> Answer:
    if test.option == "-i" and test.values != ("lo",):
        return None
    known = _TESTS.get(test.option)
    if known is None or not known.module.fullmatch(test.module):
        return None
    if any(other.module == test.module and other.option in known.narrowed for other in tests):
        return None
    answer = known.answer(test.values, packet)
    return negate(answer) if test.negated else answer


def _match_protocol(values: Words, packet: Packet) -> Answer:
    name = PROTOCOL_NUMBERS.get(int(values[0]), "") if values[0].isdigit() else values[0]
    return name in ("all", packet.protocol)


def _match_source(values: Words, packet: Packet) -> Answer:
    return is_inside(packet.sources, _parse_addresses(packet.family, values[0]))


def _match_destination(values: Words, packet: Packet) -> Answer:
    return is_inside(packet.addresses, _parse_addresses(packet.family, values[0]))


@cache
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
    # The states SNAT and DNAT do not match: a packet that is still addressed to our port was not translated.
    return None if packet.state is None else packet.state.upper() in values[0].split(",")


def _match_mark(values: Words, packet: Packet) -> Answer:
    value, mask = _parse_masked(values[0])
    return (packet.mark & mask).equals(value)


def _parse_masked(text: str) -> tuple[int, int]:
    value, _slash, mask = text.partition("/")
    return int(value, 0), int(mask or "0xffffffff", 0)


def _match_source_type(values: Words, packet: Packet) -> Answer:
    return _match_types(values[0], packet, dict.fromkeys(("LOCAL", "BROADCAST", "MULTICAST"), False))


def _match_destination_type(values: Words, packet: Packet) -> Answer:
    """Match the type of the destination: local, because a packet to our port is addressed to this host."""
    if packet.port is None:
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
    "-i": _Known(_GENERAL, _match_never),  # lo
    "-f": _Known(_GENERAL, _match_never),  # later fragments, which connection tracking reassembles
    "--dport": _Known(_PORTS, _match_port),
    "--dports": _Known(re.compile("multiport"), _match_port),
    "--ports": _Known(re.compile("multiport"), _match_either_port),
    "--tcp-flags": _Known(re.compile("tcp"), _match_flags),
    "--ctstate": _Known(re.compile("conntrack"), _match_state),
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

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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_matches import (
    Test,
    Words,
    holds,
    parse_masked,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import ANY_MARK, Bits, Packet
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
            answer = holds(test, self.tests, packet)
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
            value, mask = parse_masked(options["--set-xmark"])
            return (packet.mark & ~mask & 0xFFFFFFFF) ^ value
        changes = self.target in ("MARK", "HMARK") or (self.target == "CONNMARK" and "--restore-mark" in self.options)
        return ANY_MARK if changes or self.target not in VERDICTS else packet.mark


@lru_cache(maxsize=None)
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

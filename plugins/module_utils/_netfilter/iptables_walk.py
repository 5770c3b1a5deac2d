# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rules in the output of iptables-save may meet a packet to a port of ours, and what they do with it.

Matches and targets are those of iptables(8) and iptables-extensions(8). A match that is not known here may hold or not.
"""

from __future__ import annotations

import shlex
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Range, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import table_lines
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import CATCHING
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_match import Answer, negated
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import WILDCARDS, Service

Table = Mapping[str, Sequence[str]]  # the lines of each chain

ACCEPT, DROP, DIVERT = "accept", "drop", "divert"
_RETURN, _END = "return", "end"
_TARGETS = {
    "ACCEPT": ACCEPT,
    "DROP": DROP,
    "REJECT": DROP,
    "DNAT": DIVERT,
    "REDIRECT": DIVERT,
    "TPROXY": DIVERT,
    "RETURN": _RETURN,
}
_MULTICAST = {"ipv4": "224.0.0.0/4", "ipv6": "ff00::/8"}


@dataclass(frozen=True)
class Hit:
    """A rule that ends the way of a packet, if it matches: with "accept", "drop" or "divert"; "return" and "end" are left over.

    `certain` is false where one of its matches, or of those that lead to it, is not known to hold; `named` tells whether
    one of them is the port. `source` is the network that it is for; None for any.
    """

    line: str
    verdict: str
    certain: bool
    named: bool
    source: Range | None

    @property
    def sure(self) -> bool:
        """Whether every packet to the port ends here."""
        return self.certain and self.source is None


def table_of(saved: str, name: str) -> Table:
    """The chains of one table in the output of iptables-save or ip6tables-save, without those that catch packets for Kong."""
    chains: dict[str, list[str]] = {}
    for line in table_lines(saved, name):
        words = line.split(" ", 2)
        if line.startswith(":"):
            chains[words[0][1:]] = []
        elif line.startswith("-A ") and f" -j {CATCHING}" not in line:
            chains.setdefault(words[1], []).append(line)
    return chains


def hits(table: Table, chain: str, service: Service, family: str, until: Callable[[str], bool]) -> Iterator[Hit]:
    """The rules that may meet the first packet of a connection to a service, in their order, from a chain on.

    The way ends at a rule that surely matches, and at the first line that `until` holds for.
    """
    for line in table.get(chain, ()):
        found = Hit(line, _END, certain=True, named=False, source=None) if until(line) else None
        target = ""
        if found is None:
            found, target = _hit(line, service, family)
        for hit in _ends(found, hits(table, target, service, family, until)) if found else ():
            yield hit
            if hit.sure:
                return


def _ends(hit: Hit, inner: Iterable[Hit]) -> Iterator[Hit]:
    """What may become of a packet at a rule that matches it: its own verdict, or those of the chain that it leads to."""
    if hit.verdict and (hit.verdict != _RETURN or hit.sure):
        yield hit
    for one in inner:
        if one.verdict == _RETURN:
            return
        certain, named = one.certain and hit.certain, one.named or hit.named
        yield replace(one, certain=certain, named=named, source=one.source or hit.source)


def _hit(line: str, service: Service, family: str) -> tuple[Hit | None, str]:
    """What a line does, None where it does not match; and the chain that it may lead to."""
    words = shlex.split(line)[2:]
    certain, source, target = True, None, ""
    negate = False
    for at, word in enumerate(words):
        value = words[at + 1] if at + 1 < len(words) else ""
        if word in ("-j", "-g"):
            target = value
            break
        if word == "!":
            negate = True
            continue
        if word == "-s" and not negate:
            source = parse_range(family, value)
        elif word.startswith("-"):
            answer = _matches(word, value, service, family)
            answer = negated(answer) if negate else answer
            if answer is False:
                return None, ""
            certain = certain and answer is True
        negate = negate and not word.startswith("-")
    verdict = _TARGETS.get(target, "")
    named = " --dport" in line
    return Hit(line, verdict, certain, named, source), "" if verdict else target


def _matches(option: str, value: str, service: Service, family: str) -> Answer:
    if option in ("-m", "--comment"):
        return True
    test = _TESTS.get(option)
    return test(value, service, family) if test else None


def _protocol(value: str, service: Service, _family: str) -> Answer:
    return value in ("all", service.protocol)


def _port(value: str, service: Service, _family: str) -> Answer:
    return any(_in_range(one, service.port) for one in value.split(","))


def _in_range(text: str, port: int) -> bool:
    first, colon, last = text.partition(":")
    return int(first or 0) <= port <= int((last or 65535) if colon else first)


def _destination(value: str, service: Service, family: str) -> Answer:
    first, last = parse_range(family, value)
    if service.address is None or service.address in WILDCARDS:
        lowest, highest = parse_range(family, _MULTICAST[family])
        return False if lowest <= first and last <= highest else None
    own = parse_range(family, service.address)
    return first <= own[0] and own[1] <= last


def _interface(value: str, _service: Service, _family: str) -> Answer:
    return False if value == "lo" else None


def _state(value: str, _service: Service, _family: str) -> Answer:
    return "NEW" in value.split(",")


def _kind(value: str, _service: Service, _family: str) -> Answer:
    return value == "LOCAL"


_TESTS: Mapping[str, t.Callable[[str, Service, str], Answer]] = {
    "-p": _protocol,
    "--dport": _port,
    "--dports": _port,
    "-d": _destination,
    "-i": _interface,
    "--ctstate": _state,
    "--state": _state,
    "--dst-type": _kind,
}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The place of the rule that accepts authorised packets, among third-party rules in the output of iptables-save.

An "end" is a third-party rule that drops or rejects every new packet to a managed port, whatever its source: a default.
The accept rule comes before the first end, in the chain of that end. So a rule that drops only some packets (a ban, a rate
limit) comes before the accept rule and holds, also if it is added later at the top of its chain. A host without an end has
the accept rule last in INPUT, where it comes before the policy.
"""

from __future__ import annotations

import shlex
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import table_lines
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    WILDCARDS,
    Ruleset,
    Service,
    entries_of,
)

INPUT = "INPUT"
DROPS = ("DROP", "REJECT")
# Targets after which a packet continues with the next rule; iptables-extensions(8).
LOGS = ("LOG", "NFLOG", "ULOG")
_PASSIVE = ("", "ACCEPT", *LOGS, "AUDIT", "CONNMARK", "MARK", "SET", "TRACE")
# Matches that hold for a part of the packets of each source.
_LIMITS = ("limit", "hashlimit", "connlimit", "quota", "recent", "time")
_MULTICAST = {"ipv4": "224.0.0.0/4", "ipv6": "ff00::/8"}


@dataclass(frozen=True)
class Filter:
    """The table filter of one family: the third-party rules of each chain, and the place of each accept rule of ours.

    A place is the chain and the number of third-party rules before the accept rule.
    """

    policy: str = "ACCEPT"
    chains: Mapping[str, Sequence[str]] = field(default_factory=lambda: {INPUT: []})
    ours: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, order=True)
class Place:
    """A place before a third-party rule, the anchor; without an anchor it is the end of the chain.

    `position` is the number of third-party rules before the place. It is smaller than that of the anchor if the rules
    directly before the anchor only log.
    """

    chain: str
    position: int
    anchor: str = ""


@dataclass(frozen=True)
class Step:
    """A rule that a new packet to a service meets: an end, or one that drops or accepts only some packets."""

    chain: str
    position: int
    line: str
    kind: str


END, SOME_DROP, SOME_ACCEPT, PASSED = "end", "some drop", "some accept", "passed"


def filter_of(saved: str) -> Filter:
    """Return the table filter in the output of iptables-save or ip6tables-save."""
    policy = "ACCEPT"
    chains: dict[str, list[str]] = {INPUT: []}
    ours: list[tuple[str, int]] = []
    for line in table_lines(saved, "filter"):
        words = line.split(" ", 2)
        if line.startswith(f":{INPUT} "):
            policy = words[1]
        elif line.startswith(":"):
            chains[words[0][1:]] = []
        elif is_accept_rule(line):
            ours.append((words[1], len(chains.setdefault(words[1], []))))
        elif line.startswith("-A "):
            chains.setdefault(words[1], []).append(line)
    return Filter(policy, chains, tuple(ours))


def is_accept_rule(line: str) -> bool:
    """Return whether a line of iptables-save is our accept rule; newer versions put its comment in quotes."""
    words = line.split(" ", 2)
    return words[0] == "-A" and len(words) > 2 and words[2].replace('"', "") == LATE_RULE


def places_of(table: Filter, want: Ruleset, family: str) -> tuple[Place, ...]:
    """Return the places that the accept rule needs: one for each chain that has an end, and most hosts have one.

    None are needed if `want` has no service of the family.
    """
    first: dict[str, Step] = {}
    for steps in steps_of(table, want, family).values():
        for step in steps:
            known = first.get(step.chain)
            if step.kind == END and (known is None or step.position < known.position):
                first[step.chain] = step
    return tuple(sorted(_before_logs(table, step) for step in first.values()))


def steps_of(table: Filter, want: Ruleset, family: str) -> dict[Service, tuple[Step, ...]]:
    """Return the rules that new packets to each service meet, in their order."""
    walk = _Walk(table, family)
    services = dict.fromkeys(entry.service for entry in entries_of(want, family))
    return {service: tuple(walk.steps(service)) for service in services}


def misplaced(table: Filter, places: Iterable[Place], want: Ruleset, family: str) -> Iterator[str]:
    """Yield a line for each accept rule of ours that is missing, repeated or in a wrong place.

    Rules between the accept rule and its place are no difference if none of them can drop a packet to a managed port.
    """
    needed = {place.chain: place for place in places}
    found: dict[str, list[int]] = {}
    for chain, position in table.ours:
        found.setdefault(chain, []).append(position)
    for chain in sorted({*needed, *found}):
        positions = found.get(chain, [])
        if chain not in needed:
            yield f"the accept rule is in chain {chain}, where it is not needed"
        elif not positions:
            yield f"the accept rule is missing in chain {chain}"
        elif len(positions) > 1:
            yield f"the accept rule is in chain {chain} {len(positions)} times"
        else:
            yield from _wrong_place(table, positions[0], needed[chain], want, family)


def _wrong_place(table: Filter, position: int, place: Place, want: Ruleset, family: str) -> Iterator[str]:
    lines = table.chains[place.chain]
    if position > place.position:
        yield f"the accept rule comes after `{lines[place.position]}`, which drops authorised packets first"
    services = [entry.service for entry in entries_of(want, family)]
    for line in lines[position : place.position]:
        rule = _parse(line)
        if rule.target not in _PASSIVE and any(_answer(rule, service, family) is not False for service in services):
            yield f"the accept rule comes before `{line}`, which therefore does not hold"


def _before_logs(table: Filter, step: Step) -> Place:
    """Return the place before an end and before the rules directly before it that only log what the end drops."""
    lines, position = table.chains[step.chain], step.position
    if step.line or table.policy != "ACCEPT":
        while position and _parse(lines[position - 1]).target in LOGS:
            position -= 1
    return Place(step.chain, position, step.line)


class _Walk:
    """The way of new packets through the chains from INPUT on."""

    def __init__(self, table: Filter, family: str) -> None:
        self._table = table
        self._family = family

    def steps(self, service: Service) -> Iterator[Step]:
        """Yield the rules that new packets to a service meet."""
        return self._chain(INPUT, service, base=True)

    def _chain(self, chain: str, service: Service, *, base: bool) -> t.Generator[Step, None, bool]:
        """Yield the steps in one chain; return whether no packet continues in the calling chain.

        A packet that leaves a `base` chain meets the policy: INPUT, or a chain that INPUT goes to. With a rule before it
        that lets some packets return, a rule that drops all others is no end.
        """
        some_returned = False  # packets of some sources
        others_returned = False  # all packets of some interfaces
        for position, line in enumerate(self._table.chains[chain]):
            rule = _parse(line)
            answer = _answer(rule, service, self._family)
            if answer is False:
                continue
            here = Step(chain, position, line, PASSED)
            sure = answer is True and not some_returned
            if not sure:
                yield from self._some(rule, here)
                some_returned = some_returned or (not base and (rule.target == "RETURN" or rule.goto))
                continue
            yield here
            ended = yield from self._sure(rule, here, service, base=base)
            # Packets of another interface go on.
            if ended is not None and not rule.interface:
                return ended and not others_returned
            others_returned = others_returned or ended is False
        if base:
            yield Step(chain, len(self._table.chains[chain]), "", END)
        return base

    def _sure(self, rule: _Rule, here: Step, service: Service, *, base: bool) -> t.Generator[Step, None, bool | None]:
        """Yield the steps at a rule that matches; return None if packets continue with the next rule.

        True means that no packet continues, False that packets continue in the calling chain.
        """
        if rule.target in DROPS or (rule.target == "RETURN" and base):
            yield Step(here.chain, here.position, here.line, END)
            return True
        if rule.target == "ACCEPT":
            return True
        if rule.target == "RETURN":
            return False
        if rule.target not in self._table.chains:
            return None
        inner = self._chain(rule.target, service, base=base and rule.goto)
        ended = yield from self._lifted(inner, here) if self._is_shared(rule.target, service) else inner
        return ended if ended or rule.goto else None

    @staticmethod
    def _lifted(inner: t.Generator[Step, None, bool], here: Step) -> t.Generator[Step, None, bool]:
        """Replace the ends of a chain by the rule that leads to it.

        Rules about some sources lead to the same chain: an accept rule in it would accept packets of these sources.
        """
        while True:
            try:
                step = next(inner)
            except StopIteration as stop:
                return bool(stop.value)
            yield Step(here.chain, here.position, here.line, END) if step.kind == END else step

    def _is_shared(self, chain: str, service: Service) -> bool:
        """Return whether a rule that matches only some packets leads to a chain."""
        rules = (_parse(line) for lines in self._table.chains.values() for line in lines if f" {chain}" in line)
        return any(rule.target == chain and _answer(rule, service, self._family) is None for rule in rules)

    def _some(self, rule: _Rule, here: Step) -> Iterator[Step]:
        """Yield the step at a rule that matches only some packets."""
        if rule.target == "ACCEPT" and rule.limited:
            yield Step(here.chain, here.position, here.line, SOME_ACCEPT)
        elif rule.target not in _PASSIVE:
            yield Step(here.chain, here.position, here.line, SOME_DROP)


class _Rule(t.NamedTuple):
    """A rule in words: its matches as option, values and whether it is negated."""

    matches: tuple[tuple[str, tuple[str, ...], bool], ...]
    target: str
    goto: bool

    @property
    def interface(self) -> bool:
        """Whether the rule is about packets of some interfaces."""
        return any(option == "-i" and values != ("lo",) for option, values, _negated in self.matches)

    @property
    def limited(self) -> bool:
        """Whether the rule matches a part of the packets of a source."""
        return any(option == "-m" and values[0] in _LIMITS for option, values, _negated in self.matches)


@lru_cache(maxsize=1 << 16)
def _parse(line: str) -> _Rule:
    """Take a line of iptables-save apart."""
    words = shlex.split(line)[2:] if '"' in line or "'" in line else line.split()[2:]
    matches: list[tuple[str, tuple[str, ...], bool]] = []
    negated = False
    while words and words[0] not in ("-j", "-g"):
        option = words.pop(0)
        if option == "!":
            negated = True
            continue
        count = next((at for at, word in enumerate(words) if word == "!" or word.startswith("-")), len(words))
        if option == "--comment":
            count = 1
        matches.append((option, tuple(words[:count]), negated))
        words, negated = words[count:], False
    return _Rule(tuple(matches), words[1] if len(words) > 1 else "", words[:1] == ["-g"])


def _answer(rule: _Rule, service: Service, family: str) -> bool | None:
    """Return whether a rule matches every new packet to a service (True), none (False) or some of them (None)."""
    answer: bool | None = True
    for option, values, negated in rule.matches:
        test = _TESTS.get(option)
        one = test(values, service, family, negated=negated) if test else None
        if one is False:
            return False
        answer = answer if one else None
    return answer


def _holds(_values: Sequence[str], _service: Service, _family: str, *, negated: bool) -> bool | None:
    return None if negated else True


def _protocol(values: Sequence[str], service: Service, _family: str, *, negated: bool) -> bool | None:
    return (values[0] in ("all", service.protocol)) != negated


def _port(values: Sequence[str], service: Service, _family: str, *, negated: bool) -> bool | None:
    return any(_in_range(text, service.port) for text in values[0].split(",")) != negated


def _in_range(text: str, port: int) -> bool:
    first, colon, last = text.partition(":")
    return int(first or 0) <= port <= int((last or 65535) if colon else first)


def _flags(values: Sequence[str], service: Service, _family: str, *, negated: bool) -> bool | None:
    """Compare with the flags of the first packet of a connection, of which SYN alone is set."""
    mask, compared = (set() if text == "NONE" else {*text.split(",")} for text in values)
    syn = bool(mask & {"SYN", "ALL"})
    return service.protocol == "tcp" and ((compared == ({"SYN"} if syn else set())) != negated)


def _state(values: Sequence[str], _service: Service, _family: str, *, negated: bool) -> bool | None:
    return ("NEW" in values[0].split(",")) != negated


def _interface(values: Sequence[str], _service: Service, _family: str, *, negated: bool) -> bool | None:
    """Take every packet of a network interface as a match; packets of other interfaces are told apart by the walk."""
    return (values[0] == "lo") == negated if values[0] == "lo" else True


def _destination(values: Sequence[str], service: Service, family: str, *, negated: bool) -> bool | None:
    first, last = parse_range(family, values[0])
    if service.address is None or service.address in WILDCARDS:
        lowest, highest = parse_range(family, _MULTICAST[family])
        return negated if lowest <= first and last <= highest else None
    own = parse_range(family, service.address)
    return (first <= own[0] and own[1] <= last) != negated


def _kind(values: Sequence[str], _service: Service, _family: str, *, negated: bool) -> bool | None:
    return (values[0] == "LOCAL") != negated


_TESTS: Mapping[str, t.Callable[..., bool | None]] = {
    "-m": _holds,
    "--comment": _holds,
    "-p": _protocol,
    "--dport": _port,
    "--dports": _port,
    "--tcp-flags": _flags,
    "--ctstate": _state,
    "--state": _state,
    "-i": _interface,
    "-d": _destination,
    "--dst-type": _kind,
}

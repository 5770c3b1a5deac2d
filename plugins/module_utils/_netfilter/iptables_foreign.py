# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rules of others in iptables do with packets to our ports before ours see them."""

from __future__ import annotations

import shlex
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Range, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import Table, table_of
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import Answer, negated
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    ANY,
    WILDCARDS,
    Allow,
    Ruleset,
    Service,
    entries_of,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Obstacle

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


# The other tables, and their chains on the way to the host: iptables(8), "TABLES".
_OTHERS = (
    ("raw", "PREROUTING"),
    ("mangle", "PREROUTING"),
    ("nat", "PREROUTING"),
    ("mangle", "INPUT"),
    ("security", "INPUT"),
)
_PROGRAM = {"ipv4": "iptables", "ipv6": "ip6tables"}
_OWN = "GATEHOUSE-KONG"
_ADVICE = {
    ACCEPT: "Remove it, or put it after ours: whoever it lets in does not have to be a source",
    DROP: "Let Kong's ports pass there",
    DIVERT: "If Docker publishes the port, publish another, or on 127.0.0.1 only: our rules never see these packets",
}
_Found = tuple[str, "Hit", Allow]  # the table, the rule, and what it is about


def other_tables(saved: Mapping[str, str], want: Ruleset) -> tuple[Obstacle, ...]:
    """Rules of the tables beside filter that refuse our ports, or send them elsewhere, from iptables-save by family."""
    return tuple(
        _obstacle(family, same)
        for family, text in saved.items()
        for same in _grouped(
            found
            for table, chain in _OTHERS
            for found in _found(table, table_of(text, table), chain, want, family, lambda _line: False)
            if found[1].verdict != ACCEPT
        )
    )


def before_ours(
    family: str, saved: str, want: Ruleset, until: Callable[[str], bool], chain: str = "INPUT"
) -> tuple[Obstacle, ...]:
    """Rules of the table filter that decide on packets to our ports, from a chain on to the first line that is ours."""
    found = _found("filter", table_of(saved, "filter"), chain, want, family, until)
    return tuple(_obstacle(family, same) for same in _grouped(found))


def _found(
    name: str, table: Table, chain: str, want: Ruleset, family: str, until: Callable[[str], bool]
) -> Iterator[_Found]:
    for entry in entries_of(want, family):
        for hit in hits(table, chain, entry.service, family, until):
            if _OWN not in hit.line and _matters(hit, entry, want, family):
                yield name, hit, entry


def _matters(hit: Hit, entry: Allow, want: Ruleset, family: str) -> bool:
    """Whether a rule contradicts an entry: it lets in others than the sources, or refuses one of them.

    A rule that refuses one network of all the world is its owner's list of who is banned, and one that may match and
    does not name the port is for other packets.
    """
    if not (hit.certain or hit.named):
        return False
    if hit.verdict not in (ACCEPT, DROP):
        return hit.verdict == DIVERT
    if entry.sources == ANY:
        return hit.verdict == DROP and hit.source is None
    allowed = [one.of(family) for one in want.sets if one.name in entry.set_names]
    if hit.verdict == ACCEPT:
        return hit.source is None or not any(networks.covers(hit.source) for networks in allowed)
    return any(networks.members and (hit.source is None or networks.meets(hit.source)) for networks in allowed)


def _grouped(found: Iterable[_Found]) -> Iterator[list[_Found]]:
    for _key, same in groupby(sorted(found, key=_rule), key=_rule):
        yield list(same)


def _rule(found: _Found) -> tuple[str, str, str]:
    table, hit, _entry = found
    return table, hit.verdict, hit.line


def _obstacle(family: str, same: Sequence[_Found]) -> Obstacle:
    """What one rule does. A drop is never certain, as a warning is better than to refuse a change for it."""
    table, verdict, line = _rule(same[0])
    return Obstacle(
        certain=verdict != DROP and all(hit.certain for _table, hit, _entry in same),
        where=f"table {table} of {_PROGRAM[family]}",
        reason=f"it has `{line}`{'' if verdict == DROP else ', which comes before ours'}",
        ports=tuple(dict.fromkeys(str(entry.service) for _table, _hit, entry in same)),
        advice=_ADVICE[verdict],
        effect=verdict,
    )


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

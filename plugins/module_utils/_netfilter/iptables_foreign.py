# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rules of others in iptables do with packets to our ports before ours see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import (
    ACCEPT,
    DIVERT,
    DROP,
    Hit,
    Table,
    hits,
    table_of,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, Allow, Ruleset, entries_of
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Obstacle

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
_Found = tuple[str, Hit, Allow]  # the table, the rule, and what it is about


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

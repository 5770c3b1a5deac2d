# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counted sources as text: a table, the proposed source terms, and the result in one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.sources import DAY, Counted, CountedSource
from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    count_noun,
    format_ranges,
    make_natural_key,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import format_not_checked

_HEADER = ("node", "listener", "port", "source", "packets", "last packet", "effect of enforcing")
# The terminal lists at most so many sources; the file kong_staged_file has all.
_SHOWN = 100
_UNITS = ((DAY, "day"), (3600, "hour"), (60, "minute"))


@dataclass(frozen=True, slots=True)
class Proposal:
    """Source terms to add to a variable of some nodes, if the administrator knows these sources."""

    variable: str
    nodes: tuple[str, ...]
    terms: tuple[str, ...]

    def __str__(self) -> str:
        return f"{format_ranges(self.nodes)}: add to {self.variable}: [{', '.join(self.terms)}]"


def list_proposals(counted: Counted) -> tuple[Proposal, ...]:
    """Return the terms that would allow the sources that would be dropped, the narrowest that cover them."""
    terms: dict[tuple[str, str], dict[str, None]] = {}
    for source in counted.dropped:
        terms.setdefault((_name_variable(source), source.node), {})[_make_term(source)] = None
    nodes: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (variable, node), found in terms.items():
        ordered = tuple(sorted(found, key=make_natural_key))
        nodes.setdefault((variable, ordered), []).append(node)
    return tuple(Proposal(variable, tuple(names), found) for (variable, found), names in nodes.items())


def format_counted(counted: Counted) -> list[str]:
    """Return the sources as lines for a terminal: a table, notes about nodes, proposals, and the result in one line."""
    rows = [_make_row(source) for source in counted.sources[:_SHOWN]]
    table = [*render_table(_HEADER, rows), ""] if rows else []
    if (more := len(counted.sources) - _SHOWN) > 0:
        table += [f"and {count_noun(more, 'more source')}; kong_staged_file has all sources", ""]
    notes = [*_list_notes(counted)]
    proposals = [f"  {proposal}" for proposal in list_proposals(counted)]
    advice = ["To allow these sources. Add only sources that you know:", *proposals, ""] if proposals else []
    return [*table, *([*notes, ""] if notes else []), *advice, format_summary(counted)]


def format_summary(counted: Counted) -> str:
    """Return the result in one line."""
    checked = f"{len(counted.nodes)} of {count_noun(len(counted.nodes) + len(counted.not_checked), 'node')} checked"
    if not counted.nodes:
        return checked
    staged = sum(node.staged for node in counted.nodes.values())
    dropped = len({(source.node, source.address) for source in counted.dropped})
    verdict = f"enforcing would drop {count_noun(dropped, 'source')}" if dropped else "enforcing would drop no source"
    return f"{checked}, {staged} staged: {verdict}"


def find_problems(counted: Counted, quiet_days: int | None) -> list[str]:
    """Return why the plan should not be enforced yet on staged nodes. With ``quiet_days``, only that many last days matter."""
    limit = None if quiet_days is None else quiet_days * DAY
    late = [source for source in counted.dropped if limit is None or source.age <= limit]
    staged = {name: node for name, node in counted.nodes.items() if node.staged}
    short = [name for name, node in staged.items() if limit and node.seconds is not None and node.seconds < limit]
    full = [name for name, node in staged.items() if node.uncounted]
    days = "" if quiet_days is None else count_noun(quiet_days, "day")
    problems = []
    if late:
        nodes = format_ranges(dict.fromkeys(source.node for source in late))
        within = f" in the last {days}" if days else ""
        problems.append(f"unexpected sources{within} on {nodes}")
    if short:
        problems.append(f"{format_ranges(short)} {_has(short)} counted for less than {days}")
    if full:
        problems.append(f"the counts of {format_ranges(full)} are incomplete")
    return problems


def format_failure(problems: Sequence[str]) -> str:
    """Return the problems as one text, empty without problems."""
    return f"Not ready to enforce: {'; '.join(problems)}. The sources are listed above" if problems else ""


def _has(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _make_row(source: CountedSource) -> list[str]:
    port = f"{source.port}/{source.protocol}"
    return [source.node, source.listener or "-", port, format_counted_source(source), str(source.packets),
            f"{format_time(source.age)} ago", source.effect]  # fmt: skip


def format_counted_source(source: CountedSource) -> str:
    """Return the address of a source with its names, or with the network that covers it and similar sources."""
    if source.hosts:
        return f"{source.address} ({format_ranges(source.hosts)})"
    is_single = source.network.endswith(("/32", "/128"))
    return source.address if is_single else f"{source.address} in {source.network}"


def format_time(seconds: int) -> str:
    """Return a number of seconds as text, in days, hours or minutes."""
    for length, unit in _UNITS:
        if seconds >= length:
            return count_noun(seconds // length, unit)
    return "less than a minute"


def _name_variable(source: CountedSource) -> str:
    # The ports of streams may have different sources.
    of_port = f", port {source.port}" if source.listener == "stream" else ""
    return f"kong_{source.listener}_sources{of_port}"


def _make_term(source: CountedSource) -> str:
    if len(source.hosts) == 1:
        return source.hosts[0]
    network = source.network or source.address
    return network.removesuffix("/128" if ":" in network else "/32")


def share_states(counted: Counted) -> dict[str, list[str]]:
    """Return the checked nodes by their state: whether they are staged, and for how long they have counted."""
    states: dict[str, list[str]] = {}
    for name, node in counted.nodes.items():
        state = "staged" if node.staged else "enforced"
        since = "as long as entries are kept" if node.seconds is None else format_time(node.seconds)
        text = f"{state}, counted for {since}" if node.counts else f"{state}, and counts nothing (kong_firewall_record)"
        states.setdefault(text, []).append(name)
    return states


def list_incomplete(counted: Counted) -> Iterator[str]:
    """Yield a line for each node that did not list all sources."""
    for name, node in counted.nodes.items():
        if node.uncounted:
            packets = count_noun(node.uncounted, "packet")
            yield f"INCOMPLETE: {name}: {packets} of further sources are not listed, because all entries were in use"


def _list_notes(counted: Counted) -> Iterator[str]:
    for text, names in share_states(counted).items():
        yield f"{format_ranges(names)}: {text}"
    yield from list_incomplete(counted)
    yield from format_not_checked({name: [reason] for name, reason in counted.not_checked.items()})

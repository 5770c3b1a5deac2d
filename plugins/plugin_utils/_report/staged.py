# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The section of the report about the sources that staged nodes have counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import filterfalse
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    GOOD,
    WARN,
    Cell,
    Section,
    Table,
    make_cells,
    make_names_cell,
    make_text_table,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.sources import DROPPED, Counted, CountedSource
from ansible_collections.gatehouse.kong.plugins.plugin_utils._staged.text import (
    format_counted_source,
    format_summary,
    format_time,
    list_incomplete,
    list_proposals,
    share_states,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import share_reasons

# The report as JSON has all sources.
_MOST_ROWS = 200
_HEADER = ("nodes", "listener", "port", "source", "packets", "last packet", "effect of enforcing")


def make_staged_section(staged: Mapping[str, Any]) -> Section:
    """Return the counted sources with the effect of enforcing the plan, and the source terms that would allow them.

    ``staged`` has the result of module kong_staged, and ``at``, the time of the counts.
    """
    counted = Counted.from_dict(staged)
    tone = BAD if staged["problems"] else GOOD
    paragraphs = [Cell(f"{format_summary(counted)}. Counted until {staged['at']}.", tone)]
    paragraphs += [Cell(line, WARN) for line in list_incomplete(counted)]
    return Section("staged", "Counted sources", tuple(paragraphs), tuple(_make_tables(counted)))


def summarise_staged(staged: Mapping[str, Any]) -> Cell:
    """Return a short text about the counted sources for the summary of a report."""
    dropped = len({(source.node, source.address) for source in Counted.from_dict(staged).dropped})
    missing = len(staged["not_checked"])
    texts = [f"{count_noun(dropped, 'source')} would be dropped" if dropped else "none would be dropped"]
    texts += [f"{count_noun(missing, 'node')} not checked"] if missing else []
    return Cell(", ".join(texts), BAD if staged["problems"] else WARN if missing else GOOD, "staged")


def _make_tables(counted: Counted) -> Iterator[Table]:
    groups = _share_sources(counted.sources)
    if groups:
        yield Table("", _HEADER, tuple(map(_make_row, groups[:_MOST_ROWS])), notes=tuple(_note_more(groups)))
    proposals = [
        make_cells(make_names_cell(proposal.nodes), proposal.variable, Cell("", items=proposal.terms))
        for proposal in list_proposals(counted)
    ]
    if proposals:
        yield make_text_table("To allow these sources, if you know them", ("nodes", "variable", "add"), proposals)
    states = [make_cells(make_names_cell(names), text) for text, names in share_states(counted).items()]
    if states:
        yield make_text_table("Nodes that were checked", ("nodes", "state"), states)
    reasons = share_reasons({name: [reason] for name, reason in counted.not_checked.items()})
    if reasons:
        rows = [make_cells(make_names_cell(names), Cell(reason, WARN)) for reason, names in reasons.items()]
        yield make_text_table("Not checked", ("nodes", "reason"), rows)


def _share_sources(sources: Sequence[CountedSource]) -> list[list[CountedSource]]:
    """Return the sources by port, address and effect, each with all its nodes. Those that would be dropped are first."""
    groups: dict[tuple[Any, ...], list[CountedSource]] = {}
    for source in sources:
        key = (source.listener, source.port, source.protocol, format_counted_source(source), source.effect)
        groups.setdefault(key, []).append(source)
    return [*filter(_is_dropped, groups.values()), *filterfalse(_is_dropped, groups.values())]


def _is_dropped(group: Sequence[CountedSource]) -> bool:
    return group[0].effect == DROPPED


def _make_row(group: Sequence[CountedSource]) -> tuple[Cell, ...]:
    first = group[0]
    return make_cells(
        make_names_cell([source.node for source in group]),
        first.listener or "-",
        f"{first.port}/{first.protocol}",
        format_counted_source(first),
        str(sum(source.packets for source in group)),
        f"{format_time(min(source.age for source in group))} ago",
        Cell(first.effect, BAD if _is_dropped(group) else ""),
    )


def _note_more(groups: Sequence[Sequence[CountedSource]]) -> Iterator[str]:
    if (more := len(groups) - _MOST_ROWS) > 0:
        yield f"And {count_noun(more, 'more source')}: a report as JSON has all sources."

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of callers that the ports and forwards of many nodes share, if a port allows many callers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.caller_lists import Listed
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.forward_sources import name_source
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    Cell,
    Section,
    make_cells,
    make_table,
)


def make_lists_section(lists: Mapping[int, Mapping[str, Sequence[str]]]) -> Section:
    """Return all members of each list, with the addresses that a node sees."""
    rows = [
        make_cells(
            Cell(f"list {number}", link=f"#list-{number}"),
            str(len(members)),
            Cell("", items=tuple(name_source(name, sources) for name, sources in members.items())),
        )
        for number, members in lists.items()
    ]
    intro = "The ports and the NAT forwards refer to these lists, each with its exceptions."
    table = make_table("", ("list", "number", "callers, with the addresses that the nodes see"), rows)
    return Section("lists", "Lists of callers", (Cell(intro),), (table,))


def make_listed_cell(listed: Sequence[Listed], text: str = "") -> Cell:
    """Return the callers of a port or forward: a link to their list, and the exceptions."""
    if len(listed) == 1 and not text and listed[0].number:
        [part] = listed
        return Cell(f"list {part.number}", link=f"list-{part.number}", items=tuple(_list_exceptions(part)))
    return Cell(text, items=tuple(" ".join(_name_list(part)) for part in listed))


def _name_list(part: Listed) -> Iterator[str]:
    if part.number:
        yield f"list {part.number}"
    yield from _list_exceptions(part)


def _list_exceptions(part: Listed) -> Iterator[str]:
    if part.without:
        yield f"without {', '.join(part.without)}"
    if part.further:
        yield f"{'and ' if part.number else ''}{', '.join(name_source(*caller) for caller in part.further)}"

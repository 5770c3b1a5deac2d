# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as data: sections with tables, from which both HTML and Markdown are written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import SHOWN_RANGES, format_ranges, list_ranges

# The format of the JSON.
FORMAT = 1

GOOD = "good"
BAD = "bad"
WARN = "warn"
MUTED = "muted"
# The width of half a page of A4 in characters, and the space between columns.
_HALF_PAGE = 95
_COLUMN_SPACE = 1.5


@dataclass(frozen=True, slots=True)
class Cell:
    """Text in a table. ``tone`` is one of the words above or empty, ``link`` an anchor of the same report.

    ``items`` is a complete list that follows the text. HTML folds a long list, Markdown has all of it.
    """

    text: str
    tone: str = ""
    link: str = ""
    items: tuple[str, ...] = ()

    @property
    def separator(self) -> str:
        """The text between two items; items with a comma need another sign."""
        return "; " if any(", " in item for item in self.items) else ", "


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title, which may be empty, and an anchor if there are links to it.

    With ``is_printed`` false it is not on paper, because a table of an equivalent node is. The cells of a table with ``is_text``
    are understood without the header, so a phone shows them below each other.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    anchor: str = ""
    notes: tuple[str, ...] = ()
    is_printed: bool = True
    is_text: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether the longest words of the columns fit into half a page."""
        columns = zip(map(Cell, self.header), *self.rows, strict=True)
        return sum(_COLUMN_SPACE + max(map(_measure_longest_word, column)) for column in columns) <= _HALF_PAGE


def _measure_longest_word(cell: Cell) -> int:
    return max(map(len, " ".join((cell.text, *cell.items)).split()), default=0)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: its anchor and title, then paragraphs, then tables."""

    anchor: str
    title: str
    paragraphs: tuple[Cell, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def is_narrow(self) -> bool:
        """Whether two tables fit next to each other on paper."""
        return all(table.is_narrow for table in self.tables)


@dataclass(frozen=True, slots=True)
class Report:
    """A complete report. ``summary`` has short facts: a label and a text. ``origin`` has the texts below the title."""

    title: str
    summary: tuple[tuple[str, Cell], ...]
    sections: tuple[Section, ...] = field(default=())
    origin: tuple[str, ...] = ()


def make_cells(*values: str | Cell) -> tuple[Cell, ...]:
    """Return a row of cells; plain text has no tone."""
    return tuple(value if isinstance(value, Cell) else Cell(value) for value in values)


def make_names_cell(names: Collection[str], tone: str = "") -> Cell:
    """Return a cell with the names of hosts, complete."""
    ranges = list_ranges(names)
    if len(ranges) <= SHOWN_RANGES:
        return Cell(format_ranges(names), tone)
    return Cell(f"{len(names)} nodes:", tone, items=tuple(ranges))


def make_table(title: str, header: Sequence[str], rows: Iterable[tuple[Cell, ...]], anchor: str = "") -> Table:
    """Return a table of rows."""
    return Table(title, tuple(header), tuple(rows), anchor)


def make_text_table(title: str, header: Sequence[str], rows: Iterable[tuple[Cell, ...]]) -> Table:
    """Return a table of rows whose cells are understood without the header."""
    return Table(title, tuple(header), tuple(rows), is_text=True)

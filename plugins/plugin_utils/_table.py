# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from shutil import get_terminal_size
from textwrap import wrap

_IN_A_LOG = 100
_LEGIBLE = 12
_GAP = "  "


def is_legible(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bool:
    """Tell whether a table fits into the terminal with columns of whole words, or of _LEGIBLE characters."""
    columns = zip(header, *rows, strict=True)
    words = [max((len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    return sum(min(word, _LEGIBLE) for word in words) <= _measure_space(len(words))


def render_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return lines of a table: left-aligned columns two spaces apart, a rule below the header.

    In a table that would be wider than the terminal (100 characters without one), long cells continue on further lines. It
    is wider only if it has more columns than fit at a width of one character.
    """
    cells = [list(header), *(list(row) for row in rows)]
    columns = list(zip(*cells, strict=True))
    words = [max((len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    widths = _fit([max(map(len, column)) for column in columns], words)
    first, *others = ([*_format_row(row, widths)] for row in cells)
    return [*first, _GAP.join("-" * width for width in widths), *(line for lines in others for line in lines)]


def _fit(widths: list[int], words: Sequence[int]) -> list[int]:
    """Return column widths of which the widest are reduced until the table fits.

    A column is narrower than its longest word (of the lengths ``words``), or than is legible, only if the table does not fit
    otherwise.
    """
    available = _measure_space(len(widths))
    for least in ([max(word, _LEGIBLE) for word in words], [_LEGIBLE] * len(widths), [1] * len(widths)):
        while sum(widths) > available and (
            wide := [column for column, width in enumerate(widths) if width > least[column]]
        ):
            widths[max(wide, key=widths.__getitem__)] -= 1
    return widths


def _measure_space(columns: int) -> int:
    """Return the width of the terminal without the gaps between columns."""
    return get_terminal_size((_IN_A_LOG, 0)).columns - len(_GAP) * (columns - 1)


def _format_row(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    columns = [wrap(cell, max(width, 1), break_on_hyphens=False) for cell, width in zip(row, widths, strict=True)]
    for parts in zip_longest(*columns, fillvalue="") if any(columns) else [row]:
        yield _GAP.join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()

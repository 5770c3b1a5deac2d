# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of the picture, and the size of its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import clean, fit_list, list_first, measure_width

SIZES = {"site": 16.0, "note": 11.5, "name": 13.5, "about": 11.5, "port": 11.5, "mark": 11.5, "listener": 12.5, "chip": 12.0,
         "chip-site": 10.5, "device": 12.0, "dials": 11.5, "source": 11.5, "arrives": 11.5, "closed": 11.5}  # fmt: skip
# The share of its usual size down to which a text is legible without zooming.
_LEGIBLE = 0.6
_MOST_LINES = 3
# The share of its length by which a line may differ from the other lines.
_TOLERANCE = 0.33
_LINE_HEIGHT = 1.15
_BREAK = re.compile(r"[-._/, ]")


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text and its position. ``full`` has all items of a list, ``size`` is that of the font."""

    kind: str
    x: float
    baseline: float
    text: str
    full: str
    size: float

    @property
    def is_small(self) -> bool:
        """Whether the text is hard to read without zooming, because it is long."""
        return self.size < _LEGIBLE * SIZES[self.kind]


@dataclass(frozen=True, slots=True)
class Shape:
    """A box: of a site, node, port, caller or device."""

    kind: str
    rect: Rect


@dataclass(frozen=True, slots=True)
class Arrow:
    """A horizontal arrow."""

    kind: str
    start: float
    end: float
    y: float


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the picture that is not split on paper: a box. The first box of a site includes the head of the site.

    With ``is_printed`` false it is on the screen only, because the picture is long.
    """

    name: str
    y: float
    height: float
    is_printed: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """All parts in the order in which they are drawn. There is no gap between slices."""

    width: float
    height: float
    slices: tuple[Slice, ...]
    shapes: tuple[Shape, ...]
    arrows: tuple[Arrow, ...]
    labels: tuple[Label, ...]


Part = Shape | Arrow | Label


def make_label(kind: str, x: float, baseline: float, width: float, text: str) -> Label:
    """Return a label that fits into the width: a long text is smaller."""
    whole = clean(text)
    return Label(kind, x, baseline, whole, whole, _compute_size(kind, whole, width))


def make_list_label(  # noqa: PLR0913 - the place and the items of the label
    kind: str, x: float, baseline: float, width: float, before: str, items: Sequence[str], *, more: int = 0
) -> Label:
    """Return a label of as many items as fit into the width, after the text ``before``, and the number of further items.

    ``more`` is the number of items that are not in ``items``.
    """
    shown = [clean(item) for item in items]
    size = _compute_size(kind, before + list_first(shown, 1, more), width)
    whole = before + list_first(shown, len(shown), more)
    return Label(kind, x, baseline, fit_list(before, shown, width, size, more), whole, size)


def split_text(kind: str, width: float, text: str) -> list[str]:
    """Return a text as the fewest lines in which it is legible, at most _MOST_LINES."""
    for count in range(1, _MOST_LINES + 1):
        for tolerance in (_TOLERANCE, 0):
            lines = _split_into(text, count, tolerance)
            if max(measure_width(line, SIZES[kind]) for line in lines) * _LEGIBLE <= width:
                return lines
    return lines


def _split_into(text: str, count: int, tolerance: float) -> list[str]:
    """Return a text in parts of about the same length, which end after a part of a name if one ends near there."""
    if count == 1 or len(text) < count:
        return [text]
    middle = -(-len(text) // count)
    ends = [found.end() for found in _BREAK.finditer(text) if abs(found.end() - middle) <= middle * tolerance]
    end = min(ends, key=lambda position: abs(position - middle), default=middle)
    return [text[:end].rstrip(), *_split_into(text[end:], count - 1, tolerance)]


def draw_labels(labels: Sequence[Label], width: float, top: float, height: float) -> Iterator[Label]:
    """Yield labels of a box, in more lines if a label would be too small."""
    if not any(label.is_small for label in labels):
        yield from labels
        return
    lines = [(label, split_text(label.kind, width, label.text)) for label in labels]
    step = height / sum(len(texts) for _label, texts in lines)
    for label, texts in lines:
        for text in texts:
            size = min(_compute_size(label.kind, text, width), step / _LINE_HEIGHT)
            top += step
            # The last line of a list has the number of its other items.
            full = label.full if text is texts[-1] and label.full != label.text else text
            yield Label(label.kind, label.x, top - step / 2 + size * 0.3, text, full, size)


def _compute_size(kind: str, text: str, width: float) -> float:
    """Return the size of a text: smaller than usual if the text is too long."""
    needed = measure_width(text, SIZES[kind])
    return SIZES[kind] * min(1.0, 0.999 * width / needed) if needed > width else SIZES[kind]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layout of the picture.

Each flow to a port has its own line, so lines never cross: callers of other sites on the left, the NAT device at the border
of the site, callers of the site itself inside it, and the node with its ports on the right. In a picture with many boxes,
boxes without a NAT device use half of the width, two next to each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import Box, Fleet, Row, Site
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.layout_flows import (
    BORDER,
    Lane,
    draw_closed,
    draw_device,
    draw_flow,
    find_device,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.picture import (
    Arrow,
    Label,
    Part,
    Picture,
    Rect,
    Shape,
    Slice,
    draw_labels,
    make_label,
    make_list_label,
    split_text,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first

WIDTH = 1340.0
_LINE = 48.0
_CLOSED_LINE = 42.0
_TITLE = 40.0
_GAP = 18.0
# With more boxes than this, boxes share the width.
_FEW = 4
# A picture with more slices is printed up to this height, about three pages of A4.
_PRINTED_SLICES = 12
_PRINTED_HEIGHT = 2700.0
_HEAD_WIDTH = 222.0
_WHOLE = Lane((8.0, 178.0), (458.0, 588.0), (606.0, 786.0), (1042.0, 1320.0))
_HALVES = tuple(Lane((x, x + 140), (x + 140, x + 140), (x, x + 140), (x + 390, x + 636)) for x in (22.0, 682.0))


@dataclass(frozen=True, slots=True)
class _Frame:
    """The frame of a site: its left end, its title and note, and rows of boxes with the lane of each box."""

    site: str
    x: float
    title: str
    note: tuple[str, tuple[str, ...]]
    bands: tuple[tuple[tuple[Box, Lane], ...], ...]

    @property
    def height(self) -> float:
        """The height of the title and of all rows."""
        return _TITLE + sum(_compute_band_height(band) + _GAP for band in self.bands)


_Band = Sequence[tuple[Box, Lane]]


def lay_out_picture(fleet: Fleet) -> Picture:
    """Return the picture of a fleet, with the position of each part."""
    parts: list[Part] = []
    slices: list[Slice] = []
    y = _GAP / 2
    is_large = sum(len(site.boxes) for site in fleet.sites) > _FEW
    for frame in (frame for site in fleet.sites for frame in _make_frames(site, is_large=is_large)):
        parts += _draw_frame(frame, y)
        slices += _make_slices(frame, y)
        y += frame.height + _GAP
    is_long = len(slices) > _PRINTED_SLICES
    return Picture(
        WIDTH,
        y - _GAP / 2,
        tuple(replace(part, is_printed=not is_long or part.y + part.height <= _PRINTED_HEIGHT) for part in slices),
        tuple(part for part in parts if isinstance(part, Shape)),
        tuple(part for part in parts if isinstance(part, Arrow)),
        tuple(part for part in parts if isinstance(part, Label)),
    )


def _make_frames(site: Site, *, is_large: bool) -> Iterator[_Frame]:
    """Yield a frame for boxes that need the whole width, and a frame for boxes next to each other."""
    half = [box for box in site.boxes if is_large and _fits_half(box)]
    half = half if len(half) > 1 else []
    whole = [box for box in site.boxes if box not in half]
    count = "1 node" if site.nodes == 1 else f"{site.nodes} nodes"
    title, note = f"Site {site.name}", (f"{count}, and " if site.others else count, site.others)
    if whole:
        yield _Frame(site.name, BORDER, title, note, tuple(((box, _WHOLE),) for box in whole))
        title, note = f"{title}, continued", ("", ())
    if half:
        bands = tuple(tuple(zip(half[index : index + 2], _HALVES, strict=False)) for index in range(0, len(half), 2))
        yield _Frame(site.name, 8.0, title, note, bands)


def _fits_half(box: Box) -> bool:
    """Tell whether a box needs only half of the width: no NAT device, and each label is legible."""
    if any(find_device(flow, box) for row in box.rows for flow in row.flows):
        return False
    return not any(isinstance(part, Label) and part.is_small for part in _draw_box(box, _HALVES[0], 0))


def _make_slices(frame: _Frame, y: float) -> Iterator[Slice]:
    for index, band in enumerate(frame.bands):
        height = _compute_band_height(band) + _GAP
        first, last = index == 0, index == len(frame.bands) - 1
        start = y - _GAP / 2 if first else y
        y += height + (_TITLE - _GAP / 2 if first else 0)
        end = y + _GAP if last else y
        names = [name for box, _lane in band for name in box.nodes]
        yield Slice(f"Site {frame.site}: {list_first(names, 3)}", start, end - start, is_printed=True)


def _draw_frame(frame: _Frame, y: float) -> Iterator[Part]:
    yield Shape("site", Rect(frame.x, y, WIDTH - 8 - frame.x, frame.height))
    yield from draw_labels([make_label("site", frame.x + 14, y + 26, 320, frame.title)], 320, y + 2, _TITLE - 4)
    if any(frame.note):
        yield make_list_label("note", frame.x + 354, y + 25, 480, *frame.note)
    y += _TITLE
    for band in frame.bands:
        for box, lane in band:
            yield from _draw_box(box, lane, y)
        y += _compute_band_height(band) + _GAP


def _compute_band_height(band: _Band) -> float:
    return max(_compute_box_height(box) for box, _lane in band)


def _compute_head_height(box: Box) -> float:
    return 12.0 + 16 * len(_list_head(box))


def _list_head(box: Box) -> list[tuple[str, str]]:
    """Return the lines above the ports of a box, each with its kind. Long lines are divided."""
    lines = [*(("about", text) for text in box.about), *(("mark", text) for text in box.marks)]
    name = _make_name(box, 0, 0, _HEAD_WIDTH)
    names = split_text("name", _HEAD_WIDTH, name.text)
    others = [(kind, line) for kind, text in lines for line in split_text(kind, _HEAD_WIDTH, text)]
    return [*(("name", line) for line in names), *others]


def _make_name(box: Box, x: float, baseline: float, width: float) -> Label:
    count = f"{len(box.nodes)} nodes: " if len(box.nodes) > 1 else ""
    return make_list_label("name", x, baseline, width, count, box.nodes)


def _compute_box_height(box: Box) -> float:
    return _compute_head_height(box) + sum(_compute_row_height(row) for row in box.rows) + 6


def _compute_row_height(row: Row) -> float:
    words = 27.0 + 15 * len([*_format_ports(row), *row.marks])
    return max(words, _LINE * len(row.flows) if row.flows else _CLOSED_LINE)


def _format_ports(row: Row) -> list[str]:
    """Return the ports as lines, two ports in each."""
    return [", ".join(row.ports[index : index + 2]) for index in range(0, len(row.ports), 2)]


def _draw_box(box: Box, lane: Lane, y: float) -> Iterator[Part]:
    x, width = lane.node[0], lane.node[1] - lane.node[0]
    yield Shape("node", Rect(x, y, width, _compute_box_height(box)))
    lines = _list_head(box)
    names = sum(kind == "name" for kind, _line in lines)
    if names == 1:
        yield _make_name(box, x + 12, y + 20, width - 24)
    for index, (kind, text) in enumerate(lines):
        if kind != "name" or names > 1:
            label = make_label(kind, x + 12, y + (20 if index < names else 21) + 16 * index, width - 24, text)
            is_list = index == names - 1 and len(box.nodes) > 1
            yield replace(label, full=_make_name(box, 0, 0, width).full) if is_list else label
    y += _compute_head_height(box)
    for row in box.rows:
        yield from _draw_row(row, box, lane, y)
        y += _compute_row_height(row)


def _draw_row(row: Row, box: Box, lane: Lane, y: float) -> Iterator[Part]:
    height = _compute_row_height(row)
    x, width = lane.node[0] + 6, lane.node[1] - lane.node[0] - 12
    kind = "port-differs" if row.marks else "port" if row.flows else "port-closed"
    yield Shape(kind, Rect(x, y + 2, width, height - 4))
    lines = [*(("port", text) for text in _format_ports(row)), *(("mark", text) for text in row.marks)]
    top = y + (height - 15 * len(lines)) / 2
    yield make_label("listener", x + 8, top + 3, width - 16, row.listener)
    for index, (label, text) in enumerate(lines):
        yield make_label(label, x + 8, top + 18 + 15 * index, width - 16, text)
    if not row.flows:
        yield draw_closed(row, lane, y + height / 2)
    flows = sorted(row.flows, key=lambda flow: (flow.site != box.site, find_device(flow, box) or ""))
    step = height / max(1, len(flows))
    for index, flow in enumerate(flows):
        yield from draw_flow(flow, box, lane, y + step * (index + 0.5))
    for device, together in groupby(range(len(flows)), key=lambda index: find_device(flows[index], box)):
        if device:
            yield from draw_device(device, lane, y, step, [*together])

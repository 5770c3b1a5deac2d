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
from dataclasses import dataclass
from itertools import groupby

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Flow, format_source
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import (
    Box,
    Fleet,
    Row,
    Site,
    format_addresses,
    format_endpoints,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    clean,
    fit_list,
    fit_text,
    list_first,
    measure_width,
)

WIDTH = 1340.0
_LINE = 48.0
_CLOSED_LINE = 42.0
_CHIP = 34.0
_TITLE = 40.0
_GAP = 18.0
SIZES = {"site": 16.0, "note": 11.5, "name": 13.5, "about": 11.5, "port": 11.5, "mark": 11.5, "listener": 12.5, "chip": 12.0,
         "chip-site": 10.5, "device": 12.0, "dials": 11.5, "seen": 11.5, "arrives": 11.5, "closed": 11.5}  # fmt: skip


# With more boxes than this, boxes share the width.
_FEW = 4
# Long texts become smaller down to this share of their size, before they are cut.
_SMALLEST = 0.6


@dataclass(frozen=True, slots=True)
class _Lane:
    """The left and right ends of the parts of a box and its flows: callers of other sites, of the site, device, node."""

    outside: tuple[float, float]
    device: tuple[float, float]
    inside: tuple[float, float]
    node: tuple[float, float]

    @property
    def is_whole(self) -> bool:
        """Whether callers of other sites have their own place, outside the frame of the site."""
        return self.outside != self.inside


_BORDER = 446.0
_WHOLE = _Lane((8.0, 178.0), (458.0, 588.0), (606.0, 786.0), (1042.0, 1320.0))
_HALVES = tuple(_Lane((x, x + 140), (x + 140, x + 140), (x, x + 140), (x + 390, x + 636)) for x in (22.0, 682.0))


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text and its position. ``full`` is the text before it was shortened to fit, ``size`` that of the font."""

    kind: str
    x: float
    baseline: float
    text: str
    full: str
    size: float

    @property
    def is_cut(self) -> bool:
        """Whether the end of the text is missing. A list with the number of its other items is not cut."""
        return self.text != self.full and "\N{HORIZONTAL ELLIPSIS}" in self.text


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
    """A part of the picture that is not split on paper: a box. The first box of a site includes the head of the site."""

    name: str
    y: float
    height: float


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


@dataclass(frozen=True, slots=True)
class _Frame:
    """The frame of a site: its left end, its title and note, and rows of boxes with the lane of each box."""

    site: str
    x: float
    title: str
    note: tuple[str, tuple[str, ...]]
    bands: tuple[tuple[tuple[Box, _Lane], ...], ...]

    @property
    def height(self) -> float:
        """The height of the title and of all rows."""
        return _TITLE + sum(_compute_band_height(band) + _GAP for band in self.bands)


_Band = Sequence[tuple[Box, _Lane]]


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
    return Picture(
        WIDTH,
        y - _GAP / 2,
        tuple(slices),
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
        yield _Frame(site.name, _BORDER, title, note, tuple(((box, _WHOLE),) for box in whole))
        title, note = f"{title}, continued", ("", ())
    if half:
        bands = tuple(tuple(zip(half[index : index + 2], _HALVES, strict=False)) for index in range(0, len(half), 2))
        yield _Frame(site.name, 8.0, title, note, bands)


def _fits_half(box: Box) -> bool:
    """Tell whether a box needs only half of the width: no NAT device, and no label is cut."""
    if any(_find_device(flow, box) for row in box.rows for flow in row.flows):
        return False
    return not any(isinstance(part, Label) and part.is_cut for part in _draw_box(box, _HALVES[0], 0))


def _make_slices(frame: _Frame, y: float) -> Iterator[Slice]:
    for index, band in enumerate(frame.bands):
        height = _compute_band_height(band) + _GAP
        first, last = index == 0, index == len(frame.bands) - 1
        start = y - _GAP / 2 if first else y
        y += height + (_TITLE - _GAP / 2 if first else 0)
        end = y + _GAP if last else y
        names = [name for box, _lane in band for name in box.nodes]
        yield Slice(f"Site {frame.site}: {list_first(names, 3)}", start, end - start)


def _make_label(kind: str, x: float, baseline: float, width: float, text: str) -> Label:
    whole = clean(text)
    size = _compute_size(kind, whole, width)
    return Label(kind, x, baseline, fit_text(whole, width, size), whole, size)


def _list_label(kind: str, x: float, baseline: float, width: float, before: str, items: Sequence[str]) -> Label:
    shown = [clean(item) for item in items]
    more = f" +{len(items) - 1}" if len(items) > 1 else ""
    size = _compute_size(kind, f"{before}{''.join(shown[:1])}{more}", width)
    return Label(kind, x, baseline, fit_list(before, shown, width, size), before + ", ".join(shown), size)


def _compute_size(kind: str, text: str, width: float) -> float:
    """Return the size of a text: smaller than usual if the text is too long."""
    needed = measure_width(text, SIZES[kind])
    return SIZES[kind] * max(_SMALLEST, min(1.0, 0.999 * width / needed)) if needed > width else SIZES[kind]


def _draw_frame(frame: _Frame, y: float) -> Iterator[Part]:
    yield Shape("site", Rect(frame.x, y, WIDTH - 8 - frame.x, frame.height))
    yield _make_label("site", frame.x + 14, y + 26, 320, frame.title)
    if any(frame.note):
        yield _list_label("note", frame.x + 354, y + 25, 480, *frame.note)
    y += _TITLE
    for band in frame.bands:
        for box, lane in band:
            yield from _draw_box(box, lane, y)
        y += _compute_band_height(band) + _GAP


def _compute_band_height(band: _Band) -> float:
    return max(_compute_box_height(box) for box, _lane in band)


def _compute_head_height(box: Box) -> float:
    return 28.0 + 16 * len([*box.about, *box.marks])


def _compute_box_height(box: Box) -> float:
    return _compute_head_height(box) + sum(_compute_row_height(row) for row in box.rows) + 6


def _compute_row_height(row: Row) -> float:
    words = 27.0 + 15 * len([*_format_ports(row), *row.marks])
    return max(words, _LINE * len(row.flows) if row.flows else _CLOSED_LINE)


def _format_ports(row: Row) -> list[str]:
    """Return the ports as lines, two ports in each."""
    return [", ".join(row.ports[index : index + 2]) for index in range(0, len(row.ports), 2)]


def _draw_box(box: Box, lane: _Lane, y: float) -> Iterator[Part]:
    x, width = lane.node[0], lane.node[1] - lane.node[0]
    yield Shape("node", Rect(x, y, width, _compute_box_height(box)))
    count = f"{len(box.nodes)} nodes: " if len(box.nodes) > 1 else ""
    yield _list_label("name", x + 12, y + 20, width - 24, count, box.nodes)
    lines = [*(("about", text) for text in box.about), *(("mark", text) for text in box.marks)]
    for index, (kind, text) in enumerate(lines):
        yield _make_label(kind, x + 12, y + 37 + 16 * index, width - 24, text)
    y += _compute_head_height(box)
    for row in box.rows:
        yield from _draw_row(row, box, lane, y)
        y += _compute_row_height(row)


def _draw_row(row: Row, box: Box, lane: _Lane, y: float) -> Iterator[Part]:
    height = _compute_row_height(row)
    x, width = lane.node[0] + 6, lane.node[1] - lane.node[0] - 12
    kind = "port-differs" if row.marks else "port" if row.flows else "port-closed"
    yield Shape(kind, Rect(x, y + 2, width, height - 4))
    lines = [*(("port", text) for text in _format_ports(row)), *(("mark", text) for text in row.marks)]
    top = y + (height - 15 * len(lines)) / 2
    yield _make_label("listener", x + 8, top + 3, width - 16, row.listener)
    for index, (label, text) in enumerate(lines):
        yield _make_label(label, x + 8, top + 18 + 15 * index, width - 16, text)
    if not row.flows:
        yield _draw_closed(row, lane, y + height / 2)
    flows = sorted(row.flows, key=lambda flow: (flow.site != box.site, _find_device(flow, box) or ""))
    step = height / max(1, len(flows))
    for index, flow in enumerate(flows):
        yield from _draw_flow(flow, box, lane, y + step * (index + 0.5))
    for device, together in groupby(range(len(flows)), key=lambda index: _find_device(flows[index], box)):
        if device:
            yield from _draw_device(device, lane, y, step, [*together])


def _find_device(flow: Flow, box: Box) -> str | None:
    """Return the NAT device at the site's border through which a flow enters the site."""
    return flow.device if flow.site != box.site else None


def _draw_device(device: str, lane: _Lane, y: float, step: float, lines: Sequence[int]) -> Iterator[Part]:
    """Yield the box of a device, which is drawn once for all adjacent flows through it."""
    first, last = (y + step * (index + 0.5) for index in (lines[0], lines[-1]))
    left, right = lane.device
    middle, width = (first + last) / 2, right - left
    yield Shape("device", Rect(left, first - _CHIP / 2, width, last - first + _CHIP))
    yield _make_label("device", left + 8, middle - 3, width - 16, device)
    yield _make_label("chip-site", left + 8, middle + 11, width - 16, "NAT device")


def _draw_closed(row: Row, lane: _Lane, y: float) -> Label:
    reason = "loopback: only the node itself" if row.loopback else "only the node itself"
    return _make_label("closed", lane.inside[1] + 6, y + 4, lane.node[0] - lane.inside[1] - 12, reason)


def _draw_flow(flow: Flow, box: Box, lane: _Lane, y: float) -> Iterator[Part]:
    inside = flow.site == box.site
    left, right = lane.inside if inside else lane.outside
    path = flow.callers and not inside and _PATH_TEXTS.get(flow.via)
    yield from _draw_chip(flow, left, right, y, f", {path}" if path and not lane.is_whole else "")
    if _find_device(flow, box):
        device_left, device_right = lane.device
        width = lane.node[0] - device_right - 16
        yield Arrow("flow", right, device_left, y)
        yield from _draw_dials(flow, right + 6, y - 6, _BORDER - right - 12)
        yield Arrow("flow", device_right, lane.node[0] + 6, y)
        yield _draw_seen(flow, device_right + 8, y - 6, width)
        yield _make_label("arrives", device_right + 8, y + 15, width,
                     f"arrives at {format_endpoints(flow.arrives)}{_format_also(flow)}")  # fmt: skip
        return
    yield Arrow("flow", right, lane.node[0] + 6, y)
    x = right + 6 if inside or not lane.is_whole else lane.device[1] + 8
    width = lane.node[0] - x - 8
    if flow.dialled:
        yield from _draw_dials(flow, x, y - 6, width)
    yield _draw_seen(flow, x, y + 15, width)
    if path and lane.is_whole:
        yield _make_label("seen", right + 6, y - 6, _BORDER - right - 12, path)


_PATH_TEXTS = {"vpn": "over the VPN", "local": "without NAT", "nat": "through its own NAT"}


def _draw_chip(flow: Flow, left: float, right: float, y: float, path: str) -> Iterator[Part]:
    """Yield the box of the callers. ``path`` is added to the name of their site."""
    yield Shape("anyone" if not flow.callers else "caller", Rect(left, y - _CHIP / 2, right - left, _CHIP))
    x, width = left + 8, right - left - 16
    if not flow.callers:
        yield _make_label("chip", x, y + 4, width, flow.who)
        return
    yield _list_label("chip", x, y - 3, width, "", flow.callers)
    yield _make_label("chip-site", x, y + 11, width, f"site {flow.site}{path}")


def _draw_dials(flow: Flow, x: float, baseline: float, width: float) -> Iterator[Label]:
    """Yield the dialled endpoints, in two lines if there are several addresses that do not fit into one."""
    hairpin = " (hairpin)" if flow.via == "hairpin" else ""
    verdict = f"{flow.verdict} " if flow.verdict else ""
    before, after = f"{verdict}dials ", f"{_format_also(flow)}{hairpin}"
    first, *others = format_addresses(flow.dialled)
    whole = f"{before}{', '.join((first, *others))}{after}"
    if others and measure_width(whole, SIZES["dials"]) > width:
        yield _make_label("dials", x, baseline - 13, width, f"{before}{first},")
        yield _make_label("dials", x, baseline, width, f"{', '.join(others)}{after}")
    else:
        yield _make_label("dials", x, baseline, width, whole)


def _format_also(flow: Flow) -> str:
    return f" +{flow.also}" if flow.also else ""


def _draw_seen(flow: Flow, x: float, baseline: float, width: float) -> Label:
    if not flow.seen:
        return _make_label("seen", x, baseline, width, "any source address")
    return _list_label("seen", x, baseline, width, "seen as ", [format_source(source) for source in flow.seen])

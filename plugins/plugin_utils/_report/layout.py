# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layout of the picture.

Each flow to a port has its own line, so lines never cross: callers of other sites on the left, the NAT device at the border
of the site, callers of the site itself inside it, and the node with its ports on the right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Flow, shown_source
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import Box, Fleet, Row, Site, endpoints_text
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import clean, fitted, fitted_list, listed

WIDTH = 1340.0
_OUTSIDE = (8.0, 178.0)
_BORDER = 446.0
_DEVICE = (458.0, 588.0)
_INSIDE = (606.0, 786.0)
_NODE = (1042.0, 1320.0)
_LINE = 48.0
_CLOSED_LINE = 42.0
_CHIP = 34.0
_TITLE = 40.0
_GAP = 18.0
SIZES = {"site": 16.0, "note": 11.5, "name": 13.5, "about": 11.5, "port": 11.5, "listener": 12.5, "chip": 12.0,
         "chip-site": 10.5, "device": 12.0, "dials": 11.5, "seen": 11.5, "arrives": 11.5, "closed": 11.5}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text and its position. ``full`` is the text before it was shortened to fit."""

    kind: str
    x: float
    baseline: float
    text: str
    full: str


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


def picture_of(fleet: Fleet) -> Picture:
    """Return the picture of a fleet, with the position of each part."""
    parts: list[Part] = []
    slices: list[Slice] = []
    y = _GAP / 2
    for site in fleet.sites:
        height = _site_height(site)
        parts += _site(site, y, height)
        slices += _slices(site, y)
        y += height + _GAP
    return Picture(
        WIDTH,
        y - _GAP / 2,
        tuple(slices),
        tuple(part for part in parts if isinstance(part, Shape)),
        tuple(part for part in parts if isinstance(part, Arrow)),
        tuple(part for part in parts if isinstance(part, Label)),
    )


def _slices(site: Site, y: float) -> Iterator[Slice]:
    for index, box in enumerate(site.boxes):
        height = _box_height(box) + _GAP
        first, last = index == 0, index == len(site.boxes) - 1
        start = y - _GAP / 2 if first else y
        y += height + (_TITLE - _GAP / 2 if first else 0)
        end = y + _GAP if last else y
        yield Slice(f"Site {site.name}: {listed(box.nodes, 3)}", start, end - start)


def _label(kind: str, x: float, baseline: float, width: float, text: str) -> Label:
    size = SIZES[kind]
    whole = clean(text)
    return Label(kind, x, baseline, fitted(whole, width, size), whole)


def _list_label(kind: str, x: float, baseline: float, width: float, before: str, items: Sequence[str]) -> Label:
    shown = [clean(item) for item in items]
    return Label(kind, x, baseline, fitted_list(before, shown, width, SIZES[kind]), before + ", ".join(shown))


def _site_height(site: Site) -> float:
    return _TITLE + sum(_box_height(box) + _GAP for box in site.boxes)


def _site(site: Site, y: float, height: float) -> Iterator[Part]:
    yield Shape("site", Rect(_BORDER, y, WIDTH - 8 - _BORDER, height))
    yield _label("site", _BORDER + 14, y + 26, 300, f"Site {site.name}")
    count = f"{site.nodes} nodes" if site.nodes != 1 else "1 node"
    if site.others:
        yield _list_label("note", _INSIDE[1] + 14, y + 25, 480, f"{count}, and ", site.others)
    else:
        yield _label("note", _INSIDE[1] + 14, y + 25, 480, count)
    y += _TITLE
    for box in site.boxes:
        yield from _box(box, y)
        y += _box_height(box) + _GAP


def _head_height(box: Box) -> float:
    return 28.0 + 16 * len(box.about)


def _box_height(box: Box) -> float:
    return _head_height(box) + sum(_row_height(row) for row in box.rows) + 6


def _row_height(row: Row) -> float:
    words = 27.0 + 15 * len(_port_lines(row))
    return max(words, _LINE * len(row.flows) if row.flows else _CLOSED_LINE)


def _port_lines(row: Row) -> list[str]:
    """Return the ports as lines, two ports in each."""
    return [", ".join(row.ports[index : index + 2]) for index in range(0, len(row.ports), 2)]


def _box(box: Box, y: float) -> Iterator[Part]:
    x, width = _NODE[0], _NODE[1] - _NODE[0]
    yield Shape("node", Rect(x, y, width, _box_height(box)))
    count = f"{len(box.nodes)} nodes: " if len(box.nodes) > 1 else ""
    yield _list_label("name", x + 12, y + 20, width - 24, count, box.nodes)
    for index, text in enumerate(box.about):
        yield _label("about", x + 12, y + 37 + 16 * index, width - 24, text)
    y += _head_height(box)
    for row in box.rows:
        yield from _row(row, box, y)
        y += _row_height(row)


def _row(row: Row, box: Box, y: float) -> Iterator[Part]:
    height = _row_height(row)
    x, width = _NODE[0] + 6, _NODE[1] - _NODE[0] - 12
    kind = "port-differs" if row.differs else "port" if row.flows else "port-closed"
    yield Shape(kind, Rect(x, y + 2, width, height - 4))
    lines = _port_lines(row)
    top = y + (height - 15 * len(lines)) / 2
    found = f"  \N{BALLOT X} {row.differs} not as planned" if row.differs else ""
    yield _label("listener", x + 8, top + 3, width - 16, row.listener + found)
    for index, text in enumerate(lines):
        yield _label("port", x + 8, top + 18 + 15 * index, width - 16, text)
    if not row.flows:
        yield _closed(row, y + height / 2)
    flows = sorted(row.flows, key=lambda flow: (flow.site != box.site, _device(flow, box) or ""))
    step = height / max(1, len(flows))
    for index, flow in enumerate(flows):
        yield from _flow(flow, box, y + step * (index + 0.5))
    for device, together in groupby(range(len(flows)), key=lambda index: _device(flows[index], box)):
        if device:
            yield from _device_box(device, y, step, [*together])


def _device(flow: Flow, box: Box) -> str | None:
    """Return the NAT device at the site's border through which a flow enters the site."""
    return flow.device if flow.site != box.site else None


def _device_box(device: str, y: float, step: float, lines: Sequence[int]) -> Iterator[Part]:
    """Yield the box of a device, which is drawn once for all adjacent flows through it."""
    first, last = (y + step * (index + 0.5) for index in (lines[0], lines[-1]))
    middle, width = (first + last) / 2, _DEVICE[1] - _DEVICE[0]
    yield Shape("device", Rect(_DEVICE[0], first - _CHIP / 2, width, last - first + _CHIP))
    yield _label("device", _DEVICE[0] + 8, middle - 3, width - 16, device)
    yield _label("chip-site", _DEVICE[0] + 8, middle + 11, width - 16, "NAT device")


def _closed(row: Row, y: float) -> Label:
    reason = "loopback: only the node itself" if row.loopback else "only the node itself"
    return _label("closed", _INSIDE[1] + 6, y + 4, _NODE[0] - _INSIDE[1] - 12, reason)


def _flow(flow: Flow, box: Box, y: float) -> Iterator[Part]:
    inside = flow.site == box.site
    left, right = _INSIDE if inside else _OUTSIDE
    yield from _chip(flow, left, right, y)
    if _device(flow, box):
        yield Arrow("flow", right, _DEVICE[0], y)
        yield _dials(flow, right + 6, y - 6, _BORDER - right - 12)
        yield Arrow("flow", _DEVICE[1], _NODE[0] + 6, y)
        yield _seen(flow, _DEVICE[1] + 8, y - 6, _NODE[0] - _DEVICE[1] - 16)
        yield _label("arrives", _DEVICE[1] + 8, y + 15, _NODE[0] - _DEVICE[1] - 16,
                     f"arrives at {endpoints_text(flow.arrives)}{_also(flow)}")  # fmt: skip
        return
    yield Arrow("flow", right, _NODE[0] + 6, y)
    x = right + 6 if inside else _DEVICE[1] + 8
    width = _NODE[0] - x - 8
    if flow.dialled:
        yield _dials(flow, x, y - 6, width)
    yield _seen(flow, x, y + 15, width)
    if flow.callers and not inside and flow.via in _PATH_TEXTS:
        yield _label("seen", right + 6, y - 6, _BORDER - right - 12, _PATH_TEXTS[flow.via])


_PATH_TEXTS = {"vpn": "over the VPN", "local": "routed, without NAT", "nat": "out through its own NAT"}


def _chip(flow: Flow, left: float, right: float, y: float) -> Iterator[Part]:
    yield Shape("anyone" if not flow.callers else "caller", Rect(left, y - _CHIP / 2, right - left, _CHIP))
    x, width = left + 8, right - left - 16
    if not flow.callers:
        yield _label("chip", x, y + 4, width, flow.who)
        return
    yield _list_label("chip", x, y - 3, width, "", flow.callers)
    yield _label("chip-site", x, y + 11, width, f"site {flow.site}")


def _dials(flow: Flow, x: float, baseline: float, width: float) -> Label:
    hairpin = f" at {flow.device} (hairpin)" if flow.via == "hairpin" else ""
    verdict = f"{flow.verdict} " if flow.verdict else ""
    return _label("dials", x, baseline, width, f"{verdict}dials {endpoints_text(flow.dialled)}{_also(flow)}{hairpin}")


def _also(flow: Flow) -> str:
    return f" +{flow.also}" if flow.also else ""


def _seen(flow: Flow, x: float, baseline: float, width: float) -> Label:
    if not flow.seen:
        return _label("seen", x, baseline, width, "any source address")
    return _list_label("seen", x, baseline, width, "seen as ", [shown_source(source) for source in flow.seen])

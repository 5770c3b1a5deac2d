# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layout of the flows to a port: callers, NAT devices and arrows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.access import ONLY_ITSELF
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Flow, format_source
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import (
    Box,
    Row,
    format_addresses,
    format_endpoints,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.picture import (
    SIZES,
    Arrow,
    Label,
    Part,
    Rect,
    Shape,
    draw_labels,
    make_label,
    make_list_label,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import measure_width

_CHIP = 34.0


@dataclass(frozen=True, slots=True)
class Lane:
    """The left and right ends of the parts of a box and its flows: callers of other sites, of the site, device, node."""

    outside: tuple[float, float]
    device: tuple[float, float]
    inside: tuple[float, float]
    node: tuple[float, float]

    @property
    def is_whole(self) -> bool:
        """Whether callers of other sites have their own place, outside the frame of the site."""
        return self.outside != self.inside


BORDER = 446.0


def find_device(flow: Flow, box: Box) -> str | None:
    """Return the NAT device at the site's border through which a flow enters the site."""
    return flow.device if flow.site != box.site else None


def draw_device(device: str, lane: Lane, y: float, step: float, lines: Sequence[int]) -> Iterator[Part]:
    """Yield the box of a device, which is drawn once for all adjacent flows through it."""
    first, last = (y + step * (index + 0.5) for index in (lines[0], lines[-1]))
    left, right = lane.device
    middle, width = (first + last) / 2, right - left
    yield Shape("device", Rect(left, first - _CHIP / 2, width, last - first + _CHIP))
    name = make_label("device", left + 8, middle - 3, width - 16, device)
    about = make_label("chip-site", left + 8, middle + 11, width - 16, "NAT device")
    yield from draw_labels((name, about), width - 16, middle - _CHIP / 2, _CHIP)


def draw_closed(row: Row, lane: Lane, y: float) -> Label:
    """Return the reason why a port without a flow is closed, for the text next to the port."""
    reason = f"loopback: {ONLY_ITSELF}" if row.loopback else ONLY_ITSELF
    return make_label("closed", lane.inside[1] + 6, y + 4, lane.node[0] - lane.inside[1] - 12, reason)


def draw_flow(flow: Flow, box: Box, lane: Lane, y: float) -> Iterator[Part]:
    """Yield the callers of a flow, and the arrows to the port with the dialled and the visible addresses."""
    inside = flow.site == box.site
    left, right = lane.inside if inside else lane.outside
    path = flow.callers and not inside and _PATH_TEXTS.get(flow.via)
    yield from _draw_chip(flow, left, right, y, f", {path}" if path and not lane.is_whole else "")
    if find_device(flow, box):
        device_left, device_right = lane.device
        width = lane.node[0] - device_right - 16
        yield Arrow("flow", right, device_left, y)
        yield from _draw_dials(flow, right + 6, y - 6, BORDER - right - 12)
        yield Arrow("flow", device_right, lane.node[0] + 6, y)
        yield _draw_source(flow, device_right + 8, y - 6, width)
        yield make_label(
            "arrives",
            device_right + 8,
            y + 15,
            width,
            f"arrives at {format_endpoints(flow.arrives)}{_format_also(flow)}",
        )
        return
    yield Arrow("flow", right, lane.node[0] + 6, y)
    x = right + 6 if inside or not lane.is_whole else lane.device[1] + 8
    width = lane.node[0] - x - 8
    if flow.dialled:
        yield from _draw_dials(flow, x, y - 6, width)
    yield _draw_source(flow, x, y + 15, width)
    if path and lane.is_whole:
        yield make_label("source", right + 6, y - 6, BORDER - right - 12, path)


_PATH_TEXTS = {"vpn": "over the VPN", "local": "without NAT", "nat": "through its own NAT"}


def _draw_chip(flow: Flow, left: float, right: float, y: float, path: str) -> Iterator[Part]:
    """Yield the box of the callers. ``path`` is added to the name of their site."""
    yield Shape("caller" if flow.has_known_hosts else "anyone", Rect(left, y - _CHIP / 2, right - left, _CHIP))
    x, width = left + 8, right - left - 16
    if not flow.callers:
        labels = [make_label("chip", x, y + 4, width, flow.label)]
    else:
        names = make_list_label("chip", x, y - 3, width, "", flow.callers)
        labels = [names, make_label("chip-site", x, y + 11, width, f"site {flow.site}{path}")]
    yield from draw_labels(labels, width, y - _CHIP / 2, _CHIP)


def _draw_dials(flow: Flow, x: float, baseline: float, width: float) -> Iterator[Label]:
    """Yield the dialled endpoints, in two lines if there are several addresses that do not fit into one."""
    hairpin = " (hairpin)" if flow.via == "hairpin" else ""
    verdict = f"{flow.verdict} " if flow.verdict else ""
    before, after = f"{verdict}dials ", f"{_format_also(flow)}{hairpin}"
    first, *others = format_addresses(flow.dialled)
    whole = f"{before}{', '.join((first, *others))}{after}"
    if others and measure_width(whole, SIZES["dials"]) > width:
        yield make_label("dials", x, baseline - 13, width, f"{before}{first},")
        yield make_label("dials", x, baseline, width, f"{', '.join(others)}{after}")
    else:
        yield make_label("dials", x, baseline, width, whole)


def _format_also(flow: Flow) -> str:
    return f" +{flow.also}" if flow.also else ""


def _draw_source(flow: Flow, x: float, baseline: float, width: float) -> Label:
    if not flow.sources:
        return make_label("source", x, baseline, width, "any source address")
    sources = [format_source(source) for source in flow.sources]
    return make_list_label("source", x, baseline, width, "source ", sources, more=flow.more)

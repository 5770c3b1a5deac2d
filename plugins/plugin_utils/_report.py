# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a fleet, in every form that it is written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report_boxes import MOST_BOXES, Fleet, fleet_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report_html import html
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report_layout import picture_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report_model import Report, counted
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report_plan import (
    Meanings,
    findings_section,
    forwards_section,
    ports_section,
    summary_of,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report_svg import svg

_READING = (
    "Every arrow is a way into a port: at its left who comes, above it what they dial, below it or behind the NAT device "
    "as whom the node sees them. A port without an arrow is closed to everybody but the node itself."
)


def html_of(plan: Mapping[str, Any], meanings: Meanings) -> str:
    """Return the HTML page of a plan."""
    fleet = fleet_of(plan)
    return html(report_of(plan, meanings), _picture(fleet), _notes(fleet))


def report_of(plan: Mapping[str, Any], meanings: Meanings) -> Report:
    """Return the report of a plan as data."""
    return Report(
        "Kong fleet: ports and connections",
        tuple(summary_of(plan)),
        (findings_section(plan, meanings), forwards_section(plan), ports_section(plan)),
    )


def _picture(fleet: Fleet) -> str:
    description = "; ".join(
        f"site {site.name} with {', '.join(_names(box.nodes) for box in site.boxes)}" for site in fleet.sites
    )
    return svg(picture_of(fleet), "The fleet, and who connects to which port", f"{description}. {_READING}")


def _names(nodes: tuple[str, ...]) -> str:
    return nodes[0] if len(nodes) == 1 else f"{nodes[0]} and {len(nodes) - 1} nodes like it"


def _notes(fleet: Fleet) -> list[str]:
    alike = any(len(box.nodes) > 1 for site in fleet.sites for box in site.boxes)
    notes = [_READING]
    if alike:
        notes.append(
            "Nodes of one site that are alike share a box, with the addresses of the first; +n counts the others."
        )
    if fleet.hidden:
        notes.append(
            f"The picture has room for {MOST_BOXES} boxes. {counted(fleet.hidden, 'node')} more are in the tables."
        )
    return notes

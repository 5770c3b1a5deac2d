# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture as SVG. Colours come from the style of the page that it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report_layout import SIZES, Arrow, Label, Picture, Shape

_ROUND = {
    "site": 12,
    "node": 8,
    "caller": 17,
    "anyone": 17,
    "device": 3,
    "port": 4,
    "port-closed": 4,
    "port-differs": 4,
}


def svg(picture: Picture, title: str, description: str) -> str:
    """Return the picture as an SVG element, with a title and a description for those who hear it."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {picture.width:g} {picture.height:g}" role="img" '
        'aria-labelledby="picture-title picture-description">'
    )
    return "\n".join(
        [
            head,
            f'<title id="picture-title">{escape(title)}</title>',
            f'<desc id="picture-description">{escape(description)}</desc>',
            *map(_shape, picture.shapes),
            *(line for arrow in picture.arrows for line in _arrow(arrow)),
            *map(_text, picture.labels),
            "</svg>",
        ]
    )


def _shape(shape: Shape) -> str:
    rect = shape.rect
    return (
        f'<rect class="{shape.kind}" x="{rect.x:g}" y="{rect.y:g}" width="{rect.width:g}" height="{rect.height:g}" '
        f'rx="{_ROUND[shape.kind]}"/>'
    )


def _arrow(arrow: Arrow) -> Iterator[str]:
    tip = arrow.end - 1
    yield f'<path class="{arrow.kind}" d="M{arrow.start:g} {arrow.y:g}H{tip - 6:g}"/>'
    yield f'<path class="tip" d="M{tip:g} {arrow.y:g}l-8 -4v8z"/>'


def _text(label: Label) -> str:
    whole = f"<title>{escape(label.full)}</title>" if label.full != label.text else ""
    return (
        f'<text class="{label.kind}" font-size="{SIZES[label.kind]:g}" x="{label.x:g}" y="{label.baseline:g}">'
        f"{whole}{escape(label.text)}</text>"
    )

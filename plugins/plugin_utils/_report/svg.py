# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture as SVG. The style of the page sets its colours."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.picture import Arrow, Label, Picture, Shape, Slice
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import clean

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


def render_svg(picture: Picture, description: str) -> str:
    """Return the picture as SVG elements, one for each slice, with a name and a description for screen readers."""
    return "\n".join(_render_slice(picture, part, index, description) for index, part in enumerate(picture.slices))


def _render_slice(picture: Picture, part: Slice, index: int, description: str) -> str:
    top, bottom = part.y, part.y + part.height
    screen = "" if part.is_printed else ' class="screen-only"'
    head = (
        f'<svg{screen} xmlns="http://www.w3.org/2000/svg" viewBox="0 {top:g} {picture.width:g} {part.height:g}" role="img" '
        f'aria-labelledby="picture-{index}" aria-describedby="picture-{index}-about">'
    )
    return "\n".join(
        [
            head,
            f'<title id="picture-{index}">{escape(clean(part.name))}</title>',
            f'<desc id="picture-{index}-about">{escape(clean(description))}</desc>',
            *(
                _render_shape(shape)
                for shape in picture.shapes
                if shape.rect.y < bottom and shape.rect.y + shape.rect.height > top
            ),
            *(line for arrow in picture.arrows if top < arrow.y < bottom for line in _render_arrow(arrow)),
            *(_render_text(label) for label in picture.labels if top < label.baseline < bottom),
            "</svg>",
        ]
    )


def _render_shape(shape: Shape) -> str:
    rect = shape.rect
    return (
        f'<rect class="{shape.kind}" x="{rect.x:g}" y="{rect.y:g}" width="{rect.width:g}" height="{rect.height:g}" '
        f'rx="{_ROUND[shape.kind]}"/>'
    )


def _render_arrow(arrow: Arrow) -> Iterator[str]:
    tip = arrow.end - 1
    yield f'<path class="{arrow.kind}" d="M{arrow.start:g} {arrow.y:g}H{tip - 6:g}"/>'
    yield f'<path class="tip" d="M{tip:g} {arrow.y:g}l-8 -4v8z"/>'


def _render_text(label: Label) -> str:
    whole = f"<title>{escape(label.full)}</title>" if label.full != label.text else ""
    return (
        f'<text class="{label.kind}" font-size="{label.size:.4g}" x="{label.x:g}" y="{label.baseline:g}">'
        f"{whole}{escape(label.text)}</text>"
    )

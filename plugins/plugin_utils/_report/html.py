# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as one HTML page that needs no other file and no network. Without its script only the filter is missing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.legend import PORT_SHAPES, SHAPES, SIGNS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import Report
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import without_forbidden

_HERE = Path(__file__).parent


def render_html(report: Report, picture: str = "", picture_notes: Sequence[str] = ()) -> str:
    """Return the page. ``picture`` is empty or SVG, which is inserted unchanged. All other text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    page = environment.get_template("page.html.j2").render(
        report=report,
        picture=Markup(picture),  # noqa: S704 svg.py escapes every text in it
        picture_notes=picture_notes,
        shapes=(*SHAPES, *PORT_SHAPES),
        signs=SIGNS,
        script=Markup(script),  # noqa: S704 a file of this collection
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        style=Markup((_HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704 a file of this collection
    )
    return without_forbidden(page)

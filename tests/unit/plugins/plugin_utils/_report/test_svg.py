# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SVG elements of a picture: one for each slice, with the parts that it shows."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.picture import (
    Arrow,
    Label,
    Picture,
    Rect,
    Shape,
    Slice,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.svg import render_svg

FIRST = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50" role="img" aria-labelledby="picture-0" aria-describedby="picture-0-about">
<title id="picture-0">a &amp; b</title>
<desc id="picture-0-about">all</desc>
<rect class="site" x="0" y="0" width="100" height="90" rx="12"/>
<rect class="node" x="10" y="5" width="20.5" height="45" rx="8"/>
<path class="flow" d="M1 20H23"/>
<path class="tip" d="M29 20l-8 -4v8z"/>
<text class="dials" font-size="11.5" x="4" y="20"><title>10.0.0.1, 10.0.0.2</title>10.0.0.1 +1</text>
</svg>"""
SECOND = """\
<svg class="screen-only" xmlns="http://www.w3.org/2000/svg" viewBox="0 50 100 50" role="img" aria-labelledby="picture-1" \
aria-describedby="picture-1-about">
<title id="picture-1">c</title>
<desc id="picture-1-about">all</desc>
<rect class="site" x="0" y="0" width="100" height="90" rx="12"/>
<path class="flow" d="M1 70H23"/>
<path class="tip" d="M29 70l-8 -4v8z"/>
<text class="dials" font-size="11.5" x="4" y="70">&lt;d&gt;</text>
</svg>"""


def test_each_slice_has_the_parts_in_it():
    picture = Picture(
        100,
        100,
        (Slice("a & b", 0, 50, is_printed=True), Slice("c", 50, 50, is_printed=False)),
        # The box of the site is in both slices, the box of the node ends where the second slice starts.
        (Shape("site", Rect(0, 0, 100, 90)), Shape("node", Rect(10, 5, 20.5, 45))),
        (Arrow("flow", 1, 30, 20), Arrow("flow", 1, 30, 70)),
        (
            Label("dials", 4, 20, "10.0.0.1 +1", "10.0.0.1, 10.0.0.2", 11.5),
            Label("dials", 4, 70, "<d>", "<d>", 11.5),
        ),
    )
    assert render_svg(picture, "all") == f"{FIRST}\n{SECOND}"

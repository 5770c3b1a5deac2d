# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialled endpoints of a flow in the picture."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Flow
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.layout_flows import _draw_dials

WIDE = 1000.0


@pytest.mark.parametrize(
    ("dialled", "more", "width", "lines"),
    [
        (["10.0.0.1"], {}, 20.0, [("dials 10.0.0.1:8000", 50)]),
        (["10.0.0.1"], {"via": "hairpin", "also": 2}, WIDE, [("dials 10.0.0.1:8000 +2 (hairpin)", 50)]),
        (["10.0.0.1"], {"verdict": "ok"}, WIDE, [("ok dials 10.0.0.1:8000", 50)]),
        (["10.0.0.1", "fd00::1"], {}, WIDE, [("dials 10.0.0.1:8000, [fd00::1]:8000", 50)]),
        (["10.0.0.1", "fd00::1"], {"also": 1}, 200.0, [("dials 10.0.0.1:8000,", 37), ("[fd00::1]:8000 +1", 50)]),
        (
            ["10.0.0.1", "10.0.0.2", "fd00::1"],
            {},
            200.0,
            [("dials 10.0.0.1:8000,", 37), ("10.0.0.2:8000, [fd00::1]:8000", 50)],
        ),
    ],
)
def test_dialled_endpoints_have_one_line_or_two(dialled, more, width, lines):
    values = {"via": "local", **more}
    endpoints = tuple(Endpoint(address, 8000) for address in dialled)
    flow = Flow("a", ("a",), "s", device=None, dialled=endpoints, arrives=(), sources=(), **values)
    assert [(label.text, label.baseline) for label in _draw_dials(flow, 0, 50, width)] == lines

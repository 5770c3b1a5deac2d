# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The setting port_maps that a note about redirected packets proposes (Kong 2.1 and later)."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet


def find_port_map(version, *entries):
    """Return the value that the note proposes, None without a proposal; an entry has the ports and the listen port."""
    node = {
        "kong_version": version,
        "kong_address": "10.0.0.1",
        "kong_proxy_listen": "0.0.0.0:8000, 0.0.0.0:8100, 0.0.0.0:8200",
        "kong_transparent": [
            {"destinations": f"198.51.100.{number}", "ports": list(ports), "listen_port": listen_port}
            for number, (ports, listen_port) in enumerate(entries)
        ],
    }
    (note,) = [
        found["message"] for found in plan_fleet({"n": node})["findings"] if found["code"] == "interception-hidden"
    ]
    found = re.search(r'port_maps: "(.*?)"', note)
    return found[1] if found else None


@pytest.mark.parametrize(
    "version, entries, expected",
    [
        ("3.9", [([80], 8000)], "80:8000"),
        ("3.9", [([443], 8100), ([80], 8000)], "80:8000, 443:8100"),
        ("3.9", [([80], 8000), ([80], 8000)], "80:8000"),
        ("3.9", [([80, 81], 8000), ([443], 8100)], "443:8100"),
        ("3.9", [([80], 8000), ([81], 8000)], None),
        ("3.9", [([8000], 8000)], None),
        ("2.1", [([80], 8000)], "80:8000"),
        ("2.0", [([80], 8000)], None),
    ],
)
def test_proposed_port_maps(version, entries, expected):
    assert find_port_map(version, *entries) == expected

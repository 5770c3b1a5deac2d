# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as sources of a listener that does not listen in their family."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import list_warnings, plan_fleet

NODE = {"kong_version": "3.9", "kong_address": ["10.1.0.2", "fd00::2"], "kong_admin_gui_listen": "off"}
V4, V6 = {"kong_admin_listen": "0.0.0.0:8001"}, {"kong_admin_listen": "[::]:8001"}


@pytest.mark.parametrize(
    ("variables", "variable", "words"),
    [
        ({**V4, "kong_admin_sources": "fd00::9"}, "kong_admin_sources", "open for IPv4 only"),
        ({**V6, "kong_admin_sources": ["10.0.0.9", "10.2.0.0/16"]}, "kong_admin_sources", "open for IPv6 only"),
        (
            {
                "kong_stream_listen": "0.0.0.0:9000, [::]:9001",
                "kong_stream_sources": {9000: "fd00::9", 9001: "fd00::9"},
            },
            "kong_stream_sources",
            "stream port 9000 is open for IPv4 only",
        ),
    ],
)
def test_sources_of_another_family_only_have_a_warning(variables, variable, words):
    (found,) = list_warnings(plan_fleet({"n": {**NODE, **variables}}))
    assert (found["code"], found["variable"]) == ("source-family", variable)
    assert words in found["message"]


@pytest.mark.parametrize(
    "variables",
    [
        {**V4, "kong_admin_sources": ["fd00::9", "10.0.0.9"]},
        {**V6, "kong_admin_sources": ["m", "10.0.0.9"]},
        {**V6, "kong_admin_sources": "fd00::9", "kong_admin_gui_listen": "0.0.0.0:8002"},
        {"kong_admin_listen": "0.0.0.0:8001, [::]:8001", "kong_admin_sources": "fd00::9"},
        {"kong_stream_listen": "10.1.0.2:9000, [fd00::2]:9000", "kong_stream_sources": "fd00::9"},
    ],
)
def test_sources_that_reach_a_port_in_part_have_no_warning(variables):
    nodes = {"n": {**NODE, **variables}, "m": {**NODE, "kong_address": ["10.1.0.3", "fd00::3"]}}
    assert list_warnings(plan_fleet(nodes), "source-family") == []

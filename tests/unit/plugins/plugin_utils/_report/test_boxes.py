# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The properties in which equivalent nodes are equal, and the limits of the picture."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import group_nodes, make_fleet
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet


def make_nodes(count, last=None, **common):
    """Return nodes with addresses of their own; ``last`` has other variables of the last node. {} is a node's number."""
    nodes = {f"n{number}": {"kong_address": f"10.0.0.{number}", **common} for number in range(1, count + 1)}
    nodes[f"n{count}"] |= last or {}
    return {
        name: {key: render_numbers(value, number) for key, value in variables.items()}
        for number, (name, variables) in enumerate(nodes.items(), 1)
    }


def render_numbers(value, number):
    if isinstance(value, str):
        return value.replace("{}", str(number))
    if isinstance(value, list):
        return [render_numbers(item, number) for item in value]
    return {key: render_numbers(item, number) for key, item in value.items()} if isinstance(value, dict) else value


NAT = {"outside": "198.51.100.{}", "outside_port": 80, "inside_port": 8000, "protocols": ["tcp"]}
COMMON = {"kong_version": "3.9", "kong_proxy_listen": "0.0.0.0:8000"}
AT_ADDRESS = {"kong_proxy_listen": "10.0.0.{}:8000"}
WITH_NAT = {"kong_nat": [NAT]}
WITH_DEVICE = {"kong_nat": [{**NAT, "device": "fw"}]}


@pytest.mark.parametrize(
    ("common", "last", "is_equivalent"),
    [
        ({}, {}, True),
        (AT_ADDRESS, {}, True),
        ({}, AT_ADDRESS, False),
        ({}, {"kong_proxy_listen": "0.0.0.0:8100"}, False),
        ({}, {"kong_proxy_listen": "0.0.0.0:8000 ssl"}, False),
        (AT_ADDRESS, {"kong_proxy_listen": "127.0.0.1:8000"}, False),
        ({"kong_address": ["10.0.0.{}", "fd00::{}"]}, {"kong_proxy_listen": "[::]:8000"}, False),
        ({}, {"kong_proxy_sources": ["192.0.2.1"]}, False),
        (WITH_NAT, {}, True),
        (WITH_DEVICE, {}, True),
        (WITH_DEVICE, {"kong_nat": [{**NAT, "device": "other"}]}, False),
        (WITH_DEVICE, WITH_NAT, False),
        ({}, WITH_NAT, False),
        ({"kong_vpn_address": "10.9.0.{}"}, {}, True),
        ({}, {"kong_vpn_address": "10.9.0.{}"}, False),
        ({}, {"kong_cluster": "b"}, False),
        ({}, {"kong_site": "b"}, False),
        ({}, {"kong_version": "3.8"}, False),
    ],
)
def test_equivalent_nodes_share_a_box(common, last, is_equivalent):
    groups = group_nodes(plan_fleet(make_nodes(13, last, **{**COMMON, **common})))
    assert [len(group) for group in groups] == ([13] if is_equivalent else [12, 1])


@pytest.mark.parametrize(("count", "hidden"), [(60, 0), (61, 1), (63, 3)])
def test_the_picture_has_at_most_60_boxes(count, hidden):
    fleet = make_fleet(plan_fleet(make_nodes(count, kong_version="3.9", kong_proxy_listen="0.0.0.0:90{}")))
    assert (sum(len(site.boxes) for site in fleet.sites), fleet.hidden) == (count - hidden, hidden)

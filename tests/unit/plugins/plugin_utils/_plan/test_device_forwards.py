# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forwards of NAT devices as plain data."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.device_forwards import list_device_forwards
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

NODE = {"kong_version": "3.9", "kong_site": "b", "kong_address": "10.1.0.2", "kong_admin_listen": "0.0.0.0:8001"}


def list_forwards(*nodes, device=None):
    return list_device_forwards(plan_fleet({f"n{index}": node for index, node in enumerate(nodes)}), device)


def make_mapping(outside, port=8000):
    return {"outside": outside, "outside_port": port, "inside_port": port}


def test_the_worked_example():
    """The values of the design: section 4."""
    expected = {
        "description": "Kong cluster of b1",
        "device": "192.168.10.5",
        "outside": "192.168.10.5",
        "outside_port": 9000,
        "inside": "192.168.23.45",
        "inside_port": 80,
        "sources": ["192.168.10.11/32", "192.168.10.12/32", "192.168.23.45/32"],
        "hairpin": True,
        "listener": "cluster",
        "nodes": ["b1"],
    }
    assert list_device_forwards(plan_fleet(SEED_NODES, SEED_OTHERS), "192.168.10.5") == [
        {**expected, "name": f"kong-192.168.10.5-9000-{protocol}", "protocol": protocol} for protocol in ("tcp", "udp")
    ]


def test_the_forwards_of_a_device_are_in_natural_order():
    router = {**make_mapping("203.0.113.2"), "device": "r2"}
    nodes = [
        {**NODE, "kong_nat": [{**make_mapping("203.0.113.10"), "device": "r10"}, router]},
        {**NODE, "kong_address": "10.1.0.3", "kong_nat": [{**router, "outside_port": 90}]},
    ]
    found = [(item["device"], item["outside_port"], item["nodes"]) for item in list_forwards(*nodes)]
    assert found == [("r2", 90, ["n1"]), ("r2", 8000, ["n0"]), ("r10", 8000, ["n0"])]
    assert [item["device"] for item in list_forwards(*nodes, device="r2")] == ["r2", "r2"]


def test_any_source_is_every_address_of_the_family():
    node = {
        **NODE,
        "kong_address": ["10.1.0.2", "fd00::2"],
        "kong_proxy_listen": "0.0.0.0:8000, [::]:8000",
        "kong_nat": [make_mapping("203.0.113.2"), make_mapping("2001:db8::2")],
    }
    assert {item["name"]: item["sources"] for item in list_forwards(node)} == {
        "kong-203.0.113.2-8000-tcp": ["0.0.0.0/0"],
        "kong-2001.db8..2-8000-tcp": ["::/0"],
    }


def test_sources_are_the_fewest_networks_of_the_family():
    node = {**NODE, "kong_nat": [make_mapping("203.0.113.2", 8001)]}
    sources = ["192.0.2.10", "192.0.2.11", "2001:db8::/64"]
    (found,) = list_forwards({**node, "kong_admin_sources": sources})
    assert found["sources"] == ["192.0.2.10/31"]


@pytest.mark.parametrize("sources", [["nobody"], ["2001:db8::/64"]])
def test_a_port_without_a_source_has_no_forward(sources):
    """Most devices would allow every source."""
    node = {**NODE, "kong_admin_listen": "0.0.0.0:8001, [::]:8001", "kong_nat": [make_mapping("203.0.113.2", 8001)]}
    assert list_forwards({**node, "kong_admin_sources": sources}) == []


def test_nodes_that_share_a_virtual_address_share_its_forward():
    mapping = {**make_mapping("203.0.113.2", 8001), "inside": "10.1.0.9"}
    shared = {**NODE, "kong_virtual_addresses": ["10.1.0.9"], "kong_nat": [mapping]}
    (found,) = list_forwards(
        {**shared, "kong_admin_sources": ["192.0.2.10"]},
        {**shared, "kong_address": "10.1.0.3", "kong_admin_sources": ["192.0.2.20"]},
    )
    assert found["sources"] == ["192.0.2.10/32", "192.0.2.20/32"]
    assert found["nodes"] == ["n0", "n1"]
    assert found["description"] == "Kong admin of n0 and n1"


@pytest.mark.parametrize(
    ("mappings", "known"),
    [
        ([], "none"),
        (
            [{**make_mapping("203.0.113.2"), "device": "r10"}, {**make_mapping("203.0.113.3"), "device": "r2"}],
            "r2, r10",
        ),
    ],
)
def test_an_unknown_device_is_an_error_with_the_known(mappings, known):
    with pytest.raises(PlanError, match=f"'r1' is not a NAT device of the plan; the devices are: {known}$"):
        list_forwards({**NODE, "kong_nat": mappings}, device="r1")


def test_a_device_without_forwards_has_none():
    assert (
        list_forwards(
            {**NODE, "kong_proxy_sources": ["nobody"], "kong_nat": [make_mapping("203.0.113.2")]}, device="203.0.113.2"
        )
        == []
    )

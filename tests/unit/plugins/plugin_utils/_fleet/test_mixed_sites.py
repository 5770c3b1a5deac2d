# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    GOSSIP,
    compile_fleet,
    plan_fleet,
    read_text,
)

PUBLIC, PRIVATE = {"kong_address": "198.51.100.7"}, {"kong_address": "10.0.0.2"}
FACTS = {"ansible_facts": {"all_ipv4_addresses": ["198.51.100.7", "10.0.0.7"]}}
CP, DP = ({"kong_version": "3.9", "kong_role": role} for role in ("control_plane", "data_plane"))
CASES = {
    "a gossip pair": ({**GOSSIP, **PUBLIC}, {**GOSSIP, **PRIVATE}, True),
    "a data plane with a private address": ({**CP, **PUBLIC}, {**DP, **PRIVATE}, True),
    "a control plane with a private address": ({**DP, **PUBLIC}, {**CP, **PRIVATE}, True),
    "two private addresses": ({**GOSSIP, "kong_address": "10.9.0.1"}, {**GOSSIP, **PRIVATE}, False),
    "a stated site": ({**GOSSIP, **PUBLIC, "kong_site": "lan"}, {**GOSSIP, **PRIVATE, "kong_site": "lan"}, False),
    "a flat network": ({**GOSSIP, **PUBLIC}, {**GOSSIP, **PRIVATE, "kong_flat_network": True}, False),
    "both kinds on one node": ({**GOSSIP, **PUBLIC, **FACTS}, {**GOSSIP, **PRIVATE}, False),
    "nodes that do not connect": ({"kong_version": "3.9", **PUBLIC}, {"kong_version": "3.9", **PRIVATE}, False),
    "two clusters": ({**GOSSIP, **PUBLIC, "kong_cluster": "b"}, {**GOSSIP, **PRIVATE}, False),
}


@pytest.mark.parametrize("case", CASES)
def test_private_and_public_addresses_without_a_site_have_a_warning(case):
    public, private, expected = CASES[case]
    found = [each for each in compile_fleet({"m": public, "n": private}).findings if each.code == "site-mixed"]
    assert [(each.severity, each.host, each.variable) for each in found] == (
        [("warning", "n", "kong_site")] if expected else []
    )
    if expected:
        assert read_text(found[0]).endswith("This host has 10.0.0.2, and m has 198.51.100.7")


def bind(address, **more):
    """Return the findings for a node that binds an address of node m."""
    nodes = {
        "m": {"kong_version": "3.9", "kong_address": ["10.0.0.1", "fd00::1"], "kong_vpn_address": "10.8.0.1"},
        "n": {"kong_version": "3.9", "kong_address": "10.0.0.2", "kong_proxy_listen": f"{address}:8000", **more},
    }
    return [(error.code, error.host, error.variable) for error in compile_fleet(nodes).errors]


@pytest.mark.parametrize("address", ["10.0.0.1", "[fd00::1]", "10.8.0.1"])
def test_address_of_another_node_cannot_be_bound(address):
    assert bind(address) == [("bind-not-on-host", "n", "kong_proxy_listen")]


@pytest.mark.parametrize(
    "more",
    [
        {"kong_site": "other"},
        {"kong_proxy_listen": "0.0.0.0:8000, 10.0.0.1:8000"},
        {"kong_proxy_listen": "10.0.0.3:8000"},
        {"kong_proxy_listen": "10.0.0.2:8000"},
    ],
)
def test_other_bind_addresses(more):
    assert bind("10.0.0.1", **more) == []


def test_published_address_of_another_node():
    assert bind("0.0.0.0", kong_published_ports=["10.0.0.1:80:8000"]) == [
        ("bind-not-on-host", "n", "kong_published_ports")
    ]


def test_virtual_address_can_be_bound():
    nodes = {
        name: {"kong_version": "3.9", "kong_address": f"10.0.0.{name[1]}", "kong_virtual_addresses": "10.0.0.9"}
        for name in ("k1", "k2")
    }
    nodes["k1"]["kong_proxy_listen"] = "10.0.0.9:8000"
    assert plan_fleet(nodes)

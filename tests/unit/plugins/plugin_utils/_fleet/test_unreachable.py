# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callers whose source is unverified. Callers without a path are in test_sources and test_hybrid."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import (
    make_unknown_warnings,
    make_unverified_warnings,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import list_warnings, plan_fleet

EGRESS = [
    ("private to a public mapping", {}, "203.0.113.1", True),
    ("private to a private mapping", {}, "192.168.10.5", False),
    ("its NAT is named", {"kong_nat_egress": "198.51.100.7"}, "203.0.113.1", False),
    ("its NAT is private too", {"kong_nat_egress": "192.168.1.1"}, "203.0.113.1", True),
    ("it forwards as well", {"kong_nat": [{"outside": "198.51.100.7"}]}, "203.0.113.1", False),
    ("public itself", {"kong_address": "198.51.100.7"}, "203.0.113.1", False),
    ("over the VPN", {"kong_vpn_address": "10.8.0.9"}, "203.0.113.1", False),
    ("at the same site", {"kong_site": "a"}, "203.0.113.1", False),
]


@pytest.mark.parametrize(
    ("variables", "outside", "unverified"), [row[1:] for row in EGRESS], ids=[row[0] for row in EGRESS]
)
def test_private_source_at_a_public_address_is_unverified(variables, outside, unverified):
    data_planes = {
        name: {"kong_site": "b", "kong_address": f"10.1.0.{number}", "kong_role": "data_plane", **variables}
        for number, name in enumerate(("d1", "d2"), start=1)
    }
    control_plane = {
        "kong_site": "a",
        "kong_address": "10.0.0.1",
        "kong_vpn_address": "10.8.0.1",
        "kong_role": "control_plane",
        "kong_nat": [{"outside": outside, "inside_port": 8005, "outside_port": 9005}],
    }
    if not unverified:
        del data_planes["d2"]
    found = list_warnings(plan_fleet({"c": control_plane, **data_planes}))
    assert [(warning["code"], warning["host"], warning["variable"]) for warning in found] == (
        [("egress-private", "d1", "kong_nat_egress")] if unverified else []
    )
    if unverified:
        assert "its source 1" in found[0]["message"]
        assert "dials c at the public address 203.0.113.1" in found[0]["message"]
        assert "The same holds for d2" in found[0]["message"]


def test_no_warning_about_a_control_plane_that_no_data_plane_dials():
    """The data plane connects to the control plane of its own site. The control plane of the other site allows it too."""
    control_plane = {"kong_role": "control_plane", "kong_nat": [{"outside": "203.0.113.1"}]}
    nodes = {
        "c1": {**control_plane, "kong_site": "a", "kong_address": "10.0.0.1"},
        "c2": {"kong_role": "control_plane", "kong_site": "b", "kong_address": "10.1.0.2"},
        "d": {"kong_role": "data_plane", "kong_site": "b", "kong_address": "10.1.0.1"},
    }
    assert list_warnings(plan_fleet(nodes)) == []
    del nodes["c2"]
    assert [warning["code"] for warning in list_warnings(plan_fleet(nodes))] == ["egress-private"]


def test_unverified_sources_of_peers_and_named_hosts():
    gossip = {"kong_version": "0.10", "kong_site": "a", "kong_address": "10.0.0.1"}
    other = {**gossip, "kong_site": "b", "kong_address": "10.1.0.1", "kong_nat_egress": "198.51.100.1"}
    other["kong_nat"] = [{"outside": "198.51.100.1"}]
    nodes = {"m": {**gossip, "kong_nat": [{"outside": "192.168.0.1"}]}, "n": other}
    assert [(warning["code"], warning["host"]) for warning in list_warnings(plan_fleet(nodes))] == [
        ("egress-private", "m")
    ]
    named = {"n": {**other, "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": "x"}}
    found = list_warnings(plan_fleet(named, {"x": {"kong_address": "10.9.0.1"}}))
    assert [(warning["code"], warning["host"]) for warning in found] == [("egress-private", "x")]


def test_private_mapping_does_not_hide_the_warning_about_a_public_mapping():
    """Both nodes see equal sources. The warning depends on the address that the client dials."""
    nodes = {
        name: {
            "kong_site": "a",
            "kong_address": address,
            "kong_admin_listen": "0.0.0.0:8001",
            "kong_admin_sources": ["far"],
            "kong_nat": [{"outside": outside, "inside_port": 8001, "protocols": ["tcp"]}],
        }
        for name, address, outside in (("n1", "10.0.0.1", "192.168.10.5"), ("n2", "10.0.0.2", "203.0.113.1"))
    }
    (warning,) = list_warnings(
        plan_fleet(nodes, {"far": {"kong_site": "b", "kong_address": "10.1.0.1"}}), "egress-private"
    )
    assert warning["host"] == "far"
    assert "dials n2 at the public address 203.0.113.1, " in warning["message"]


@pytest.mark.parametrize("make", [make_unverified_warnings, make_unknown_warnings])
@pytest.mark.parametrize(
    ("others", "text"),
    [
        ([], ""),
        (["h10"], ". The same holds for h10"),
        (["h10", "h2", "h3"], ". The same holds for h2, h3, h10"),
        (["h10", "h2", "h3", "h4"], ". The same holds for h2, h3, h4 and 1 more"),
    ],
)
def test_of_the_other_hosts_of_a_site_3_are_named(make, others, text):
    [warning] = make({"s": (dict.fromkeys(["h1", *others]), ("h1", "n", "10.0.0.1", "10.0.0.9"))})
    assert warning.host == "h1"
    assert f"{warning.message}".partition(". The same holds")[1:] == text.partition(". The same holds")[1:]

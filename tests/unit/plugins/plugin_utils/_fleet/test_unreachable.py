# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callers that come from where nobody can come from; those without a path are in test_sources and test_hybrid."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import planned, warnings

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
    ("variables", "outside", "doubtful"), [row[1:] for row in EGRESS], ids=[row[0] for row in EGRESS]
)
def test_nobody_comes_from_a_private_address_to_a_public_one(variables, outside, doubtful):
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
    if not doubtful:
        del data_planes["d2"]
    found = warnings(planned({"c": control_plane, **data_planes}))
    assert [(one["code"], one["host"], one["variable"]) for one in found] == (
        [("egress-private", "d1", "kong_nat_egress")] if doubtful else []
    )
    if doubtful:
        assert "would come there from 1" in found[0]["message"]
        assert "reaches c at the public address 203.0.113.1" in found[0]["message"]
        assert "likewise d2" in found[0]["message"]


def test_a_control_plane_that_nobody_dials_is_no_matter():
    """The data plane connects to that of its own site; that of the other site is open to it all the same."""
    control_plane = {"kong_role": "control_plane", "kong_nat": [{"outside": "203.0.113.1"}]}
    nodes = {
        "c1": {**control_plane, "kong_site": "a", "kong_address": "10.0.0.1"},
        "c2": {"kong_role": "control_plane", "kong_site": "b", "kong_address": "10.1.0.2"},
        "d": {"kong_role": "data_plane", "kong_site": "b", "kong_address": "10.1.0.1"},
    }
    assert warnings(planned(nodes)) == []
    del nodes["c2"]
    assert [one["code"] for one in warnings(planned(nodes))] == ["egress-private"]


def test_peers_and_named_hosts_are_looked_at_too():
    gossip = {"kong_version": "0.10", "kong_site": "a", "kong_address": "10.0.0.1"}
    other = {**gossip, "kong_site": "b", "kong_address": "10.1.0.1", "kong_nat_egress": "198.51.100.1"}
    other["kong_nat"] = [{"outside": "198.51.100.1"}]
    nodes = {"m": {**gossip, "kong_nat": [{"outside": "192.168.0.1"}]}, "n": other}
    assert [(one["code"], one["host"]) for one in warnings(planned(nodes))] == [("egress-private", "m")]
    named = {"n": {**other, "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": "x"}}
    found = warnings(planned(named, {"x": {"kong_address": "10.9.0.1"}}))
    assert [(one["code"], one["host"]) for one in found] == [("egress-private", "x")]


def test_a_private_mapping_does_not_hide_the_warning_about_a_public_one():
    """The sources that both nodes see are equal; the warning depends on the address that the client connects to."""
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
    (warning,) = warnings(planned(nodes, {"far": {"kong_site": "b", "kong_address": "10.1.0.1"}}), "egress-private")
    assert warning["host"] == "far"
    assert "reaches n2 at the public address 203.0.113.1, " in warning["message"]

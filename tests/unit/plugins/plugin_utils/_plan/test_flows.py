# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Callers, forward_sources, plan_hosts
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import SEED_NODES, SEED_OTHERS, planned


def sources_of_forwards(plan):
    callers = Callers(plan_hosts(plan))
    return {
        (forward["listener"], forward["protocol"]): forward_sources(plan, forward, callers)
        for forward in plan["nat_forwards"]
    }


CONTROL_PLANE = {
    "kong_version": "3.9",
    "kong_role": "control_plane",
    "kong_site": "core",
    "kong_address": "10.1.0.5",
    "kong_nat": [{"outside": "203.0.113.1", "outside_port": 8005, "device": "gate"}],
}


def data_plane(site, address, **variables):
    return {"kong_version": "3.9", "kong_role": "data_plane", "kong_site": site, "kong_address": address, **variables}


def test_a_forward_lists_the_hosts_that_use_it():
    """dp1 is at the site of the control plane and connects directly; the addresses are those that the node sees."""
    nodes = {
        "cp1": CONTROL_PLANE,
        "dp1": data_plane("core", "10.1.0.6"),
        "dp2": data_plane("far", "10.2.0.6", kong_nat_egress=["198.51.100.7"]),
        "dp10": data_plane("farther", "10.3.0.6", kong_nat_egress=["198.51.100.8"]),
    }
    assert sources_of_forwards(planned(nodes)) == {
        ("cluster", "tcp"): ["dp2 (198.51.100.7)", "dp10 (198.51.100.8)"],
    }


def test_the_node_itself_uses_a_forward_with_hairpin():
    sources = sources_of_forwards(planned(SEED_NODES, SEED_OTHERS))
    assert sources["cluster", "udp"] == ["a1 (192.168.10.11)", "a2 (192.168.10.12)", "b1 itself (192.168.23.45)"]


def test_a_network_without_a_host_may_use_the_forward():
    nodes = {"cp1": {**CONTROL_PLANE, "kong_cluster_sources": ["192.0.2.0/24"]}}
    assert sources_of_forwards(planned(nodes)) == {("cluster", "tcp"): ["192.0.2.0/24"]}


def test_a_forward_for_every_source():
    mapping = {
        "outside": "203.0.113.1",
        "outside_port": 443,
        "inside_port": 8443,
        "device": "gate",
        "protocols": ["tcp"],
    }
    nodes = {"n1": {"kong_version": "3.9", "kong_address": "10.1.0.5", "kong_nat": [mapping]}}
    assert sources_of_forwards(planned(nodes)) == {("proxy", "tcp"): ["anyone"]}

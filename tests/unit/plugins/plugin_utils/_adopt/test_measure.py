# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT devices from connections that hosts open to each other."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.measure import list_ends, match_measured
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.propose import propose
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import (
    make_access,
    make_host,
    make_link,
    make_other,
    make_ring,
    make_settings,
)

OUTSIDE = "203.0.113.5:9000"
RING = {"a_id": "10.0.0.1:7946", "b_id": OUTSIDE}


def make_node(name, address, port, **kong):
    settings = make_settings(cluster_listen=f"{address}:{port}")
    ring = make_ring(f"{name}_id", **RING)
    access = [make_access(port, "any"), make_access(port, "any", protocol="udp")]
    return make_host(name, address, version="0.10.4", settings=settings, ring=ring, access=access, **kong)


A, B, OTHER = make_node("a", "10.0.0.1", 7946), make_node("b", "10.1.0.1", 80), make_other("ops", "10.0.0.9")
HOSTS = [A, B, OTHER]


def test_a_host_dials_the_ports_of_other_nodes_and_the_advertised_ends():
    outside = ("203.0.113.5", 9000)
    assert list_ends(A, HOSTS) == [("10.1.0.1", 80), outside]
    assert list_ends(B, HOSTS) == [("10.0.0.1", 7946), outside]
    assert list_ends(OTHER, HOSTS) == [("10.0.0.1", 7946), ("10.1.0.1", 80), outside]


@pytest.mark.parametrize(("role", "ends"), [("data_plane", [("203.0.113.9", 9005)]), ("control_plane", [])])
def test_the_end_that_a_data_plane_dials_is_dialled_by_all(role, ends):
    links = [make_link("10.2.0.1:40", "203.0.113.9:9005")]
    data = make_host("d", "10.2.0.1", settings=make_settings(role=role), links=links)
    assert list_ends(OTHER, [data, OTHER]) == ends


def measure(**hosts):
    """Return the measurement from the sent and the received connections of each host."""
    return {
        name: {"sent": [make_link(*ends) for ends in sent], "received": [make_link(*ends) for ends in received]}
        for name, (sent, received) in hosts.items()
    }


# a reaches b through the forward of b's NAT device, and b reaches a with the source of that device.
MEASURED = measure(
    a=([("10.0.0.1:40", OUTSIDE)], [("10.0.0.1:7946", "203.0.113.5:50")]),
    b=([("10.1.0.1:50", "10.0.0.1:7946")], [("10.1.0.1:80", "10.0.0.1:40")]),
)


def read_lines(measured, name):
    return {line.variable: (line.value, line.evidence) for line in propose(HOSTS, {}, measured).nodes[name]}


def make_mapping(inside):
    return [{"outside": "203.0.113.5", "outside_port": 9000, "inside_port": inside}]


STATED = "observed: Serf advertises 203.0.113.5:9000, not its own address; known by this address to a"


def test_measured_connections_are_evidence_of_a_forward_and_of_an_egress():
    found = read_lines(MEASURED, "b")
    arrived = "observed: measured connections to 203.0.113.5 port 9000 arrive at its port 80"
    assert found["kong_nat"] == (make_mapping(80), f"{STATED}; {arrived}")
    assert found["kong_nat_egress"] == (["203.0.113.5"], "observed: the source of its measured connections")
    assert {"kong_nat", "kong_nat_egress"} & {*read_lines(MEASURED, "a")} == set()


def test_the_port_at_which_a_connection_arrives_precedes_that_of_the_settings():
    arrives = measure(a=([("10.0.0.1:40", OUTSIDE)], []), b=([], [("10.1.0.1:8000", "10.0.0.1:40")]))
    assert read_lines(arrives, "b")["kong_nat"][0] == make_mapping(8000)


def test_without_a_measurement_the_settings_count():
    assert read_lines({}, "b")["kong_nat"] == (make_mapping(80), STATED)
    assert "kong_nat_egress" not in read_lines({"a": {"msg": "failed"}, "b": {}}, "b")


def test_a_connection_of_a_node_to_itself_tells_no_egress():
    hairpin = measure(b=([("10.1.0.1:40", OUTSIDE)], [("10.1.0.1:80", "10.1.0.254:40")]))
    assert match_measured(HOSTS, hairpin) == []


@pytest.mark.parametrize("change", [{"peer": "{{ x }}"}, {"peer_port": "x"}, {"address": None}])
def test_an_answer_that_is_no_connection_is_ignored(change):
    measured = measure(a=([("10.0.0.1:40", OUTSIDE)], []), b=([], [("10.1.0.1:80", "10.0.0.1:40")]))
    assert len(match_measured(HOSTS, measured)) == 1
    measured["a"]["sent"][0].update(change)
    assert match_measured(HOSTS, measured) == []


def test_measured_connections_do_not_join_clusters():
    controls = [
        make_host(
            name, f"10.{number}.0.1", settings=make_settings(role="control_plane"), access=[make_access(8005, "any")],
            data_planes=[{"id": name, "hostname": name, "ip": "192.0.2.1"}],
        )
        for number, name in enumerate("pq")
    ]  # fmt: skip
    measured = measure(p=([("10.0.0.1:40", "10.1.0.1:8005")], []), q=([], [("10.1.0.1:8005", "10.0.0.1:40")]))
    lines = propose(controls, {}, measured).nodes
    assert [line.value for name in "pq" for line in lines[name] if line.variable == "kong_cluster"] == [
        "cluster-p",
        "cluster-q",
    ]


def test_published_ports_are_not_dialled():
    """The node could not show the connections that reach the container."""
    access = [make_access(80, "any", inside=8000)]
    hosts = [make_host("a", "10.0.0.1", access=access), make_host("b", "10.0.0.2")]
    assert list_ends(hosts[1], hosts) == []

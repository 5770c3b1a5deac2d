# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT devices and missing nodes from the members of Serf clusters."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.propose import propose
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import (
    make_host,
    make_ring,
    make_settings,
)

OUTSIDE = "10.0.0.5:9000"
BOUND = {"cluster_listen": "10.0.1.1:80"}
MAPPED = [{"outside": "10.0.0.5", "outside_port": 9000, "inside_port": 80}]


def make_ring_of(own, **members):
    return make_ring(f"{own}_id", **{f"{name}_id": place for name, place in members.items()})


def make_node(name, address, ring, **settings):
    return make_host(name, address, version="0.10.4", ring=ring, settings=make_settings(**settings))


def read_lines(hosts, name):
    return {line.variable: (line.value, line.evidence) for line in propose(hosts, {}).nodes[name]}


def list_questions(hosts, name, *words):
    return [text for text in propose(hosts, {}).questions[name] if all(word in text for word in words)]


def make_pair(place=OUTSIDE, known=None, **settings):
    """Return a node a, and a node b that advertises a place and that a knows at a place."""
    near = make_node("a", "10.0.0.1", make_ring_of("a", a="10.0.0.1:7946", b=known or place))
    behind = make_node("b", "10.0.1.1", make_ring_of("b", a="10.0.0.1:7946", b=place), **BOUND, **settings)
    return [near, behind]


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (make_pair(), (MAPPED, "observed: Serf advertises 10.0.0.5:9000, not its own address; known by this address to a")),
        (make_pair(known="10.0.0.6:9000"), (MAPPED, "observed: Serf advertises 10.0.0.5:9000, not its own address")),
        (make_pair(known="10.0.0.5:9001"), (MAPPED, "observed: Serf advertises 10.0.0.5:9000, not its own address")),
        (make_pair("10.0.1.1:80"), None),
        # Serf counts, not the setting of the next start.
        (make_pair("10.0.1.1:80", cluster_advertise=OUTSIDE), None),
        (make_pair(cluster_advertise="192.0.2.7:1"), (MAPPED, "observed: Serf advertises 10.0.0.5:9000, not its own address; known by this address to a")),
    ],
    ids=["known", "known at another address", "known at another port", "own address", "setting not in use", "another setting"],
)  # fmt: skip
def test_an_advertised_address_that_is_not_the_own_is_a_nat_device(hosts, expected):
    assert read_lines(hosts, "b").get("kong_nat") == expected
    assert "kong_nat" not in read_lines(hosts, "a")


def test_the_proposal_with_the_members_has_a_plan():
    proposal = propose(make_pair(), {})
    hosts = {name: {line.variable: line.value for line in lines} for name, lines in proposal.nodes.items()}
    compilation = compile_plan(PlainInventory({"all": [*hosts], "kong": [*hosts]}, hosts), "kong")
    assert not compilation.errors
    assert compilation.plan["nodes"]["b"]["settings"]["cluster_advertise"] == OUTSIDE


def test_a_setting_that_serf_does_not_use_is_a_question():
    assert list_questions(make_pair(cluster_advertise="192.0.2.7:1"), "b", "192.0.2.7:1", OUTSIDE)
    assert not list_questions(make_pair(cluster_advertise=OUTSIDE), "b", "cluster_advertise")
    assert not list_questions(make_pair(cluster_advertise="bad"), "b", "cluster_advertise")


@pytest.mark.parametrize(
    ("place", "is_missing"),
    [("10.0.0.9:7946", True), ("10.0.0.9:7946|failed", True), ("10.0.0.9:7946|left", False), ("10.0.0.2:7946", False)],
)
def test_a_member_that_is_no_host_is_a_question_of_the_first_node_that_knows_it(place, is_missing):
    members = {"a": "10.0.0.1:7946", "b": "10.0.0.2:7946", "x": place}
    hosts = [
        make_node(name, f"10.0.0.{number}", make_ring_of(name, **members)) for name, number in (("a", 1), ("b", 2))
    ]
    found = {name: len(list_questions(hosts, name, "x_id", "10.0.0.9")) for name in "ab"}
    assert found == {"a": int(is_missing), "b": 0}


@pytest.mark.parametrize(("network", "is_asked"), [("10.0.1", True), ("10.0.2", False)])
def test_a_node_behind_nat_may_be_at_another_site_with_the_same_network(network, is_asked):
    near = make_node("a", f"{network}.2", make_ring_of("a", a=f"{network}.2:7946", b=OUTSIDE))
    behind = make_pair()[1]
    assert bool(list_questions([near, behind], "b", "kong_site", "(a)")) is is_asked
    assert not list_questions([near, behind], "a", "kong_site")


def test_several_clusters_are_groups_and_questions():
    members = {"a": "10.0.0.1:7946"}, {"c": "10.0.0.3:7946"}
    hosts = [
        make_node("a", "10.0.0.1", make_ring_of("a", **members[0])),
        make_node("c", "10.0.0.3", make_ring_of("c", **members[1])),
        make_node("d", "10.0.0.4", make_ring("")),
    ]
    assert [read_lines(hosts, name).get("kong_cluster", [None])[0] for name in "acd"] == [
        "cluster-a",
        "cluster-c",
        None,
    ]
    assert [len(list_questions(hosts, name, "kong_cluster")) for name in "acd"] == [0, 0, 1]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several clusters in one fleet: Serf rings, and control planes with their data planes."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.clusters import find_clusters
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.links import match_links
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import (
    make_host,
    make_link,
    make_ring,
    make_settings,
)


def make_gossip(name, address, *members, left=()):
    """Return a node of Kong 0.10 whose Serf agent knows members; without members, the agent did not answer."""
    known = {
        f"{member}_id": f"10.0.0.{index}:7946{'|left' if member in left else ''}"
        for index, member in enumerate(members)
    }
    return make_host(name, address, version="0.10.4", ring=make_ring(f"{name}_id" if members else "", **known))


def make_control(name, address, *numbers, links=(), hostname=""):
    listed = [{"id": number, "hostname": f"host-{number}", "ip": "192.0.2.1"} for number in numbers]
    settings = make_settings(role="control_plane")
    found = [make_link(f"{address}:8005", link) for link in links]
    return make_host(name, address, settings=settings, data_planes=listed, links=found, hostname=hostname)


def make_data(name, address, number="", control="", hostname="", links=()):
    settings = make_settings(role="data_plane", cluster_control_plane=f"{control or '192.0.2.9'}:8005")
    found = [make_link(f"{address}:{port}", peer) for port, peer in links]
    return make_host(name, address, settings=settings, id=number, hostname=hostname, links=found)


def name_clusters(*hosts):
    """Return the name of the cluster of each node, and the nodes whose cluster is unknown."""
    found = find_clusters(hosts, match_links(hosts))
    return {name: cluster.name for name, cluster in found.named.items()}, {*found.unknown}


A, B = make_gossip("a", "10.0.0.1", "a", "b"), make_gossip("b", "10.0.0.2", "b", "a")
C = make_gossip("c", "10.0.0.3", "c")
SILENT = make_gossip("d", "10.0.0.4")
RINGS = {"a": "cluster-a", "b": "cluster-a", "c": "cluster-c"}
# Each knows a third member, which is no host of the inventory.
FAR = make_gossip("a", "10.0.0.1", "a", "x"), make_gossip("b", "10.0.0.2", "b", "x")


@pytest.mark.parametrize(
    ("hosts", "named", "unknown"),
    [
        ([A, B], {}, set()),
        ([A, B, C], RINGS, set()),
        ([C, B, A], RINGS, set()),
        ([A, B, SILENT], {}, {"d"}),
        ([A, B, C, SILENT], RINGS, {"d"}),
        ([SILENT], {}, set()),
        ([*FAR], {}, set()),
        # A member that left is known until Serf forgets it.
        ([make_gossip("a", "10.0.0.1", "a", "c", left=["c"]), C], {"a": "cluster-a", "c": "cluster-c"}, set()),
        # Two rings that a third node joins, which comes last.
        ([make_gossip("a", "10.0.0.1", "a"), C, make_gossip("z", "10.0.0.9", "a", "c", "z")], {}, set()),
        # Kong 0.11 and later in the role traditional has no cluster.
        ([A, B, make_host("t", "10.0.0.9"), make_host("u", "10.0.0.8")], {}, set()),
        ([make_control("p", "10.0.0.1", "7f"), make_control("q", "10.0.0.2", "8a")], {"p": "cluster-p", "q": "cluster-q"}, set()),
        ([make_control("p", "10.0.0.1", "7f"), make_control("q", "10.0.0.2", "8a", "7f")], {}, set()),
        # The list of q may be unreadable, and p and q may have the same data planes.
        ([make_control("p", "10.0.0.1", "7f"), make_control("q", "10.0.0.2")], {}, {"q"}),
        # A ring and a hybrid cluster have no listener in common.
        ([A, B, make_control("p", "10.0.0.1", "7f")], {}, set()),
    ],
    ids=["one", "two", "two in another order", "one silent", "two and one silent", "only silent", "far member", "left", "joined last",
         "traditional", "two control planes", "one database", "no list", "two kinds"],
)  # fmt: skip
def test_nodes_with_a_common_member_are_a_cluster(hosts, named, unknown):
    assert name_clusters(*hosts) == (named, unknown)


LINKED = [(40, "203.0.113.5:9005")]


@pytest.mark.parametrize(
    ("data", "links", "cluster"),
    [
        ({"number": "7f"}, [], "cluster-d"),
        ({"number": "8a"}, [], None),
        ({"hostname": "host-7f"}, [], "cluster-d"),
        ({"control": "10.0.0.1"}, [], "cluster-d"),
        ({"links": LINKED}, ["198.51.100.9:40"], "cluster-d"),
        ({}, [], None),
    ],
    ids=["id", "id elsewhere", "hostname", "address", "connection", "nothing"],
)
def test_a_data_plane_is_in_the_cluster_of_its_control_plane(data, links, cluster):
    hosts = [
        make_control("p", "10.0.0.1", "7f", links=links, hostname="p"),
        make_control("q", "10.0.0.2", "9c", hostname="q"),
        make_data("d", "10.0.1.1", **data),
    ]
    named, unknown = name_clusters(*hosts)
    assert named.get("d") == cluster
    assert unknown == (set() if cluster else {"d"})
    assert named["p"] == (cluster or "cluster-p")


def test_the_evidence_names_the_nodes_and_the_name_is_assumed():
    [first, _second, third] = find_clusters([A, B, C], []).named.values()
    assert first.evidence == "observed: members of one Serf cluster: a, b. The name is assumed"
    assert third.evidence == "observed: members of one Serf cluster: c. The name is assumed"


def test_a_name_of_two_hosts_is_no_name_of_a_data_plane():
    hosts = [
        make_control("p", "10.0.0.1", "7f"),
        make_control("q", "10.0.0.2", "9c"),
        make_data("d", "10.0.1.1", hostname="host-7f"),
        make_data("e", "10.0.1.2", hostname="host-7f"),
    ]
    assert name_clusters(*hosts)[1] == {"d", "e"}

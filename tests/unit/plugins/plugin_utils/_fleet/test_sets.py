# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets: they are shared, they are few, and their names are stable."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.sets import (
    Content,
    Label,
    Shared,
    _find_free_name,
    describe_sets,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import GOSSIP, plan_fleet

SITES = ("north", "south", "west")


def make_ring(count, **more):
    """Return the nodes of a gossip cluster over three sites, each behind its own NAT mapping."""
    return {
        f"n{number:03}": {
            **GOSSIP,
            "kong_site": SITES[number % 3],
            "kong_address": f"10.{number % 3}.{number // 250}.{number % 250 + 1}",
            "kong_nat": [{"outside": f"203.0.{113 + number // 250}.{number % 250 + 1}", "inside_port": 7946}],
            **more,
        }
        for number in range(count)
    }


def test_a_site_shares_one_set():
    plan = plan_fleet(make_ring(12))
    assert list(plan["sets"]) == [f"peers-default-from-{site}" for site in SITES]
    for node in plan["nodes"].values():
        used = {
            name for entry in node["ruleset"]["allow"] for name in entry["sources"] if entry["listener"] == "cluster"
        }
        assert used == {f"peers-default-from-{node['site']}"}


def test_size_of_the_plan_is_linear_in_nodes():
    small, large = (len(dump_json(plan_fleet(make_ring(count)))) for count in (30, 120))
    assert large < 4.2 * small


@pytest.mark.parametrize("gone", ["n000", "n001", "n004", "n011"])
def test_names_are_stable_if_a_peer_is_removed(gone):
    before, after = make_ring(12), make_ring(12)
    del after[gone]
    plans = plan_fleet(before), plan_fleet(after)
    for name in after:
        allow = [plan["nodes"][name]["ruleset"] for plan in plans]
        assert allow[0] == allow[1]
    assert list(plans[0]["sets"]) == list(plans[1]["sets"])


ODD = ["Zürich / 1", "Zurich - 1", "a b", "a/b", "a-b", "日本", "x" * 300, "x" * 299 + "y", "_", "{", "a\tb"]


def test_names_are_valid_and_distinct_for_any_names_of_sites():
    nodes = {
        f"n{number}": {
            **GOSSIP,
            "kong_site": site,
            "kong_cluster": f"c {number % 2}",
            "kong_flat_network": True,
            "kong_address": f"10.0.0.{number + 1}",
            "kong_admin_sources": ["admin", "@group", f"10.9.0.{number}"],
        }
        for number, site in enumerate(ODD)
    }
    admin = {"kong_site": "office", "kong_address": "10.5.0.1"}
    plan = plan_fleet(nodes, {"admin": admin}, {"group": ["admin", "n0"]})
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,200}", name) for name in plan["sets"])
    for number, name in enumerate(nodes):
        networks = [
            network
            for entry in plan["nodes"][name]["ruleset"]["allow"]
            if (entry["listener"], entry["port"]) == ("admin", 8001)
            for used in entry["sources"]
            for network in plan["sets"][used]["ipv4"]
        ]
        assert f"10.9.0.{number}/32" in networks
        assert not {f"10.9.0.{other}/32" for other in range(len(ODD)) if other != number} & set(networks)


def test_sets_whose_names_become_equal_are_numbered():
    nodes = {
        f"n{number}": {**GOSSIP, "kong_site": site, "kong_flat_network": True, "kong_address": f"10.{number}.0.1"}
        for number, site in enumerate(["a b", "a/b", "a-b"])
    }
    names = [f"peers-default-from-a-b{number}" for number in ("", "-2", "-3")]
    assert [name for name in plan_fleet(nodes)["sets"] if name.startswith("peers")] == names


def test_hosts_with_addresses_as_names():
    """If nodes of one site see different members, sets are named after hosts, and their names may have any character."""
    nodes = {
        name: {
            "kong_address": name,
            "kong_admin_listen": "[::]:8001",
            "kong_admin_sources": [f"2001:db8:{number}::/48"],
        }
        for number, name in enumerate(["fd00::1", "fd00::2"])
    }
    plan = plan_fleet(nodes)
    names = [entry["sources"] for node in plan["nodes"].values() for entry in node["ruleset"]["allow"][2:3]]
    assert names == [["admin-networks-at-default-fd00--1"], ["admin-networks-at-default-fd00--2"]]


def test_host_and_group_with_the_same_name():
    nodes = {"n": {**GOSSIP, "kong_address": "10.0.0.1", "kong_admin_sources": ["ops", "@ops"]}}
    others = {"ops": {"kong_address": "10.0.0.8"}, "x": {"kong_address": "10.0.0.9"}}
    plan = plan_fleet(nodes, others, {"ops": ["x"]})
    (entry,) = (
        rule for rule in plan["nodes"]["n"]["ruleset"]["allow"] if (rule["listener"], rule["port"]) == ("admin", 8001)
    )
    assert sorted(plan["sets"][name]["ipv4"] for name in entry["sources"]) == [["10.0.0.8/32"], ["10.0.0.9/32"]]


def test_joined_names_are_distinct_from_other_names():
    """The set of a site with the name of a host, and the set of another site whose name equals both joined."""
    nodes = {
        name: {**GOSSIP, "kong_site": site, "kong_address": address, "kong_admin_sources": [network]}
        for name, site, address, network in [
            ("x", "s", "10.0.0.1", "10.7.0.1"),
            ("y", "s", "10.0.0.2", "10.7.0.2"),
            ("z", "s-x", "10.1.0.3", "10.7.0.3"),
        ]
    }
    nodes = {name: {**variables, "kong_flat_network": True} for name, variables in nodes.items()}
    plan = plan_fleet(nodes)
    used = {
        name: [
            plan["sets"][source]["ipv4"]
            for entry in node["ruleset"]["allow"]
            if (entry["listener"], entry["port"]) == ("admin", 8001)
            for source in entry["sources"]
        ]
        for name, node in plan["nodes"].items()
    }
    assert used == {"x": [["10.7.0.1/32"]], "y": [["10.7.0.2/32"]], "z": [["10.7.0.3/32"]]}


def test_sets_of_one_host_are_named_by_the_port_that_differs():
    """The host does not distinguish two sets of one label, so each name has the port as well, and no number."""
    node = {
        "kong_site": "s",
        "kong_address": "10.0.0.1",
        "kong_vpn_address": "10.8.0.1",
        "kong_admin_listen": "10.0.0.1:8001, 10.8.0.1:8101",
        "kong_admin_sources": ["both"],
    }
    both = {"kong_site": "s", "kong_address": "10.0.0.9", "kong_vpn_address": "10.8.0.9"}
    plan = plan_fleet({"n": node}, {"both": both})
    assert {name: content["ipv4"] for name, content in plan["sets"].items() if name.startswith("admin-")} == {
        "admin-both-from-s-n-8001": ["10.0.0.9/32"],
        "admin-both-from-s-n-8101": ["10.8.0.9/32"],
    }


@pytest.mark.parametrize(("length", "name"), [(190, "x" * 190), (191, "x" * 190)])
def test_a_long_name_is_cut_after_190_characters(length, name):
    taken = set()
    assert [_find_free_name("x" * length, taken) for _number in range(2)] == [name, f"{name}-2"]
    assert taken == {name, f"{name}-2"}


@pytest.mark.parametrize(("count", "is_shared"), [(8, False), (9, True)])
def test_a_set_that_more_than_8_sets_include_is_written_once(count, is_shared):
    shared = Shared({"10.0.0.1/32": 1})
    names = {
        (Label("m", f"from-s{number}"), Content((f"10.1.0.{number}/32",), shared)): f"m{number}"
        for number in range(1, count + 1)
    }
    described = describe_sets(names)
    own = {"ipv4": ["10.1.0.1/32"], "ipv6": [], "includes": "m-from-other-sites", "except": []}
    whole = {"ipv4": ["10.0.0.1/32", "10.1.0.1/32"], "ipv6": []}
    assert described["m1"] == (own if is_shared else whole)
    assert described.get("m-from-other-sites") == ({"ipv4": ["10.0.0.1/32"], "ipv6": []} if is_shared else None)

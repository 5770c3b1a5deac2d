# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets that include a shared set: the allowed sources are those of complete sets, and plans of many sites stay linear."""

from __future__ import annotations

import random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet import gossip, paths, sets, viewer
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_ruleset
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import list_rules
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._plan.test_plan_properties import (
    as_inventory,
    check_gossip,
    check_hybrid,
    check_rules,
    check_sets,
    make_random_fleet,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    make_gossip_sites,
    make_hybrid_sites,
    make_inventory,
    plan_fleet,
)

SHARED, COMPLETE = 0, 10**6


def compile_with(few, source):
    """Compile with shared sets, or with complete sets as in small fleets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sets, "_FEW", few)
        return compile_plan(source, "kong")


def list_allowed(plan):
    """Return every (node, listener, protocol, port, address, source), or ``any`` as the source."""
    return {
        (name, rule["listener"], rule["protocol"], rule["port"], rule["address"], source)
        for name in plan["nodes"]
        for rule in list_rules(plan, name)
        for source in (["any"] if rule["sources"] == "any" else rule["sources"])
    }


def check_same(source):
    """Check that shared and complete sets allow the same sources, each pair of hosts separately; return the shared form."""
    compilations = [compile_with(few, source) for few in (SHARED, COMPLETE)]
    assert compilations[0].findings == compilations[1].findings
    shared, complete = (compilation.plan for compilation in compilations)
    if shared:
        assert list_allowed(shared) == list_allowed(complete)
        check_sets(shared)
        for name in shared["nodes"]:
            assert select_ruleset(shared, name) == select_ruleset(complete, name)
            check_rules(shared, name, source)
        check_gossip(shared)
        check_hybrid(shared)
    return shared


def assign_sites(fleet, rng):
    """Give most hosts their own site, an outside address, or an egress that several hosts share."""
    for number, host in enumerate([*fleet[0].values(), *fleet[1].values()]):
        if rng.random() < 0.8:
            host["kong_site"] = f"s{rng.choice([number, number // 2])}"
        if rng.random() < 0.8:
            host["kong_nat"] = [{"outside": f"192.0.2.{number + 1}"}]
            if rng.random() < 0.2:
                host["kong_nat"][0]["sites"] = ["s0", "s1"]
        if rng.random() < 0.2:
            host["kong_nat_egress"] = ["203.0.113.9"]


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_shared_sets_allow_the_same_sources(seed, scattered):
    rng = random.Random(seed)
    fleet = make_random_fleet(rng)
    if scattered:
        assign_sites(fleet, rng)
    shared = check_same(as_inventory(fleet))
    includes = shared and any("includes" in content for content in shared["sets"].values())
    event("refused" if shared is None else "with shared sets" if includes else "without shared sets")


VARIANTS = {
    "alone": {},
    "hairpin": {"kong_nat": [{"outside": "198.18.9.9", "hairpin_source": "10.77.0.1"}]},
    "pairs": {"kong_site": "pair"},
    "egress": {"kong_nat_egress": ["203.0.113.9"]},
    "own outside port": {"kong_nat": [{"outside": "198.18.9.9", "outside_port": 9000, "inside_port": 7946}]},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_gossip_sites(variant):
    nodes = make_gossip_sites(14)
    names = [*nodes]
    nodes[names[3]] |= VARIANTS[variant]
    if variant == "pairs":
        nodes[names[4]] |= VARIANTS[variant]
    if variant == "egress":
        nodes[names[4]] |= VARIANTS[variant]
    plan = check_same(make_inventory(nodes))
    assert plan["sets"]["peers-default-from-s0000"]["includes"] == "peers-default-from-other-sites"


def test_hybrid_sites():
    plan = check_same(make_inventory(make_hybrid_sites(110)))
    assert "includes" in plan["sets"]["data_planes-default-from-s0000"]


@pytest.mark.parametrize("make", [make_gossip_sites, make_hybrid_sites])
def test_time_and_size_are_linear_in_sites(make, monkeypatch):
    routes = []
    for module in (gossip, viewer):
        for name in ("dial", "find_route", "find_route_to", "list_route_sources"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, count_calls(getattr(paths, name), routes))
    found = []
    for count in (100, 200):
        routes.clear()
        size = len(dump_json(plan_fleet(make(count))))
        found.append((size, len(routes)))
    assert found[1][0] < 2.2 * found[0][0]
    assert found[1][1] < 2.2 * found[0][1]


def count_calls(function, calls):
    def count_call(*arguments):
        calls.append(function)
        return function(*arguments)

    return count_call


@pytest.mark.parametrize("make", [make_gossip_sites, make_hybrid_sites])
def test_a_new_site_changes_no_rule(make):
    before, after = plan_fleet(make(101)), plan_fleet(make(102))
    assert before["nodes"].items() <= after["nodes"].items()
    kept = [name for name in before["sets"] if name in after["sets"]]
    assert kept == [*before["sets"]]


def make_group(count, version, role):
    """Return nodes of one site, such as a group that a cloud scales; the first is a control plane if the others are data planes."""
    return {
        f"k{number}": {
            "kong_version": version,
            "kong_address": f"10.0.0.{number + 1}",
            "kong_role": role if number else role.replace("data", "control"),
            "kong_admin_listen": "0.0.0.0:8001",
            "kong_admin_sources": ["@kong"],
        }
        for number in range(count)
    }


@pytest.mark.parametrize(("version", "role"), [("0.10.4", "traditional"), ("3.9.1", "data_plane")])
def test_a_node_more_than_200_changes_only_members_of_sets(version, role):
    """Rules and settings of the other nodes stay, so Kong neither reloads nor restarts."""
    before, after = plan_fleet(make_group(200, version, role)), plan_fleet(make_group(201, version, role))
    assert before["nodes"].items() <= after["nodes"].items()
    assert [*before["sets"]] == [*after["sets"]] != []
    for name, members in after["sets"].items():
        assert [network for network in members["ipv4"] if network != "10.0.0.201/32"] == before["sets"][name]["ipv4"]
        assert len(members["ipv4"]) == len(before["sets"][name]["ipv4"]) + 1


def test_a_node_is_not_allowed_by_its_own_outside_address():
    plan = plan_fleet(make_gossip_sites(12))
    for name, node in plan["nodes"].items():
        own = f"{node['nat'][0]['outside']}/32"
        networks = select_ruleset(plan, name)["sets"][f"peers-default-from-{node['site']}"]["ipv4"]
        assert own not in networks
        assert len(networks) == 12


@pytest.mark.parametrize(("count", "is_shared"), [(8, False), (9, True)])
def test_a_shared_set_needs_more_than_eight_users(count, is_shared):
    plan = plan_fleet(make_gossip_sites(count))
    assert any("includes" in content for content in plan["sets"].values()) is is_shared

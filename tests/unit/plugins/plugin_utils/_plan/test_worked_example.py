# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worked example of DESIGN, section 4: the inventory of its text, and the inventory in examples/."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import join_message
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import list_rules
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    find_first_path,
    get_settings,
    get_sources,
    list_warnings,
    plan_fleet,
)

A1, A2, B1, ADMIN = "192.168.10.11/32", "192.168.10.12/32", "192.168.23.45/32", "192.168.10.20/32"
B1_OUTSIDE, HAIRPIN = "192.168.10.5/32", "192.168.23.254/32"
EXAMPLE = Path(__file__).parents[5] / "examples" / "seed"


def from_text():
    return plan_fleet(SEED_NODES, SEED_OTHERS)


def from_example():
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[str(EXAMPLE)])
    variables = VariableManager(loader=loader, inventory=inventory)
    hosts = {host.name: variables.get_vars(host=host) for host in inventory.get_hosts()}
    compilation = compile_plan(PlainInventory(inventory.get_groups_dict(), hosts), "kong")
    assert compilation.errors == ()
    return compilation.plan


@pytest.fixture(scope="module", params=[from_text, from_example])
def plan(request):
    return request.param()


@pytest.mark.parametrize(
    ("node", "listen", "advertised"),
    [
        ("a1", "192.168.10.11:7946", "192.168.10.11:7946"),
        ("a2", "192.168.10.12:7946", "192.168.10.12:7946"),
        ("b1", "192.168.23.45:80", "192.168.10.5:9000"),
    ],
)
def test_settings(plan, node, listen, advertised):
    assert get_settings(plan, node)["cluster_listen"] == listen
    assert get_settings(plan, node)["cluster_advertise"] == advertised
    assert get_settings(plan, node)["cluster_listen_rpc"] == "127.0.0.1:7373"
    assert plan["nodes"][node]["settings_file"] == {
        "path": "/etc/kong/kong.conf",
        "format": "conf",
        "search": ["/etc/kong/kong.conf", "/etc/kong.conf"],
    }


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("node", "port", "peers", "own"),
    [
        ("a1", 7946, {A2, B1_OUTSIDE}, {A1}),
        ("a2", 7946, {A1, B1_OUTSIDE}, {A2}),
        ("b1", 80, {A1, A2}, {B1, HAIRPIN}),
    ],
)
def test_cluster_rule(plan, node, port, peers, own, protocol):
    rule = next(r for r in list_rules(plan, node) if (r["listener"], r["protocol"]) == ("cluster", protocol))
    assert rule["port"] == port
    assert rule["address"] == plan["nodes"][node]["address"]["ipv4"]
    # The set of its site contains its own address, or the address of its hairpin; DESIGN 4.
    assert peers <= set(rule["sources"]) <= peers | own


def test_no_rule_of_the_other_site_has_the_inside_address_of_b1(plan):
    assert all(B1 not in rule["sources"] for node in ("a1", "a2") for rule in list_rules(plan, node))


def test_both_nodes_of_a_site_share_a_set(plan):
    names = {
        tuple(entry["sources"])
        for node in ("a1", "a2")
        for entry in plan["nodes"][node]["ruleset"]["allow"]
        if entry["listener"] == "cluster"
    }
    assert names == {("peers-default-from-lan",)}


@pytest.mark.parametrize("node", ["a1", "a2", "b1"])
def test_other_listeners(plan, node):
    rules = {(r["listener"], r["protocol"], r["port"]): r for r in list_rules(plan, node)}
    assert rules["proxy", "tcp", 8000]["sources"] == rules["proxy", "tcp", 8443]["sources"] == "any"
    assert rules["cluster_rpc", "tcp", 7373]["address"] == "127.0.0.1"
    assert rules["cluster_rpc", "tcp", 7373]["sources"] == []


@pytest.mark.parametrize(("node", "allowed"), [("a1", [ADMIN]), ("a2", [ADMIN]), ("b1", [])])
def test_admin_api(plan, node, allowed):
    assert get_sources(plan, node, "admin", port=8001) == allowed


def test_warning_that_the_admin_host_has_no_path_to_b1(plan):
    (warning,) = list_warnings(plan)
    assert (warning["code"], warning["host"], warning["variable"], warning["value"]) == (
        "source-no-path",
        "b1",
        "kong_admin_sources",
        "admin",
    )
    for part in (
        "admin (site lan)",
        "This host is in site branch",
        "8001",
        "kong_nat",
        "kong_vpn_address",
        "kong_flat_network",
    ):
        assert part in join_message(warning)


def test_the_nat_device(plan):
    forwards = plan["nat_forwards"]
    assert [
        (forward["protocol"], forward["listener"], forward["node"], forward["hairpin"]) for forward in forwards
    ] == [
        ("tcp", "cluster", "b1", True),
        ("udp", "cluster", "b1", True),
    ]
    for forward in forwards:
        assert (forward["outside"], forward["outside_port"]) == ("192.168.10.5", 9000)
        assert (forward["inside"], forward["inside_port"]) == ("192.168.23.45", 80)
        allowed = {network for name in forward["sources"] for network in plan["sets"][name]["ipv4"]}
        assert {A1, A2} <= allowed <= {A1, A2, B1, HAIRPIN}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("caller", "target", "expected"),
    [
        ("a1", "a2", ("192.168.10.12:7946", (A1,), 7946, "local")),
        ("a1", "b1", ("192.168.10.5:9000", (A1,), 80, "nat")),
        ("b1", "a1", ("192.168.10.11:7946", (B1_OUTSIDE,), 7946, "nat")),
    ],
)
def test_paths_of_the_cluster(plan, caller, target, protocol, expected):
    assert find_first_path(plan, caller, target, "cluster", protocol) == expected


def test_source_that_a_hairpin_shows():
    # The inventory of the text lacks the router's inside address, the example has it.
    assert find_first_path(from_text(), "b1", "b1", "cluster") == ("192.168.10.5:9000", (B1,), 80, "hairpin")
    assert find_first_path(from_example(), "b1", "b1", "cluster") == ("192.168.10.5:9000", (HAIRPIN,), 80, "hairpin")

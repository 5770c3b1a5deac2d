# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The translations of NAT devices that are hosts of the inventory, as the plan has them."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_host
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    compile_fleet,
    find_only_error,
    list_warnings,
    plan_fleet,
)

NODE = {"kong_version": "3.9", "kong_site": "b", "kong_address": "10.1.0.2", "kong_admin_listen": "0.0.0.0:8001"}
ROUTER = {"router": {"kong_address": "192.168.23.254"}}
MAPPING = {
    "device": "router",
    "outside": "192.168.10.5",
    "outside_port": 9000,
    "inside_port": 80,
    "hairpin_source": "192.168.23.254",
}
SEED = {**SEED_NODES, "b1": {**SEED_NODES["b1"], "kong_nat": [MAPPING]}}


def plan_gateways(*nodes, others=None):
    nodes = {f"n{number}": {**NODE, **node} for number, node in enumerate(nodes)}
    return plan_fleet(nodes, others or ROUTER).get("gateways", {})


def make_mapping(outside, port, **more):
    return {"device": "router", "outside": outside, "outside_port": port, "inside_port": 8001, **more}


def test_the_worked_example():
    """The values of the design: section 4."""
    forward = {
        "outside": "192.168.10.5",
        "outside_port": 9000,
        "inside": "192.168.23.45",
        "inside_port": 80,
        "listener": "cluster",
        "nodes": ["b1"],
        "sources": ["peers-default-from-branch"],
        "hairpin": {"callers": ["192.168.23.45/32"], "source": "192.168.23.254"},
    }
    gateways = plan_fleet(SEED, {**SEED_OTHERS, **ROUTER})["gateways"]
    assert gateways == {
        "router": {
            "forwards": [{"protocol": protocol, **forward} for protocol in ("tcp", "udp")],
            "egress": [{"inside": "192.168.23.45", "outside": "192.168.10.5"}],
            "shared_addresses": [],
            "outside_interfaces": {},
        }
    }


def test_gateways_that_share_an_outside_address_have_the_same_part():
    nodes = {**SEED, "b1": {**SEED["b1"], "kong_nat": [{**MAPPING, "device": ["router", "spare"]}]}}
    plan = plan_fleet(nodes, {**SEED_OTHERS, **ROUTER, "spare": {}})
    alone = plan_fleet(SEED, {**SEED_OTHERS, **ROUTER})["gateways"]["router"]
    both = {**alone, "shared_addresses": ["192.168.10.5"]}
    assert plan["gateways"] == {"router": both, "spare": both}
    assert [(forward["device"], forward["protocol"]) for forward in plan["nat_forwards"]] == [
        ("router", "tcp"),
        ("spare", "tcp"),
        ("router", "udp"),
        ("spare", "udp"),
    ]
    assert plan["sets"] == plan_fleet(SEED, {**SEED_OTHERS, **ROUTER})["sets"]


def test_a_gateway_may_share_its_address_with_a_device_outside_the_inventory():
    nodes = {**SEED, "b1": {**SEED["b1"], "kong_nat": [{**MAPPING, "device": ["elsewhere", "router"]}]}}
    gateways = plan_fleet(nodes, {**SEED_OTHERS, **ROUTER})["gateways"]
    assert {name: gateway["shared_addresses"] for name, gateway in gateways.items()} == {"router": ["192.168.10.5"]}


def test_an_outside_address_that_may_change_has_its_interface():
    nodes = {**SEED, "b1": {**SEED["b1"], "kong_nat": [{**MAPPING, "outside_interface": "wan0"}]}}
    plan = plan_fleet(nodes, {**SEED_OTHERS, **ROUTER})
    alone = plan_fleet(SEED, {**SEED_OTHERS, **ROUTER})
    assert plan["gateways"]["router"] == {
        **alone["gateways"]["router"],
        "outside_interfaces": {"192.168.10.5": "wan0"},
    }
    assert plan["nodes"]["b1"]["nat"] == [{**alone["nodes"]["b1"]["nat"][0], "outside_interface": "wan0"}]


def test_a_mapping_to_the_own_address_is_a_forward_without_nat():
    node = {
        **NODE,
        "kong_address": ["10.1.0.2", "2001:db8::2"],
        "kong_admin_listen": "[::]:8001",
        "kong_admin_sources": ["ops"],
    }
    node["kong_nat"] = [{"device": "router", "outside": "2001:db8::2"}]
    ops = {"ops": {"kong_site": "a", "kong_address": ["192.0.2.7", "2001:db8:2::7"]}}
    plan = plan_fleet({"n": node}, {**ops, **ROUTER})
    gateway = plan["gateways"]["router"]
    (admin,) = (forward for forward in gateway["forwards"] if forward["listener"] == "admin")
    assert (admin["outside"], admin["outside_port"]) == (admin["inside"], admin["inside_port"]) == ("2001:db8::2", 8001)
    assert [plan["sets"][name]["ipv6"] for name in admin["sources"]] == [["2001:db8:2::7/128"]]
    assert gateway["egress"] == []


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        (
            make_mapping("203.0.113.2", 81, outside_interface="wan1"),
            "203.0.113.2 is on wan0 of router in another mapping",
        ),
        (
            make_mapping("203.0.113.3", 81, outside_interface="wan0"),
            "wan0 of router has the outside address 203.0.113.2 in another mapping",
        ),
        (make_mapping("203.0.113.2", 81, device=["router", "spare"]), "router shares 203.0.113.2 with another device"),
        (make_mapping("203.0.113.3", 81, outside_interface="wan0", device="other"), None),
        (make_mapping("203.0.113.2", 81), None),
        (make_mapping("2001:db8::2", 81, outside_interface="wan0"), None),
    ],
)
def test_an_interface_has_one_outside_address_of_each_family(mapping, reason):
    first = make_mapping("203.0.113.2", 80, outside_interface="wan0")
    node = {**NODE, "kong_address": ["10.1.0.2", "fd00::2"], "kong_nat": [first, mapping]}
    findings = compile_fleet({"n": node}, {**ROUTER, "other": {}, "spare": {}}).findings
    found = [finding.message for finding in findings if finding.code == "gateway-interface"]
    assert len(found) == (reason is not None)
    assert all(f"outside_interface is wan0, but {reason}" in message or reason in message for message in found)


def test_the_part_of_a_gateway_has_its_sets():
    plan = plan_fleet(SEED, {**SEED_OTHERS, **ROUTER})
    gateway = select_host(plan, "router")["gateway"]
    assert gateway["sets"]["peers-default-from-branch"]["ipv4"] == [
        "192.168.10.11/32",
        "192.168.10.12/32",
        "192.168.23.254/32",
    ]
    assert [*gateway] == ["forwards", "egress", "shared_addresses", "outside_interfaces", "sets"]
    assert gateway["forwards"] == [
        {key: value for key, value in forward.items() if key != "nodes"}
        for forward in plan["gateways"]["router"]["forwards"]
    ]


@pytest.mark.parametrize("device", ["elsewhere", "192.168.10.5", "b1"])
def test_no_other_device_is_a_gateway(device):
    """Neither a host outside the inventory, nor a host with the outside address as name, nor the node itself."""
    nodes = {**SEED, "b1": {**SEED["b1"], "kong_nat": [{**MAPPING, "device": device}]}}
    plan = plan_fleet(nodes, {**SEED_OTHERS, **ROUTER, "192.168.10.5": {}})
    assert "gateways" not in plan
    assert {forward["device"] for forward in plan["nat_forwards"]} == {device}


def test_hosts_of_the_nodes_own_site_dial_the_outside_address_too():
    nodes = {**SEED, "b2": {**SEED["a1"], "kong_site": "branch", "kong_address": "192.168.23.46"}}
    nodes["b2"]["kong_nat"] = [{**MAPPING, "outside_port": 9001, "inside_port": 7946}]
    gateway = plan_fleet(nodes, {**SEED_OTHERS, **ROUTER})["gateways"]["router"]
    callers = ["192.168.23.45/32", "192.168.23.46/32"]
    assert [forward["hairpin"]["callers"] for forward in gateway["forwards"]] == [callers] * 4


def test_a_hairpin_needs_a_source():
    nodes = {**SEED, "b1": {**SEED["b1"], "kong_nat": [{**MAPPING, "hairpin_source": None}]}}
    error = find_only_error(nodes, {**SEED_OTHERS, **ROUTER})
    assert (error.code, error.host, error.variable) == ("gateway-hairpin", "b1", "kong_nat")
    assert "dial 192.168.10.5:9000 (hairpin)" in error.message


def test_gateways_and_forwards_are_in_natural_order():
    forwards = [make_mapping("203.0.113.10", 90), make_mapping("203.0.113.2", 9000), make_mapping("203.0.113.2", 90)]
    nodes = [{"kong_nat": [forward], "kong_address": f"10.1.0.{9 + number}"} for number, forward in enumerate(forwards)]
    nodes.append({"kong_nat": [{**make_mapping("203.0.113.3", 1), "device": "router10"}], "kong_address": "10.1.0.20"})
    nodes = [{**node, "kong_admin_sources": ["192.0.2.1"]} for node in nodes]
    gateways = plan_gateways(*nodes, others={"router10": {}, **ROUTER})
    assert [*gateways] == ["router", "router10"]
    places = [(forward["outside"], forward["outside_port"]) for forward in gateways["router"]["forwards"]]
    assert places == [("203.0.113.2", 90), ("203.0.113.2", 9000), ("203.0.113.10", 90)]
    assert [entry["inside"] for entry in gateways["router"]["egress"]] == ["10.1.0.9", "10.1.0.10", "10.1.0.11"]


def test_nodes_that_share_a_virtual_address_share_its_forward():
    shared = {"kong_virtual_addresses": ["10.1.0.9"], "kong_nat": [make_mapping("203.0.113.2", 80, inside="10.1.0.9")]}
    gateways = plan_gateways(
        {**shared, "kong_admin_sources": ["192.0.2.10"]},
        {**shared, "kong_address": "10.1.0.3", "kong_admin_sources": ["192.0.2.20"]},
    )
    (forward,) = gateways["router"]["forwards"]
    assert (forward["inside"], forward["nodes"], len(forward["sources"])) == ("10.1.0.9", ["n0", "n1"], 2)


def test_a_forward_for_any_source_has_no_set():
    node = {"kong_nat": [{"device": "router", "outside": "203.0.113.2", "outside_port": 80, "inside_port": 8000}]}
    (forward,) = plan_gateways(node)["router"]["forwards"]
    assert (forward["sources"], forward["hairpin"]) == ("any", None)


TWO = [make_mapping("203.0.113.2", 80), make_mapping("203.0.113.3", 80)]
ON_TWO_DEVICES = [TWO[0], {**TWO[1], "device": "other"}]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"kong_nat": TWO[:1]}, "203.0.113.2"),
        ({"kong_nat": TWO, "kong_nat_egress": "203.0.113.3"}, "203.0.113.3"),
        ({"kong_nat": ON_TWO_DEVICES, "kong_nat_egress": "203.0.113.2"}, "203.0.113.2"),
        ({"kong_nat": ON_TWO_DEVICES, "kong_nat_egress": "203.0.113.3"}, None),  # the other device is no gateway
        ({"kong_nat": TWO}, "gateway-egress"),
        ({"kong_nat": TWO[:1], "kong_nat_egress": "203.0.113.9"}, "gateway-egress"),
        ({"kong_nat": TWO[:1], "kong_nat_egress": "203.0.113.0/24"}, "gateway-egress"),
    ],
)
def test_the_source_at_other_sites_is_the_outside_address_of_one_mapping(variables, expected):
    plan = plan_fleet({"n": {**NODE, "kong_admin_sources": ["192.0.2.1"], **variables}}, ROUTER)
    found = [entry["outside"] for entry in plan["gateways"]["router"]["egress"]]
    warned = [finding["code"] for finding in list_warnings(plan, "gateway-egress")]
    assert [*found, *warned] == ([expected] if expected else [])


def test_a_host_that_is_only_a_source_has_its_egress():
    ops = {"kong_site": "b", "kong_address": "10.1.0.5", "kong_nat": [{"device": "router", "outside": "203.0.113.2"}]}
    node = {**NODE, "kong_site": "a", "kong_address": "203.0.113.7", "kong_admin_sources": ["ops"]}
    compilation = compile_fleet({"n": node}, {"ops": ops, **ROUTER})
    assert compilation.plan["gateways"] == {
        "router": {
            "forwards": [],
            "egress": [{"inside": "10.1.0.5", "outside": "203.0.113.2"}],
            "shared_addresses": [],
            "outside_interfaces": {},
        }
    }


def test_a_network_device_is_no_gateway():
    """Modules of other collections configure it."""
    device = {"router": {"ansible_network_os": "vyos.vyos.vyos"}}
    assert "gateways" not in plan_fleet(SEED, {**SEED_OTHERS, **device})

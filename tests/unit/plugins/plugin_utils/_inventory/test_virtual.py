# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual addresses: bind addresses, rules, paths and sources of nodes that may hold an address."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import read_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables, Names
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Callers, list_ports
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    compile_fleet,
    find_first_path,
    find_only_error,
    get_settings,
    get_sources,
    list_findings,
    list_rules,
    make_inventory,
    plan_fleet,
)

VIRTUAL = "10.9.0.100"
PAIR = {
    "kong_version": "3.4",
    "kong_proxy_listen": f"{VIRTUAL}:80, {VIRTUAL}:443 ssl",
    "kong_admin_gui_listen": "off",
    "kong_virtual_addresses": [VIRTUAL],
}
ACTIVE = {"default_ipv4": {"address": "10.9.0.5"}, "all_ipv4_addresses": ["10.9.0.5", VIRTUAL]}
STANDBY = {"default_ipv4": {"address": "10.9.0.6"}, "all_ipv4_addresses": ["10.9.0.6"]}
CLIENT = {"client": {"kong_address": "10.9.0.50"}}


def make_pair(**variables):
    return {
        "a": {**PAIR, **variables, "ansible_facts": ACTIVE},
        "b": {**PAIR, **variables, "ansible_facts": STANDBY},
    }


def test_both_nodes_bind_the_address_that_one_of_them_holds():
    plan = plan_fleet(make_pair(kong_proxy_sources=["client"]), CLIENT)
    for node in ("a", "b"):
        assert get_settings(plan, node)["proxy_listen"] == PAIR["kong_proxy_listen"]
        assert plan["nodes"][node]["virtual_addresses"] == [VIRTUAL]
        rules = {rule["port"]: rule for rule in list_rules(plan, node) if rule["listener"] == "proxy"}
        assert {port: (rule["address"], rule["sources"]) for port, rule in rules.items()} == {
            80: (VIRTUAL, ["10.9.0.50/32"]),
            443: (VIRTUAL, ["10.9.0.50/32"]),
        }
        assert find_first_path(plan, "client", node, "proxy") == (f"{VIRTUAL}:80", ("10.9.0.50/32",), 80, "local")


def test_the_plan_does_not_depend_on_the_holder():
    moved = make_pair()
    moved["a"]["ansible_facts"] = {**ACTIVE, "all_ipv4_addresses": ["10.9.0.5"]}
    moved["b"]["ansible_facts"] = {**STANDBY, "all_ipv4_addresses": ["10.9.0.6", VIRTUAL]}
    assert plan_fleet(moved) == plan_fleet(make_pair())


def test_a_note_names_the_sysctl_of_each_family():
    both = make_pair(
        kong_virtual_addresses=[VIRTUAL, "2001:db8::100"], kong_proxy_listen=f"{VIRTUAL}:80, [2001:db8::100]:80"
    )
    notes = [finding for finding in list_findings(plan_fleet(both)) if finding["code"] == "virtual-address-bind"]
    assert {
        (note["host"], note["value"], note["message"].partition("sysctl ")[2].partition(";")[0]) for note in notes
    } == {
        (host, address, f"net.ipv{family}.ip_nonlocal_bind=1")
        for host in ("a", "b")
        for address, family in ((VIRTUAL, 4), ("2001:db8::100", 6))
    }


def test_note_for_an_entry_beside_a_wildcard_of_another_port_or_with_its_own_socket():
    for text in (f"0.0.0.0:81, {VIRTUAL}:80", f"0.0.0.0:80 reuseport, {VIRTUAL}:80 reuseport"):
        found = list_findings(plan_fleet(make_pair(kong_proxy_listen=text)))
        assert {finding["host"] for finding in found if finding["code"] == "virtual-address-bind"} == {"a", "b"}


def test_no_note_for_a_wildcard_or_a_transparent_listener():
    old = {"kong_version": "1.5", "kong_proxy_listen": f"{VIRTUAL}:80 transparent", "kong_admin_gui_listen": None}
    shared = {"kong_proxy_listen": f"0.0.0.0:80, {VIRTUAL}:80"}
    for variables in ({"kong_proxy_listen": "0.0.0.0:80"}, old, shared):
        assert [
            finding
            for finding in list_findings(plan_fleet(make_pair(**variables)))
            if finding["code"] == "virtual-address-bind"
        ] == []


def test_a_published_port_may_be_at_a_virtual_address():
    published = {"kong_proxy_listen": "0.0.0.0:8000", "kong_published_ports": [f"{VIRTUAL}:80:8000"]}
    plan = plan_fleet(make_pair(**published))
    assert find_first_path(plan, "a", "b", "proxy")[0] == f"{VIRTUAL}:80"
    assert {finding["variable"] for finding in list_findings(plan) if finding["code"] == "virtual-address-bind"} == {
        "kong_published_ports"
    }


def test_the_error_without_the_variable_names_it():
    error = compile_fleet(make_pair(kong_virtual_addresses=None)).errors[0]
    assert (error.code, error.host) == ("bind-not-on-host", "b")
    assert "add it to kong_virtual_addresses" in error.message


BAD = {
    "no address": ({"kong_virtual_addresses": "10.9.0.100/24"}, "address-invalid"),
    "loopback": ({"kong_virtual_addresses": ["127.0.0.1"]}, "address-invalid"),
    "an own address": ({"kong_virtual_addresses": ["10.9.0.5"], "kong_address": "10.9.0.5"}, "address-invalid"),
    "an address on the VPN": (
        {"kong_virtual_addresses": ["10.8.0.5"], "kong_address": "10.9.0.5", "kong_vpn_address": "10.8.0.5"},
        "address-invalid",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_invalid_values(case):
    variables, code = BAD[case]
    error = find_only_error({"n": {"kong_proxy_listen": "0.0.0.0:80", "kong_address": "10.9.0.5", **variables}})
    assert (error.code, error.variable) == (code, "kong_virtual_addresses")


def test_an_own_address_of_another_node_is_no_virtual_address():
    nodes = {
        "a": {"kong_address": "10.9.0.5"},
        "b": {"kong_address": "10.9.0.6", "kong_virtual_addresses": ["10.9.0.5"]},
    }
    error = find_only_error(nodes)
    assert (error.code, error.host, error.variable) == ("address-duplicate", "b", "kong_virtual_addresses")
    nodes["a"]["kong_site"] = "elsewhere"
    plan_fleet(nodes)


def test_a_wildcard_listener_allows_the_source_at_the_virtual_address():
    """The client has an address in the network of the node, and another in the network of the virtual address."""
    facts = {
        "default_ipv4": {"address": "10.30.0.50"},
        "all_ipv4_addresses": ["10.30.0.50", "10.9.0.50"],
        "interfaces": ["eth0", "eth1"],
        "eth0": {"ipv4": {"address": "10.30.0.50", "prefix": "24"}},
        "eth1": {"ipv4": {"address": "10.9.0.50", "prefix": "24"}},
    }
    node = {"kong_address": "10.30.0.1", "kong_proxy_sources": ["client"], "kong_virtual_addresses": [VIRTUAL]}
    client = {"client": {"ansible_facts": facts}}
    both = ["10.9.0.50/32", "10.30.0.50/32"]
    assert get_sources(plan_fleet({"n": node}, client), "n", "proxy", port=8000) == both
    only_own = {**node, "kong_proxy_listen": "10.30.0.1:8000"}
    assert get_sources(plan_fleet({"n": only_own}, client), "n", "proxy") == ["10.30.0.50/32"]
    only_virtual = {**node, "kong_proxy_listen": f"{VIRTUAL}:8000"}
    assert get_sources(plan_fleet({"n": only_virtual}, client), "n", "proxy") == ["10.9.0.50/32"]


def test_data_planes_dial_the_virtual_address_of_their_control_planes():
    control = {"kong_version": "3.4", "kong_role": "control_plane", "kong_virtual_addresses": [VIRTUAL]}
    nodes = {
        "c1": {**control, "kong_address": "10.9.0.5", "kong_cluster_listen": f"{VIRTUAL}:8005"},
        "c2": {**control, "kong_address": "10.9.0.6", "kong_cluster_listen": f"{VIRTUAL}:8005"},
        "d": {"kong_version": "3.4", "kong_role": "data_plane", "kong_address": "10.9.0.20"},
    }
    plan = plan_fleet(nodes)
    assert get_settings(plan, "d")["cluster_control_plane"] == f"{VIRTUAL}:8005"
    assert get_sources(plan, "c1", "cluster") == get_sources(plan, "c2", "cluster") == ["10.9.0.20/32"]
    nodes["d"]["kong_cluster_control_plane"] = "kong.example.com:8005"
    assert get_settings(plan_fleet(nodes), "d")["cluster_control_plane"] == "kong.example.com:8005"


def test_virtual_addresses_from_facts_are_bounded():
    variables = {
        "kong_address": "10.9.0.5",
        "kong_address_networks": ["10.9.0.0/24"],
        "kong_virtual_addresses": ["192.0.2.7"],
    }
    known = make_inventory({"n": variables})
    host = HostVariables("n", variables, lambda _host: {**variables, "kong_virtual_addresses": None})
    read_node(host, Names.read(known))
    assert [(finding.code, finding.variable) for finding in host.findings] == [
        ("address-outside-networks", "kong_virtual_addresses")
    ]


OUTSIDE = {"outside": "203.0.113.7", "outside_port": 443, "inside": VIRTUAL, "inside_port": 443}
REMOTE = {"client": {"kong_site": "remote", "kong_address": "198.51.100.9"}}


@pytest.mark.parametrize("listen", [f"{VIRTUAL}:443 ssl", "0.0.0.0:443 ssl"])
def test_a_mapping_to_a_virtual_address_is_shared(listen):
    plan = plan_fleet(make_pair(kong_nat=[OUTSIDE], kong_proxy_listen=listen, kong_proxy_sources=["client"]), REMOTE)
    assert {find_first_path(plan, "client", node, "proxy")[0] for node in ("a", "b")} == {"203.0.113.7:443"}
    forwards = {(forward["inside"], forward["inside_port"]) for forward in plan["nat_forwards"]}
    assert forwards == {(VIRTUAL, 443)}


CONFLICTS = {
    "no shared address": ({"inside": None}, "nat-conflict"),
    "another port inside": ({"inside_port": 80}, "nat-conflict"),
    "an address of another host": ({"inside": "10.9.0.9"}, "nat-invalid"),
    "another family": ({"outside": "2001:db8::7"}, "nat-invalid"),
}


@pytest.mark.parametrize("case", CONFLICTS)
def test_a_mapping_that_cannot_be_shared(case):
    changed, code = CONFLICTS[case]
    nodes = make_pair(kong_nat=[OUTSIDE])
    nodes["b"]["kong_nat"] = [{**OUTSIDE, **changed}]
    assert compile_fleet(nodes).errors[0].code == code


def test_nodes_of_different_sites_do_not_share_a_mapping():
    nodes = make_pair(kong_nat=[OUTSIDE])
    nodes["b"]["kong_site"] = "elsewhere"
    assert compile_fleet(nodes).errors[0].code == "nat-conflict"


def test_the_report_shows_any_client_at_the_virtual_address():
    plan = plan_fleet(make_pair(kong_proxy_listen=f"{VIRTUAL}:80"))
    (proxy,) = (port for port in list_ports(plan, get_node(plan, "b"), Callers([])) if port.listener == "proxy")
    assert [str(dialled) for flow in proxy.flows for dialled in flow.dialled] == [f"{VIRTUAL}:80"]


def test_no_node_intercepts_ports_at_a_virtual_address():
    gateway = {
        "kong_address": "10.20.0.1",
        "kong_transparent": [{"destinations": [VIRTUAL], "ports": [8001], "listen_port": 8000}],
    }
    node = {"kong_address": "10.9.0.5", "kong_admin_listen": "0.0.0.0:8001", "kong_virtual_addresses": [VIRTUAL]}
    error = find_only_error({"gateway": gateway, "node": node})
    assert error.code == "interception-protected"

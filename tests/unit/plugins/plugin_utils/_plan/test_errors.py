# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error of DESIGN, section 5, names host, variable, value and fix. All errors are reported together."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan, list_fixed_errors
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    compile_fleet,
    find_only_error,
    list_warnings,
    plan_fleet,
    read_text,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.refusals import NEW, REFUSALS
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.values import (
    FROM_FACTS,
    UNDEFINED,
    Templates,
    make_inventory,
)


@pytest.mark.parametrize("case", REFUSALS)
def test_refused(case):
    refusal = REFUSALS[case]
    error = find_only_error(refusal.nodes)
    assert (error.severity, error.code, error.host) == ("error", refusal.code, "n")
    assert (error.variable, error.value) == (refusal.variable, refusal.value)
    shown = [repr(refusal.value)] if refusal.value else []
    for part in [f"n: {refusal.variable}", *shown, *refusal.says]:
        assert part in read_text(error)


def test_all_errors_are_reported_together():
    found = compile_fleet({name: {"kong_address": "10.0.0.300", "kong_version": "9"} for name in "ab"}).errors
    assert [(error.host, error.variable) for error in found] == [(host, "kong_version") for host in "ab"]
    found = compile_fleet({"n": {**NEW, "kong_role": "boss", "kong_site": "", "kong_admin_sources": 3}}).errors
    assert [error.code for error in found] == ["source-unknown", "role-unknown", "variable-invalid"]


def test_errors_precede_warnings():
    nodes = {"n": {**NEW, "kong_admin_listn": "x", "kong_role": "boss"}}
    assert [finding.severity for finding in compile_fleet(nodes).findings] == ["error", "warning"]


@pytest.mark.parametrize(
    ("groups", "part"),
    [({"kong": []}, "no hosts"), ({"all": [], "web": ["w"]}, "groups with hosts: web"), ({}, "none")],
)
def test_no_nodes(groups, part):
    (error,) = compile_plan(PlainInventory(groups, {}), "kong").errors
    assert (error.code, error.variable, error.value) == ("no-nodes", "kong_group", "kong")
    assert part in read_text(error)
    assert "set kong_group" in error.message


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("kong_version", "0.5", "version-unknown"),
        ("kong_version", 0.1, "version-unquoted"),
        ("kong_role", "controller", "role-unknown"),
        ("kong_site", ["a"], "variable-invalid"),
        ("kong_cluster", " ", "variable-invalid"),
        ("kong_flat_network", "yes", "variable-invalid"),
        ("kong_verify_outsiders", ["nobody"], "source-unknown"),
        ("kong_verify_outsiders", "@none", "source-unknown"),
    ],
)
def test_variables_of_the_wrong_type(name, value, code):
    error = find_only_error({"n": {**NEW, name: value}})
    shown = value[0] if name == "kong_verify_outsiders" and isinstance(value, list) else value
    assert (error.code, error.host, error.variable, error.value) == (code, "n", name, shown)
    assert f"n: {name}: {shown!r}: " in error.message


def test_warning_about_a_misspelt_variable():
    plan = plan_fleet(
        {"n": {**NEW, "kong_adress": "x", "kong_firewall_backnd": "x", "kong_database": "off", "kongaddress": "x"}}
    )
    address, backend = list_warnings(plan)
    assert (address["code"], address["variable"]) == ("variable-unknown", "kong_adress")
    assert "did you mean kong_address?" in address["message"]
    assert "did you mean kong_firewall_backend?" in backend["message"]


@pytest.mark.parametrize(
    "name",
    ["kong_proxy_sources", "kong_admin_gui_sources", "kong_address", "kong_address_query", "kong_address_networks"],
)
def test_variable_that_cannot_be_computed(name):
    given = {key: value for key, value in NEW.items() if key != "kong_address" or "_address" not in name}
    inventory = PlainInventory({"kong": ["n"]}, {"n": Templates({**given, name: UNDEFINED})})
    (error,) = compile_plan(inventory, "kong").errors
    assert (error.code, error.host, error.variable) == ("variable-undefined", "n", name)
    assert f"n: {name}: its value cannot be computed; correct the template: 'not_defined' is undefined" in error.message


def test_error_of_a_node_causes_no_other_errors():
    nodes = {
        "c": {"kong_version": "9.9", "kong_address": "10.0.0.1", "kong_role": "control_plane"},
        "d": {**NEW, "kong_role": "data_plane", "kong_proxy_sources": "control_planes"},
    }
    assert [(error.host, error.code) for error in compile_fleet(nodes).errors] == [("c", "version-unknown")]


# Wrong values of a variable, and other variables, that the plan refuses whatever facts the nodes have.
FIXED = {
    "version": {"kong_version": "9"},
    "role": {"kong_role": "boss"},
    "kind": {"kong_site": ["a"]},
    "undefined": {"kong_admin_sources": UNDEFINED},
    "address": {"kong_address": "10.0.0.300"},
    "networks": {"kong_address_networks": ["10.0.0.0/33"]},
    "VPN": {"kong_vpn_address": "10.8.0.0/24"},
    "egress": {"kong_nat_egress": ["0.0.0.0/0"]},
    "virtual address": {"kong_virtual_addresses": ["10.0.0.1/24"]},
    "mapping": {"kong_nat": [{"outside": "nowhere"}]},
    "mapping after facts": {"kong_site": FROM_FACTS, "kong_nat": [{"outside": "nowhere"}]},
    "query": {"kong_address_query": "foo[["},
    "listen": {"kong_proxy_listen": "0.0.0.0:80000"},
    "config": {"kong_config": {"proxy_listen": "0.0.0.0:8000"}},
    "sources": {"kong_proxy_sources": ["bastion"]},
    "sources of a closed port": {"kong_admin_sources": ["bastion"]},
    "sources of a published port": {"kong_published_ports": ["80:8000"], "kong_proxy_sources": ["bastion"]},
    "any source": {"kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": "any"},
    "published port": {"kong_published_ports": ["80:9999"]},
    "intercept rule": {"kong_transparent": [{"destinations": "any", "ports": [80], "listen_port": 99}]},
    "outsider": {"kong_verify_outsiders": ["bastion"]},
    "expected source": {"kong_staged_expected": ["bastion"]},
    "variable of the run": {"kong_listen_serial": "many"},
    "target": {"kong_listen_target": "toml"},
    "control plane": {"kong_cluster_control_plane": "cp1"},
}


@pytest.mark.parametrize("case", FIXED)
def test_wrong_values_are_found_before_facts_are_gathered(case):
    found = list_fixed_errors(make_inventory({f"n{number}": FIXED[case] for number in range(1, 3)}), "kong")
    assert list(dict.fromkeys(error.host for error in found)) == ["n1", "n2"]
    assert {error.variable for error in found} <= {*FIXED[case]}


# Facts may show that the host has the bind address, or give it an address.
NEED_FACTS = ["bind_address", "unknown_address"]


@pytest.mark.parametrize("case", REFUSALS)
def test_nodes_with_known_addresses_are_refused_before_facts_are_gathered(case):
    inventory = make_inventory(REFUSALS[case].nodes)
    expected = () if case in NEED_FACTS else compile_plan(inventory, "kong").errors
    assert list_fixed_errors(inventory, "kong") == expected


def test_nodes_with_known_addresses_are_compared_even_if_others_need_facts():
    nodes = {"n1": {}, **{f"n{number}": {"kong_address": "10.0.0.1"} for number in (2, 3)}}
    (error,) = list_fixed_errors(make_inventory(nodes), "kong")
    assert (error.host, error.code) == ("n3", "address-duplicate")
    assert "n2 of the same site has the same address" in error.message


@pytest.mark.parametrize(
    "variables",
    [
        {"kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": "control_planes"},
        {"kong_role": "data_plane"},
        {"kong_version": "0.10", "kong_site": "a"},
    ],
)
def test_errors_that_depend_on_every_node_are_not_found_if_one_needs_facts(variables):
    nodes = {name: {**variables, "kong_address": address} for name, address in (("n1", "10.0.0.1"), ("n2", "10.0.0.2"))}
    if "kong_site" in variables:
        nodes["n2"]["kong_site"] = "b"
    assert list_fixed_errors(make_inventory(nodes), "kong")
    assert not list_fixed_errors(make_inventory({**nodes, "n3": {}}), "kong")


@pytest.mark.parametrize(
    ("connection", "is_found"),
    [
        ({}, True),
        ({"ansible_port": 2222}, False),
        ({"ansible_host": "10.0.0.1"}, True),
        ({"ansible_host": "10.0.0.9"}, False),
        ({"ansible_connection": "local"}, False),
    ],
)
def test_port_of_ssh_before_facts_are_gathered(connection, is_found):
    nodes = {"n": {"kong_address": "10.0.0.1", "kong_proxy_listen": "0.0.0.0:22", **connection}}
    found = list_fixed_errors(make_inventory(nodes), "kong")
    assert [error.code for error in found] == ["ssh-port-taken"] * is_found


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"kong_site": FROM_FACTS},
        {"kong_address_networks": ["10.0.0.0/8"]},
        {"kong_address_query": "ansible_facts.default_ipv4.address"},
        {"kong_nat_query": "ansible_facts.wan"},
        {"kong_proxy_listen": "192.0.2.9:8000"},
        {"kong_nat": [{"outside": "192.0.2.1", "inside": "10.0.0.1"}]},
        {
            "kong_address": "10.0.0.1",
            "kong_version": "1.5",
            "kong_transparent": [{"destinations": ["10.0.0.2"], "ports": [80], "listen_port": 8000}],
        },
    ],
)
def test_facts_may_correct_these_nodes(variables):
    assert not list_fixed_errors(make_inventory({"n": variables}), "kong")


def test_nodes_with_different_values_of_a_run_are_found_before_facts_are_gathered():
    nodes = {"a": {"kong_plan_file": "/a"}, "n": {"kong_plan_file": "/b"}}
    (error,) = list_fixed_errors(make_inventory(nodes), "kong")
    assert (error.code, error.host) == ("run-variable-differs", "n")
    nodes["a"] = {"kong_plan_file": FROM_FACTS}
    assert not list_fixed_errors(make_inventory(nodes), "kong")
    assert not list_fixed_errors(PlainInventory({}, {}), "kong")


PEERS = {
    name: {
        "kong_version": "0.10",
        "kong_site": name,
        "kong_address": address,
        "kong_admin_listen": "0.0.0.0:8001",
        "kong_admin_sources": ["ops"],
    }
    for name, address in (("a", "10.0.0.1"), ("b", "10.1.0.1"))
}
OPS = {"kong_site": "office", "kong_address": "10.9.0.1", "kong_nat_egress": "192.168.0.9"}


def test_remedies_before_facts_are_gathered_consider_hosts_that_are_no_nodes():
    """The host ops leaves its NAT to the private addresses of the nodes, so that they must not get a mapping of their own."""
    inventory = make_inventory(PEERS, {"ops": OPS})
    found = list_fixed_errors(inventory, "kong")
    assert found == compile_plan(inventory, "kong").errors
    assert {error.code for error in found} == {"no-path"}
    assert not any("kong_nat" in error.message for error in found)
    assert any("kong_nat" in error.message for error in list_fixed_errors(make_inventory(PEERS, {"ops": {}}), "kong"))


def test_remedies_that_need_facts_of_hosts_that_are_no_nodes_are_not_given_before():
    ops = {**OPS, "kong_address": FROM_FACTS}
    assert not list_fixed_errors(make_inventory(PEERS, {"ops": ops}), "kong")

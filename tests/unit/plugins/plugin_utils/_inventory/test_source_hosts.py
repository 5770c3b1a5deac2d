# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that only source terms name: hosts whose facts are gathered, and hosts that do not answer."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.source_hosts import find_source_hosts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    find_only_error,
    get_sources,
    make_inventory,
    plan_fleet,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.values import UNDEFINED, TemplatedInventory

FACTS = {"ansible_facts": {"all_ipv4_addresses": ["10.0.0.9"]}}
NODE = {"kong_address": "10.0.0.1"}

# Variables of the node, variables of the other hosts, and the hosts whose facts are gathered.
CASES = {
    "a host": ({"kong_admin_sources": ["bastion"]}, {"bastion": {}}, ["bastion"]),
    "a single term": ({"kong_status_sources": "prometheus"}, {"prometheus": {}}, ["prometheus"]),
    "a group": ({"kong_proxy_sources": ["@others"]}, {"x": {}, "y": {}}, ["x", "y"]),
    "terms by port": ({"kong_stream_sources": {9000: ["x"], 9001: "y"}}, {"x": {}, "y": {}, "z": {}}, ["x", "y"]),
    "a port without terms": ({"kong_stream_sources": {9000: None, 9001: "y"}}, {"x": {}, "y": {}}, ["y"]),
    "outsiders": ({"kong_verify_outsiders": ["x"]}, {"x": {}, "y": {}}, ["x"]),
    "a host that no term names": ({}, {"bastion": {}}, []),
    "a node": ({"kong_admin_sources": ["n", "@kong"]}, {"bastion": {}}, []),
    "kong_address": ({"kong_admin_sources": ["bastion"]}, {"bastion": {"kong_address": "10.0.0.9"}}, []),
    "cached facts": ({"kong_admin_sources": ["bastion"]}, {"bastion": FACTS}, ["bastion"]),
    "an unknown term": ({"kong_admin_sources": ["bastoin", "10.0.0.9", "@none", 7]}, {"bastion": {}}, []),
    "no other host": ({"kong_admin_sources": ["n"]}, {}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_hosts_whose_address_is_in_facts(case):
    node, others, expected = CASES[case]
    known = make_inventory({"n": {**NODE, **node}}, others, {"others": list(others)})
    assert find_source_hosts(known, "kong") == expected


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ({"kong_nat_egress": UNDEFINED}, ["bastion"]),
        ({"kong_vpn_address": UNDEFINED}, ["bastion"]),
        ({"kong_address": UNDEFINED, **FACTS}, ["bastion"]),
        ({"kong_nat": None, "kong_nat_query": "[{outside: ansible_facts.wan}]"}, ["bastion"]),
        ({"kong_nat_egress": "203.0.113.7", **FACTS}, []),
    ],
)
def test_facts_of_a_host_whose_variables_need_facts(variable, expected):
    """A template that names a fact cannot be computed without facts, as with an undefined variable."""
    hosts = {"n": {**NODE, "kong_admin_sources": ["bastion"]}, "bastion": {"kong_address": "10.0.0.9", **variable}}
    assert find_source_hosts(TemplatedInventory({"kong": ["n"], "all": [*hosts]}, hosts), "kong") == expected


def test_facts_of_a_host_are_gathered_once():
    known = make_inventory(
        {"n": {**NODE, "kong_admin_sources": ["x", "y"]}}, {"x": {}, "y": {}}, {"kong_asked_sources": ["x"]}
    )
    assert find_source_hosts(known, "kong") == ["y"]


ADMIN = {"n": {**NODE, "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": ["bastion", "@ops", "10.0.0.77"]}}


def test_a_host_that_does_not_answer_is_an_error():
    groups = {"ops": ["bastion", "y"], "kong_asked_sources": ["bastion"]}
    error = find_only_error(ADMIN, {"bastion": {}, "y": FACTS}, groups)
    assert (error.code, error.host) == ("source-host-unknown", "bastion")


def test_a_host_whose_facts_were_gathered_is_a_source():
    groups = {"ops": ["bastion", "y"], "kong_asked_sources": ["bastion"]}
    plan = plan_fleet(ADMIN, {"bastion": {"kong_address": "10.0.0.8"}, "y": FACTS}, groups)
    assert {*get_sources(plan, "n", "admin")} == {"10.0.0.77/32", "10.0.0.8/32", "10.0.0.9/32"}


def test_a_host_whose_facts_were_not_gathered_is_an_error():
    error = find_only_error(ADMIN, {"bastion": {}, "y": FACTS}, {"ops": ["y"]})
    assert (error.code, error.host) == ("address-unknown", "bastion")


def test_facts_without_an_address_were_gathered():
    bastion = {"ansible_facts": {"nodename": "bastion", "all_ipv4_addresses": []}}
    groups = {"ops": ["bastion", "y"], "kong_asked_sources": ["bastion"]}
    error = find_only_error(ADMIN, {"bastion": bastion, "y": FACTS}, groups)
    assert (error.code, error.host) == ("address-unknown", "bastion")
    assert "the facts of the host have no address" in error.message


def test_another_error_of_such_a_host_is_not_replaced():
    bastion = {"kong_address_query": "x y"}
    error = find_only_error(ADMIN, {"bastion": bastion, "y": FACTS}, {"ops": ["y"], "kong_asked_sources": ["bastion"]})
    assert error.code == "query-invalid"


@pytest.mark.parametrize(
    ("hosts", "played", "says"),
    [
        ({"m": {}}, ["n"], {"m": "--limit excludes this host"}),
        ({"m": {}}, ["m", "n"], {"m": "the host has no facts"}),
        ({"bastion": {}}, ["n"], {"bastion": "Add it to --limit, set kong_address"}),
        ({"bastion": {}, "asked": {}}, ["n"], {"asked": "could not be gathered", "bastion": "Add it to --limit"}),
        ({"m": {"kong_address_query": "x"}}, ["n"], {"m": "its result has no address"}),
        ({"m": {}}, None, {"m": "it may be unreachable or outside --limit"}),
    ],
)
def test_a_host_that_limit_excludes_is_named_with_the_fix(hosts, played, says):
    nodes = {"n": {**NODE, "kong_proxy_sources": [name for name in hosts if name != "m"] or "any"}}
    nodes |= {name: variables for name, variables in hosts.items() if name == "m"}
    others = {name: variables for name, variables in hosts.items() if name != "m"}
    found = compile_plan(make_inventory(nodes, others, {"kong_asked_sources": ["asked"]}), "kong", played).errors
    assert [error.host for error in found] == sorted(says)
    for error in found:
        assert says[error.host] in error.message
        assert "Set kong_address" in error.message or "set kong_address" in error.message or error.value

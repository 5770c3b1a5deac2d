# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The advice for a missing path names each change that works, and no other change. _plan/test_remedies applies them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    allow_long_messages,
    compile_fleet,
    find_errors,
    list_warnings,
    plan_fleet,
    read_text,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.refusals import NEW, A, B
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.model import (
    ADMIN,
    CP,
    DP,
    ON_VPN,
    PUBLIC,
)

MAPPING = "Give c a kong_nat mapping to port 8005 over tcp"
ALSO = " (clients need a kong_nat_egress)"
VPN = "give both hosts a kong_vpn_address"
FLAT = "set kong_flat_network: true on c if sites route without NAT"
EGRESS = "et kong_nat_egress of this host to the address that c sees"
ON_IPV6_ONLY = "It listens on IPv6 only, and data planes dial IPv4 only."
ADD_ENTRY = "add an IPv4 entry to kong_cluster_listen of c"
PRIVATE = "et kong_nat_egress of this host if its NAT leads to c"

CASES = [
    ("private addresses", {}, {}, f"{MAPPING}{ALSO}, {VPN}, {FLAT}, or s{PRIVATE}"),
    ("public control plane", {"kong_address": PUBLIC}, {}, f"S{EGRESS}, {VPN}, or {FLAT}"),
    ("both public", {"kong_address": PUBLIC}, {"kong_address": "198.51.100.8"}, f"{VPN.capitalize()}, or {FLAT}"),
    ("only the caller public", {}, {"kong_address": PUBLIC}, f"{MAPPING}, {VPN}, or {FLAT}"),
    (
        "one host on the VPN",
        ON_VPN[0],
        {},
        f"{MAPPING}{ALSO}, give this host a kong_vpn_address, {FLAT}, or s{PRIVATE}",
    ),
    (
        "the VPN address bound",
        {**ON_VPN[0], "kong_cluster_listen": "10.8.0.1:8005"},
        {},
        "Give this host a kong_vpn_address",
    ),
    (
        "the local address bound",
        {"kong_cluster_listen": "10.0.0.1:8005"},
        {},
        f"{MAPPING}{ALSO}, {FLAT}, or s{PRIVATE}",
    ),
    (
        "a listener on IPv6 only",
        {"kong_address": ["10.0.0.1", "fd00::1"], "kong_cluster_listen": "[::]:8005", **ON_VPN[0]},
        {"kong_address": ["10.1.0.2", "fd01::2"]},
        f"{ON_IPV6_ONLY} First {ADD_ENTRY}. Then g{MAPPING[1:]}{ALSO}, or give this host a kong_vpn_address",
    ),
    (
        "the caller left the flat network",
        {"kong_flat_network": True},
        {"kong_flat_network": False},
        f"{MAPPING}{ALSO}, {VPN}, {FLAT.replace(' on c', ' on c (and remove it from this host)')}, or s{PRIVATE}",
    ),
    (
        "a mapping of another port",
        {
            "kong_nat": [{"outside": "203.0.113.1", "outside_port": 8001, "inside_port": 8001, "protocols": ["tcp"]}],
            "kong_admin_listen": "0.0.0.0:8001",
        },
        {},
        f"{MAPPING}{ALSO}, {VPN}, or {FLAT}",
    ),
]


@pytest.mark.parametrize(
    ("control_plane", "data_plane", "advice"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_advice_for_a_missing_path(control_plane, data_plane, advice):
    (error,) = find_errors({"c": {**CP, **control_plane}, "n": {**DP, **data_plane}})
    assert error.code == "no-path"
    assert read_text(error).partition("(site a). ")[2] == f"{advice}. This host is in site b"


def test_advice_for_several_hosts():
    """Hosts that have the same routes are tried together."""
    far = {"kong_site": "far", "kong_address": "10.9.0.1"}
    node = {**NEW, **ADMIN, "kong_admin_sources": ["@far"]}
    others = {f"far{number}": {**far, "kong_address": f"10.9.0.{number}"} for number in range(1, 5)}
    (warning,) = list_warnings(plan_fleet({"n": node}, others, {"far": [*others]}), "source-no-path")
    assert warning["message"].partition("of this host. ")[2] == (
        "Add the address that it sees, map port 8001 in its kong_nat (clients need a kong_nat_egress), give all a "
        "kong_vpn_address, set its kong_flat_network: true, or set kong_nat_egress of clients whose NAT leads there. This host is in "
        "site default"
    )


SHARED = {"kong_address": "10.1.0.2"}
OUT = {"kong_site": "far", "kong_address": "10.9.0.1", "kong_nat_egress": "192.168.0.9"}


@pytest.mark.parametrize(
    ("nodes", "missing"),
    [
        # The network is flat for all nodes, so two of them would have one address.
        ({"c": {**CP, **SHARED}, "n": DP}, "kong_flat_network"),
        ({"c": CP, "m": {**DP, "kong_site": "d", "kong_address": "10.0.0.1"}, "n": DP}, "kong_flat_network"),
        ({"a": A, "n": B, "m": {**NEW, "kong_site": "d", "kong_address": A["kong_address"]}}, "kong_flat_network"),
        ({"a": {**A, "kong_nat": []}, "n": {**B, "kong_cluster_listen": "10.1.0.2:7946"}}, "kong_vpn_address"),
        # m goes out through its NAT to a, which is behind none. So a must not get an egress to reach n.
        (
            {
                "a": {**A, "kong_nat": []},
                "m": {**B, **OUT},
                "n": {**A, "kong_site": "n", "kong_address": PUBLIC, "kong_nat": []},
            },
            "kong_nat_egress of",
        ),
    ],
)
def test_no_remedy_that_is_an_error_elsewhere(nodes, missing):
    found = [finding.message for finding in find_errors(nodes) if finding.host in ("a", "n")]
    assert found
    assert not any(missing in message for message in found)


def test_the_egress_of_a_data_plane_next_to_another_one_with_egress():
    """No node connects to a data plane, so its own NAT has no effect."""
    (error,) = find_errors({"c": CP, "m": {**DP, **OUT}, "n": DP})
    assert "set kong_nat_egress of this host if its NAT leads to c" in error.message


def test_a_flat_network_next_to_a_node_that_left_it():
    away = {**NEW, "kong_site": "d", "kong_address": CP["kong_address"], "kong_flat_network": False}
    (error,) = find_errors({"c": CP, "m": away, "n": DP})
    assert "kong_flat_network: true on c" in error.message


@pytest.mark.parametrize("family", [4, 6])
def test_the_vpn_address_of_the_other_family_is_named(family):
    """The host has a VPN address already."""
    bound = {4: "10.8.0.1", 6: "[fd08::1]"}[family]
    other = {4: "fd08::2", 6: "10.8.0.2"}[family]
    node = {**NEW, "kong_address": ["10.0.0.1", "fd00::1"], "kong_vpn_address": bound.strip("[]")}
    far = {"kong_site": "far", "kong_address": ["10.1.0.2", "fd00::2"], "kong_vpn_address": other}
    nodes = {"n": {**node, **ADMIN, "kong_admin_listen": f"{bound}:8001", "kong_admin_sources": "far"}}
    (warning,) = list_warnings(plan_fleet(nodes, {"far": far}), "source-no-path")
    assert f"give far an IPv{family} kong_vpn_address" in warning["message"]


def test_no_vpn_for_a_cluster_with_a_bound_node():
    """Peers on a VPN would expect the gossip of the bound node from its VPN address."""
    (error,) = find_errors({"a": A, "n": {**B, "kong_cluster_listen": "10.1.0.2:7946"}})
    assert "kong_flat_network" in error.message
    assert "kong_vpn_address" not in error.message


PLACES = st.fixed_dictionaries(
    {},
    optional={
        "kong_nat": st.just([{"outside": "203.0.113.1"}]),
        "kong_nat_egress": st.sampled_from(["203.0.113.9", "192.168.9.1"]),
        "kong_flat_network": st.booleans(),
    },
)
ADDRESSES = st.sampled_from(["10.{}.0.1", "198.51.100.{}", "10.{0}.0.1 fd0{0}::1", "2001:db8::{}"])
ON_IPV6 = {"kong_vpn_address": ["10.8.0.1", "fd08::1"]}, {"kong_vpn_address": ["10.8.0.2", "fd08::2"]}


def apply_change(change):
    """Return the variables of the control plane and of the data plane that apply one alternative of the advice."""
    egress = {"kong_nat_egress": ["192.0.2.9", "2001:db8:9::9"]}
    if "kong_nat mapping" in change:
        outside = "2001:db8:9::1" if "IPv6" in change else "192.0.2.1"
        return {"kong_nat": [{"outside": outside}]}, egress if "kong_nat_egress" in change else {}
    if "kong_vpn_address" in change:
        return ON_IPV6
    if "kong_flat_network" in change:
        return {"kong_flat_network": True}, {"kong_flat_network": None} if "remove it" in change else {}
    private = {"kong_nat_egress": "fd99::9" if "IPv6" in change else "192.168.9.9"}
    return {}, private if "leads to" in change else egress


@given(PLACES, PLACES, ADDRESSES, ADDRESSES, st.sampled_from([None, "[::]:8005", "own"]))
def test_every_alternative_works(control_plane, data_plane, address, other, listen):
    nodes = {
        "c": {**CP, **control_plane, "kong_address": address.format(1).split()},
        "n": {**DP, **data_plane, "kong_address": other.format(2).split()},
    }
    if listen:
        own = nodes["c"]["kong_address"][-1]
        bound = f"[{own}]:8005" if ":" in own else f"{own}:8005"
        nodes["c"]["kong_cluster_listen"] = bound if listen == "own" else listen
    with allow_long_messages():
        found = [finding for finding in compile_fleet(nodes).errors if " only, and " not in finding.message]
    if [finding.code for finding in found] != ["no-path"]:
        return
    text = re.split(r"\(site [ab]\)\. ", found[0].message)[-1]
    for change in re.split(r", (?:or )?(?=give |set )", text):
        control_plane_variables, data_plane_variables = apply_change(change)
        after = compile_fleet(
            {"c": {**nodes["c"], **control_plane_variables}, "n": {**nodes["n"], **data_plane_variables}}
        )
        assert [finding.message for finding in after.errors] == [], change


LISTENERS = {
    "kong_admin_sources": {**NEW, **ADMIN},
    "kong_cluster_telemetry_sources": {
        **CP,
        "kong_version": "3.4.3.5",
        "kong_cluster_telemetry_listen": "0.0.0.0:8006",
    },
}


@pytest.mark.parametrize("variable", LISTENERS)
@pytest.mark.parametrize("length", [1, 30, 63])
def test_a_message_has_every_remedy_at_any_length_of_names(variable, length):
    """Names of nodes, sites and groups are long, and some clients have left the flat network."""
    node, group = "n" * length, "g" * length
    nodes = {node: {**LISTENERS[variable], "kong_site": "s" * length, variable: f"@{group}"}}
    far = {"kong_site": "t" * length, "kong_address": "10.9.0.1", "kong_flat_network": False}
    others = {f"{'f' * length}{number}": {**far, "kong_address": f"10.9.0.{number}"} for number in range(1, 5)}
    [warning] = list_warnings(plan_fleet(nodes, others, {group: [*others]}), "source-no-path")
    for words in (
        "the address",
        "kong_nat",
        "kong_vpn_address",
        "kong_flat_network: true",
        "kong_nat_egress of clients",
    ):
        assert words in warning["message"]

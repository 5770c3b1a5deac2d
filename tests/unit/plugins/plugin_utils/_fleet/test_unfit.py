# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remedies that would be an error elsewhere are not offered. test_remedies.py applies the remedies of random fleets."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet, read_text

OLD = {"kong_version": "0.10.4", "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": ["ops"]}
BOUND = {**OLD, "kong_cluster_listen": "10.0.0.1:7946"}
FLAT = {"kong_flat_network": True}
AWAY = {**OLD, **FLAT, "kong_site": "branch"}
OPS = {"ops": {"kong_address": "10.0.9.9", "kong_site": "office", "kong_flat_network": False}}


def find_texts(nodes):
    """Return the messages about missing paths, by code and host."""
    placed = {
        name: {"kong_address": f"10.0.0.{number}", "kong_site": "dc", **node}
        for number, (name, node) in enumerate(nodes.items(), 1)
    }
    findings = compile_fleet(placed, OPS).findings
    return {(finding.code, finding.host): read_text(finding) for finding in findings}


@pytest.mark.parametrize(
    ("nodes", "is_offered"),
    [
        ({"a": OLD, "b": OLD}, True),
        ({"a": BOUND, "b": OLD}, True),
        ({"a": BOUND, "b": {**OLD, "kong_vpn_address": "10.8.0.2"}}, True),
        ({"a": {**BOUND, **FLAT}, "b": {**AWAY, "kong_vpn_address": "10.8.0.2"}}, False),
        ({"a": {**BOUND, **FLAT}, "b": AWAY}, True),
        ({"a": {**BOUND, **FLAT}, "b": {**AWAY, "kong_vpn_address": "fd08::2"}}, True),
        ({"a": {**BOUND, **FLAT}, "b": {**AWAY, "kong_vpn_address": "10.8.0.2"}, "c": {**OLD, **FLAT}}, True),
        ({"a": BOUND, "b": {**OLD, "kong_vpn_address": "10.8.0.2", "kong_cluster": "other"}}, True),
    ],
)
def test_a_vpn_to_a_host_outside_the_cluster_is_offered_unless_it_is_the_last_member_off_it(nodes, is_offered):
    assert ("kong_vpn_address" in find_texts(nodes)["source-no-path", "a"]) is is_offered


@pytest.mark.parametrize(("first", "is_offered"), [(OLD, True), (BOUND, False)])
def test_a_vpn_between_members_is_offered_unless_one_is_bound(first, is_offered):
    texts = find_texts({"a": first, "b": {**OLD, "kong_site": "branch"}})
    [text] = [text for (code, _host), text in texts.items() if code == "no-path"][:1]
    assert ("kong_vpn_address" in text) is is_offered


def test_a_vpn_between_members_is_offered_to_a_node_that_is_bound_to_its_vpn_address():
    bound = {**OLD, "kong_vpn_address": "10.8.0.1", "kong_cluster_listen": "10.8.0.1:7946"}
    texts = find_texts({"a": bound, "b": {**OLD, "kong_site": "branch"}})
    assert "kong_vpn_address" in texts["no-path", "a"]


def test_a_bind_address_that_keeps_gossip_off_the_vpn():
    on_vpn = {"kong_vpn_address": "10.8.0.1"}, {"kong_vpn_address": "10.8.0.2"}
    texts = find_texts({"a": {**BOUND, **on_vpn[0]}, "b": {**OLD, **on_vpn[1], "kong_site": "branch"}})
    assert "Bind 0.0.0.0 in kong_cluster_listen on the cluster. " in texts["no-path", "a"]


NEW = {"kong_version": "3.9"}
ADMIN = {**NEW, "kong_admin_listen": "0.0.0.0:8001", "kong_admin_gui_listen": "off"}
BEHIND = {"kong_site": "branch", "kong_nat_egress": "192.168.0.2"}


@pytest.mark.parametrize("source", ["n", "@kong"])
def test_no_nat_for_a_target_of_a_host_that_leaves_its_nat(source):
    """The host n reaches the private address of t, which must not be behind a NAT. So no remedy gives t an egress."""
    nodes = {"t": {**ADMIN, "kong_admin_sources": source}, "n": {**ADMIN, **BEHIND, "kong_admin_sources": "t"}}
    text = find_texts(nodes)["source-no-path", "n"]
    assert "give this host a kong_nat mapping from a private address to port 8001 over tcp, " in text
    assert "kong_nat_egress" not in text


def test_no_public_egress_for_a_host_that_leaves_its_nat_to_a_private_address():
    nodes = {
        "c": {**NEW, "kong_role": "control_plane"},
        "n": {**NEW, **BEHIND, "kong_role": "data_plane"},
        "t": {**ADMIN, "kong_site": "far", "kong_nat_egress": "192.168.0.3", "kong_admin_sources": "n"},
    }
    text = find_texts(nodes)["source-no-path", "t"]
    assert "give this host a kong_nat mapping from a private address to port 8001 over tcp, " in text
    assert "kong_nat_egress" not in text


def test_the_flat_network_of_a_caller_whose_address_another_site_has():
    nodes = {
        "c": {**NEW, "kong_role": "control_plane"},
        "m": {**NEW, **FLAT, "kong_role": "data_plane", "kong_site": "branch"},
        "n": {**NEW, "kong_role": "data_plane", "kong_site": "far", "kong_flat_network": False},
    }
    nodes["n"]["kong_address"] = nodes["m"]["kong_address"] = "10.0.0.9"
    assert "kong_flat_network" not in find_texts(nodes)["no-path", "n"]


def test_peers_of_one_site_with_private_and_public_addresses():
    """An egress of b has no effect for c, which has no private address."""
    nodes = {"a": OLD, "b": {**OLD, "kong_site": "far"}, "c": {**OLD, "kong_site": "far"}}
    nodes["c"]["kong_address"] = "198.51.100.3"
    assert "kong_nat_egress of peers" not in find_texts(nodes)["no-path", "a"]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each error of a release is reported for this release only: the last release before, the first, the last, and the fix."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._fleet.trapped_nodes import (
    TRUST,
    find_traps,
    make_hybrid,
    make_node,
)


def make_pair(version, **variables):
    return {"a": make_node(version, 1, **variables), "b": make_node("0.9.9", 2)}


ELSEWHERE = {"admin_listen": "10.0.0.1:8001", "admin_sources": "nobody"}


@pytest.mark.parametrize(
    ("version", "reported"),
    [("0.8.3", 0), ("0.9.0", 1), ("0.9.3", 1), ("0.9.7", 1), ("0.9.8", 0), ("0.9", 0), ("0.10.0", 0)],
)
def test_events_that_a_node_sends_to_loopback(version, reported):
    assert find_traps(make_pair(version, **ELSEWHERE)) == [("a", "warning", "cluster-events-lost")] * reported


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "localhost", "*"])
def test_events_arrive_at_an_admin_listener_on_loopback(address):
    assert find_traps(make_pair("0.9.7", admin_listen=f"{address}:8001", admin_sources="nobody")) == []


@pytest.mark.parametrize(
    ("version", "address", "reported"),
    [
        ("0.6.0", "*", 1),
        ("0.8.3", "*", 1),
        ("0.9.8", "*", 1),
        ("0.10.4", "*", 1),
        ("0.10.4", "0.0.0.0", 0),
        ("0.8.3", "0.0.0.0", 0),
        ("0.11.0", "*", 0),
    ],
)
def test_events_that_a_node_sends_to_a_wildcard(version, address, reported):
    nodes = {"a": make_node(version, admin_listen=f"{address}:8001", admin_sources="nobody")}
    assert find_traps(nodes) == [("a", "warning", "cluster-events-lost")] * reported


def test_events_do_not_arrive_at_an_admin_listener_on_ipv6():
    assert find_traps(make_pair("0.9.7", admin_listen="[::]:8001", admin_sources="nobody")) != []


@pytest.mark.parametrize(
    ("version", "reported"), [("0.9.0", 1), ("0.9.4", 1), ("0.9.7", 1), ("0.9.8", 0), ("0.8.3", 0)]
)
def test_a_single_node_sends_its_own_changes_to_loopback(version, reported):
    for others in ({}, {"b": make_node("0.9.9", 2, cluster="other")}):
        found = find_traps({"a": make_node(version, **ELSEWHERE), **others})
        assert found == [("a", "warning", "cluster-events-lost")] * reported


def test_a_single_node_has_no_events_of_other_nodes():
    assert find_traps({"a": make_node("0.9.4", admin_listen="127.0.0.1:8001")}) == []


@pytest.mark.parametrize(("version", "reported"), [("0.9.3", 0), ("0.9.4", 1), ("0.9.5", 0)])
def test_events_of_a_release_that_sends_none(version, reported):
    assert (
        find_traps(make_pair(version, admin_listen="127.0.0.1:8001"))
        == [("a", "warning", "cluster-events-lost")] * reported
    )


def make_twins(version, first="kong", second="kong", port=7946):
    """Return two nodes with one private address at two sites, behind one-to-one NAT."""
    nodes = {}
    for number, (name, host_name) in enumerate((("a", first), ("b", second)), 1):
        nodes[name] = {
            **make_node(version, 1, site=name, nat=[{"outside": f"203.0.113.{number}"}]),
            "kong_cluster_listen": f"10.0.0.1:{port if name == 'b' else 7946}",
            "ansible_facts": {"nodename": host_name} if host_name else {},
        }
    return nodes


BOTH = [("a", "warning", "gossip-name"), ("b", "warning", "gossip-name")]


@pytest.mark.parametrize(
    ("version", "reported"),
    [("0.6.0", BOTH), ("0.7", BOTH), ("0.8.2", BOTH), ("0.8.3", []), ("0.8", []), ("0.9.0", BOTH), ("0.9.3", BOTH),
     ("0.9.4", []), ("0.10.4", [])],
)  # fmt: skip
def test_equal_names_of_gossip_agents(version, reported):
    assert [found for found in find_traps(make_twins(version)) if found[2] == "gossip-name"] == reported


def test_names_of_gossip_agents_that_differ():
    assert find_traps(make_twins("0.8.2", "kong", "gate")) == []
    assert find_traps(make_twins("0.8.2", port=7947)) == []


def test_unknown_host_names_are_a_note():
    assert find_traps(make_twins("0.8.2", "", "")) == [("a", "info", "gossip-name"), ("b", "info", "gossip-name")]
    assert find_traps(make_twins("0.8.2", "kong", "")) == [("b", "info", "gossip-name")]


@pytest.mark.parametrize(
    ("version", "config", "severity"),
    [("2.0.5", {}, "warning"), ("2.4", {}, "warning"), ("2.4.1", TRUST, ""), ("2.5.0", {}, "")],
)
def test_data_plane_that_does_not_trust_its_control_plane(version, config, severity):
    reported = [("dp", severity, "control-plane-untrusted")] if severity else []
    assert find_traps(make_hybrid("2.8.5" if version == "2.5.0" else version, version, (), config)) == reported


def test_data_plane_whose_certificate_is_not_in_the_inventory():
    nodes = make_hybrid("2.4", "2.4")
    del nodes["dp"]["kong_config"]
    assert find_traps(nodes) == [("dp", "info", "control-plane-untrusted")]


@pytest.mark.parametrize(
    ("version", "listen", "reported"),
    [
        ("0.13.0", "0.0.0.0:8000 http2", 1),
        ("3.5", "0.0.0.0:8000 http2, 0.0.0.0:8443 http2 ssl", 1),
        ("3.5", "0.0.0.0:8443 http2 ssl", 0),
        ("3.6", "0.0.0.0:8000 http2", 0),
    ],
)
def test_port_without_http_1(version, listen, reported):
    assert find_traps({"a": make_node(version, proxy_listen=listen)}) == [("a", "info", "http2-only")] * reported


def test_kong_adds_ssl_to_the_port_for_data_planes():
    nodes = make_hybrid("2.8", "2.8")
    nodes["cp"]["kong_cluster_listen"] = "0.0.0.0:8005 http2"
    assert find_traps(nodes) == []


def test_the_newest_patch_of_a_current_fleet_has_no_error():
    assert find_traps({"a": make_node("3.9")}) == []
    assert find_traps(make_hybrid("3.9", "3.9")) == []

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes: their callers, dialled addresses and expectations."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    find_probed_listener,
    list_callers,
    list_local_probes,
    list_probes_from,
    list_silent_nodes,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    compile_fleet,
    plan_fleet,
)

TWO_REALMS = [("a1", "a", 1), ("a2", "a", 2), ("b1", "b", 1), ("b2", "b", 2), ("b3", "b", 3)]
HAIRPIN = {"outside": "192.168.10.5", "outside_port": 9000, "inside_port": 80, "hairpin_source": "192.168.23.254"}


def plan(**of_b1):
    nodes = {**SEED_NODES, "b1": {**SEED_NODES["b1"], "kong_nat": [HAIRPIN], **of_b1}}
    others = {**SEED_OTHERS, "outsider": {"kong_site": "lan", "kong_address": "192.168.10.40"}}
    nodes["a1"] = {**nodes["a1"], "kong_verify_outsiders": ["outsider"]}
    return compile_fleet(nodes, others).plan


def list_expectations(plan, caller, target):
    return {
        (probe.listener, probe.protocol, probe.port): (str(probe.dialled), probe.expected)
        for probe in list_probes_from(plan, caller)
        if probe.target == target
    }


TABLE = [
    ("a1", "a2", ("proxy", "tcp", 8000), "192.168.10.12:8000", "open"),
    ("a1", "a2", ("admin", "tcp", 8001), "192.168.10.12:8001", "filtered"),
    ("admin", "a2", ("admin", "tcp", 8001), "192.168.10.12:8001", "open"),
    ("a1", "a2", ("cluster", "udp", 7946), "192.168.10.12:7946", "open"),
    ("a1", "b1", ("cluster", "tcp", 80), "192.168.10.5:9000", "open"),
    ("a1", "b1", ("cluster", "udp", 80), "192.168.10.5:9000", "open"),
    ("b1", "a1", ("cluster", "udp", 7946), "192.168.10.11:7946", "open"),
    ("outsider", "a1", ("cluster", "udp", 7946), "192.168.10.11:7946", "filtered"),
    ("outsider", "b1", ("cluster", "tcp", 80), "192.168.10.5:9000", "closed"),  # the router may refuse it first
    ("outsider", "b1", ("proxy", "tcp", 8000), "192.168.23.45:8000", "closed"),  # no path
    ("a2", "a1", ("cluster_rpc", "tcp", 7373), "192.168.10.11:7373", "closed"),  # on loopback
    ("b1", "b1", ("cluster", "udp", 80), "192.168.10.5:9000", "open"),  # through the hairpin
]


@pytest.mark.parametrize(("caller", "target", "service", "dialled", "expected"), TABLE)
def test_expectations(caller, target, service, dialled, expected):
    assert list_expectations(plan(), caller, target)[service] == (dialled, expected)


def test_connections_that_a_staged_node_would_block_are_not_tested():
    staged = {name: {**node, "kong_firewall_state": "staged"} for name, node in SEED_NODES.items() if name != "a1"}
    plan = compile_fleet({**SEED_NODES, **staged}, SEED_OTHERS).plan
    enforced = plan_fleet(SEED_NODES, SEED_OTHERS)
    for caller in ("a1", "a2", "b1", "admin"):
        probes = {probe.name: probe for probe in list_probes_from(enforced, caller)}
        found = {probe.name: probe for probe in list_probes_from(plan, caller)}
        assert found.items() <= probes.items()
        left_out = [probe for name, probe in probes.items() if name not in found]
        assert {probe.target for probe in left_out} <= {"a2", "b1"}
        assert "open" not in {probe.expected for probe in left_out}
    assert ("admin", "tcp", 8001) not in list_expectations(plan, "a1", "a2")
    assert ("cluster_rpc", "tcp", 7373) in list_expectations(
        plan, "a1", "a2"
    )  # on loopback, closed without a firewall too


def test_node_does_not_probe_itself_without_a_hairpin():
    assert list_expectations(plan(), "a1", "a1") == {}


def test_all_hosts_of_the_plan_probe():
    assert list_callers(plan()) == ["a1", "a2", "b1", "admin", "outsider"]
    with pytest.raises(PlanError, match="stranger"):
        list_probes_from(plan(), "stranger")


def test_names_are_distinct():
    names = [probe.name for probe in list_probes_from(plan(), "a1")]
    assert len(names) == len(set(names)) > 10


@pytest.mark.parametrize(
    ("version", "key"),
    [("0.10.4", "cluster_encrypt_key"), ("0.10.4", "cluster_keyring_file"), ("0.8.3", "cluster.encrypt")],
)
def test_encrypted_gossip_does_not_answer_plain_pings(version, key):
    encrypted = {"kong_version": version, "kong_config": {key: "x"}}
    made = plan(**encrypted)
    kinds = {probe.kind for probe in list_probes_from(made, "a1") if (probe.target, probe.protocol) == ("b1", "udp")}
    assert kinds == {"udp"}
    assert list_silent_nodes(made) == ["b1"]
    assert list_silent_nodes(plan()) == []
    assert {probe.protocol for probe in list_local_probes(plan(**encrypted), "b1")} == {"tcp"}


def test_secrets_stay_out_of_the_plan():
    made = plan(kong_config={"pg_password": "hunter2"})
    assert made["nodes"]["b1"]["config"] == ["pg_password"]
    assert "hunter2" not in str(made)


def test_both_families_and_udp_streams():
    node = {
        "kong_address": ["10.0.0.1", "fd00::1"],
        "kong_proxy_listen": "0.0.0.0:80, [::]:80",
        "kong_stream_listen": "0.0.0.0:53 udp, 10.0.0.1:54",
        "kong_admin_listen": "127.0.0.1:8001",
        "kong_admin_gui_listen": "off",
    }
    made = compile_fleet(
        {"n": node, "m": {**node, "kong_address": ["10.0.0.2", "fd00::2"], "kong_stream_listen": "off"}}
    ).plan
    found = {(probe.listener, str(probe.dialled), probe.expected) for probe in list_probes_from(made, "m")}
    assert found == {
        ("proxy", "10.0.0.1:80", "open"),
        ("proxy", "[fd00::1]:80", "open"),
        ("stream", "10.0.0.1:53", "open"),
        ("stream", "10.0.0.1:54", "open"),
        ("admin", "10.0.0.1:8001", "closed"),
        ("status", "10.0.0.1:8007", "closed"),
    }
    assert {(probe.kind, probe.port) for probe in list_probes_from(made, "m") if probe.listener == "stream"} == {
        ("udp", 53), ("tcp", 54)}  # fmt: skip
    assert list_silent_nodes(made) == ["n"]
    assert 53 not in {probe.port for probe in list_local_probes(made, "n")}


def test_local_probes_dial_the_bound_addresses():
    found = {(probe.listener, probe.protocol, str(probe.dialled)) for probe in list_local_probes(plan(), "b1")}
    assert found == {
        ("proxy", "tcp", "127.0.0.1:8000"),
        ("proxy", "tcp", "127.0.0.1:8443"),
        ("admin", "tcp", "127.0.0.1:8001"),
        ("admin", "tcp", "127.0.0.1:8444"),
        ("cluster", "tcp", "192.168.23.45:80"),
        ("cluster", "udp", "192.168.23.45:80"),
        ("cluster_rpc", "tcp", "127.0.0.1:7373"),
    }


def find_expected(plan, caller, target, listener):
    return {
        (str(probe.dialled), probe.expected)
        for probe in list_probes_from(plan, caller)
        if (probe.target, probe.listener) == (target, listener)
    }


def test_two_addresses_on_one_port_have_their_own_sources():
    made = plan_fleet(
        {
            "n": {
                "kong_site": "a",
                "kong_address": "10.0.0.1",
                "kong_vpn_address": "10.99.0.1",
                "kong_admin_listen": "10.0.0.1:8001, 10.99.0.1:8001",
                "kong_admin_sources": ["near", "far"],
            }
        },
        {
            "near": {"kong_site": "a", "kong_address": "10.0.0.9"},
            "far": {"kong_site": "b", "kong_address": "10.1.0.9", "kong_vpn_address": "10.99.0.9"},
        },
    )
    assert find_expected(made, "near", "n", "admin") == {("10.0.0.1:8001", "open"), ("10.99.0.1:8001", "closed")}
    assert find_expected(made, "far", "n", "admin") == {("10.0.0.1:8001", "closed"), ("10.99.0.1:8001", "open")}


def test_no_probe_if_another_listener_would_answer():
    listen = "0.0.0.0:8000, 127.0.0.1:8000, 127.0.0.1:8100"
    made = plan_fleet(
        {"n": {"kong_address": "10.0.0.1", "kong_proxy_listen": listen}, "m": {"kong_address": "10.0.0.2"}}
    )
    assert find_expected(made, "m", "n", "proxy") == {("10.0.0.1:8000", "open"), ("10.0.0.1:8100", "closed")}


def test_no_probe_if_a_host_of_the_same_site_has_the_address():
    """Sites without routes to each other may use the same addresses."""
    nodes = {name: {"kong_site": site, "kong_address": f"10.0.0.{number}"} for name, site, number in TWO_REALMS}
    made = plan_fleet(nodes)
    assert {probe.target for probe in list_probes_from(made, "a1")} == {"a2", "b3"}
    assert {str(probe.dialled.address) for probe in list_probes_from(made, "a1") if probe.target == "b3"} == {
        "10.0.0.3"
    }


def test_node_with_ipv6_only_is_probed_at_its_ipv6_address():
    """Other hosts probe its listeners on loopback as well."""
    node = {"kong_proxy_listen": "[::]:8000", "kong_admin_listen": "[::1]:8001, 127.0.0.1:8101"}
    made = plan_fleet({"n": {**node, "kong_address": "fd00::1"}, "m": {**node, "kong_address": "fd00::2"}})
    assert find_expected(made, "m", "n", "proxy") == {("[fd00::1]:8000", "open")}
    assert find_expected(made, "m", "n", "admin") == {("[fd00::1]:8001", "closed"), ("[fd00::1]:8101", "closed")}


def test_no_local_probe_of_a_listener_on_a_host_name():
    made = plan_fleet({"n": {"kong_address": "10.0.0.1", "kong_proxy_listen": "kong.example.org:8000, localhost:8100"}})
    assert {str(probe.dialled) for probe in list_local_probes(made, "n") if probe.listener == "proxy"} == {
        "127.0.0.1:8100"
    }


@pytest.mark.parametrize(
    ("egress", "sources", "outcome"),
    [
        ("198.51.100.0/28", ["198.51.100.0/24"], "open"),
        ("198.51.100.0/24", ["198.51.100.0/28"], "closed"),
        (["198.51.100.7", "198.51.100.8"], ["198.51.100.7", "198.51.100.8"], "open"),
        (["198.51.100.7", "198.51.100.8"], ["198.51.100.7"], "closed"),
    ],
)
def test_every_egress_address_must_be_allowed(egress, sources, outcome):
    """A source network is allowed if an allowed network contains it, not if it contains an allowed network."""
    node = {
        "kong_site": "a",
        "kong_address": "10.0.0.1",
        "kong_nat": [{"outside": "203.0.113.1", "outside_port": 9000, "inside_port": 8000}],
        "kong_proxy_listen": "0.0.0.0:8000",
        "kong_proxy_sources": sources,
    }
    outside = {"kong_site": "b", "kong_address": "10.1.0.1", "kong_nat_egress": egress}
    made = plan_fleet({"n": {**node, "kong_verify_outsiders": ["outside"]}}, {"outside": outside})
    assert find_expected(made, "outside", "n", "proxy") == {("203.0.113.1:9000", outcome)}


def test_kinds_of_probes():
    node = {"kong_version": "3.9", "kong_proxy_listen": "0.0.0.0:8000, 0.0.0.0:8443 ssl",
            "kong_admin_listen": "0.0.0.0:8001, 0.0.0.0:8444 ssl", "kong_admin_sources": ["m"],
            "kong_admin_gui_listen": "off"}  # fmt: skip
    made = plan_fleet({"n": {**node, "kong_address": "10.0.0.1"}}, {"m": {"kong_address": "10.0.0.2"}})
    kinds = {probe.port: probe.kind for probe in list_probes_from(made, "m") if probe.expected == "open"}
    assert kinds == {8000: "tcp", 8443: "tls", 8001: "http", 8444: "https"}


def test_local_probe_of_a_wildcard():
    node = {"kong_address": ["10.0.0.1", "fd00::1"], "kong_admin_listen": "off", "kong_admin_gui_listen": "off"}
    for listen, dialled in (
        ("0.0.0.0:8000", "127.0.0.1:8000"),
        ("[::]:8000", "[::1]:8000"),
        ("[::]:8000 ipv6only=off", "127.0.0.1:8000"),
        ("10.0.0.1:8000", "10.0.0.1:8000"),
    ):
        made = plan_fleet({"n": {**node, "kong_proxy_listen": listen}})
        assert [str(probe.dialled) for probe in list_local_probes(made, "n") if probe.listener == "proxy"] == [dialled]


def test_one_port_over_two_protocols():
    node = {"kong_address": "10.0.0.1", "kong_stream_listen": "0.0.0.0:53, 0.0.0.0:53 udp"}
    made = plan_fleet({"n": node, "m": {"kong_address": "10.0.0.2"}})
    probes = [probe for probe in list_probes_from(made, "m") if probe.listener == "stream"]
    found = {probe.protocol: find_probed_listener(get_node(made, "n"), probe).protocols for probe in probes}
    assert found == {"tcp": ("tcp",), "udp": ("udp",)}


@pytest.mark.parametrize(
    ("listen", "probed"),
    [
        ("127.0.0.1:9000, 0.0.0.0:9000", {"open"}),
        ("127.0.0.1:9000, 10.0.0.1:9000", {"open"}),
        ("127.0.0.1:9000, 0.0.0.0:9001", {"open", "closed"}),
        ("127.0.0.1:9000, 0.0.0.0:9000 udp", {"open", "closed"}),
        ("127.0.0.1:9000, [::]:9000", {"open", "closed"}),
        ("127.0.0.1:9000, [::1]:9000", {"closed"}),
    ],
)
def test_a_port_on_loopback_is_probed_unless_another_listener_answers(listen, probed):
    node = {"kong_address": ["10.0.0.1", "fd00::1"], "kong_stream_listen": listen}
    made = plan_fleet({"n": node, "m": {"kong_address": ["10.0.0.2", "fd00::2"]}})
    probes = [probe for probe in list_probes_from(made, "m") if probe.listener == "stream"]
    assert {probe.expected for probe in probes} == probed


def test_a_listener_on_localhost_answers_no_other_host():
    made = plan_fleet(
        {
            "n": {"kong_site": "a", "kong_address": "10.0.0.1", "kong_stream_listen": "0.0.0.0:9000, localhost:9000"},
            "m": {"kong_site": "b", "kong_address": "10.1.0.1"},
        }
    )
    probes = [probe for probe in list_probes_from(made, "m") if probe.listener == "stream"]
    assert [(probe.bound, probe.expected) for probe in probes] == [("0.0.0.0", "closed")]

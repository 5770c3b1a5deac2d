# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Kong in a container: other hosts dial the published ports of the host, in paths, rules, forwards and probes."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import choose_probes, explain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_probes_from
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    GOSSIP,
    compile_fleet,
    find_errors,
    find_first_path,
    find_only_error,
    get_settings,
    get_sources,
    list_warnings,
    plan_fleet,
)

NODE = {
    "kong_address": ["10.0.0.1", "fd00::1"],
    "kong_admin_listen": "0.0.0.0:8001",
    "kong_admin_sources": ["ops"],
    "kong_published_ports": ["80:8000", "127.0.0.1:8443:8443", "10.0.0.1:9001:8001/tcp"],
}
OPS = {"ops": {"kong_address": "10.0.0.20"}}


def make_node(**more):
    return {"n": {**NODE, **more}}


def list_rules(plan, name="n"):
    return {(rule["listener"], rule["port"]): rule for rule in plan["nodes"][name]["ruleset"]["allow"]}


def test_rules_are_for_the_ports_of_the_host():
    found = list_rules(plan_fleet(make_node(), OPS))
    assert {key: (rule["address"], rule["published"]) for key, rule in found.items()} == {
        ("proxy", 80): (None, True),
        ("proxy", 8443): ("127.0.0.1", True),
        ("admin", 9001): ("10.0.0.1", True),
    }
    assert (found["proxy", 80]["sources"], found["proxy", 8443]["sources"]) == ("any", [])


def test_sources_are_those_of_the_listener():
    assert get_sources(plan_fleet(make_node(), OPS), "n", "admin") == ["10.0.0.20/32"]


def test_sources_by_port_use_the_port_of_kong():
    streams = {"kong_stream_listen": "0.0.0.0:9100, 0.0.0.0:9200", "kong_published_ports": ["91:9100", "92:9200"]}
    plan = plan_fleet(
        make_node(**streams, kong_stream_sources={9100: "any", 9200: "ops"}, kong_admin_sources="nobody"), OPS
    )
    assert get_sources(plan, "n", "stream", port=91) == "any"
    assert get_sources(plan, "n", "stream", port=92) == ["10.0.0.20/32"]


def test_listeners_and_settings_of_kong_are_those_of_the_container():
    plan = plan_fleet(make_node(), OPS)
    assert get_settings(plan, "n")["admin_listen"] == "0.0.0.0:8001"
    assert ("admin", 8001) in {(listener["name"], listener["port"]) for listener in plan["nodes"]["n"]["listeners"]}
    assert plan["nodes"]["n"]["published"][2] == {
        "listener": "admin", "address": "10.0.0.1", "port": 9001, "container_port": 8001, "protocols": ["tcp"],
    }  # fmt: skip


def test_node_without_container_has_no_published_ports_in_its_plan():
    plan = plan_fleet(make_node(kong_published_ports=None), OPS)
    assert "published" not in json.dumps(plan)


def test_paths_and_probes_dial_the_port_of_the_host():
    plan = plan_fleet(make_node(), OPS)
    assert find_first_path(plan, "ops", "n", "admin")[0] == "10.0.0.1:9001"
    found = {(probe.listener, str(probe.dialled)): probe.expected for probe in list_probes_from(plan, "ops")}
    assert found == {
        ("proxy", "10.0.0.1:80"): "open",
        ("proxy", "[fd00::1]:80"): "closed",  # ops has no IPv6
        ("proxy", "10.0.0.1:8443"): "closed",
        ("admin", "10.0.0.1:9001"): "open",
    }


def test_mapping_forwards_to_the_port_of_the_host():
    mapping = {"outside": "203.0.113.1", "outside_port": 443, "inside_port": 80, "protocols": ["tcp"]}
    plan = plan_fleet(make_node(kong_nat=[mapping]), OPS)
    (forward,) = plan["nat_forwards"]
    assert (forward["inside"], forward["inside_port"], forward["listener"]) == ("10.0.0.1", 80, "proxy")
    found = find_only_error(make_node(kong_nat=[{**mapping, "inside_port": 8000}]), OPS)
    assert found.code == "nat-no-listener"
    assert ":80" in found.detail


def test_explanation_names_the_container():
    plan = plan_fleet(make_node(), OPS)
    text = "\n".join(explain(plan, choose_probes(plan, "ops", "n", "admin")[0], {}))
    assert "10.0.0.1:9001" in text
    assert "\n  container   the host forwards it to port 8001 of Kong's container\n" in text


def test_unpublished_listener_has_no_rule_and_a_warning_about_its_sources():
    plan = plan_fleet(make_node(kong_published_ports=["80:8000"]), OPS)
    assert set(list_rules(plan)) == {("proxy", 80)}
    (found,) = list_warnings(plan, "source-loopback")
    assert "not published" in found["message"]
    assert "kong_published_ports" in found["message"]


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ("8000", "published-invalid", "80:8000"),
        (8000, "published-invalid", "80:8000"),
        ("80-81:8000-8001", "published-invalid", "each port of a range"),
        ("80:8000/sctp", "published-invalid", "PROTOCOL"),
        ("70000:8000", "published-invalid", "65535"),
        ("300.0.0.1:80:8000", "published-invalid", "300.0.0.1"),
        ("8000:80", "published-no-listener", "proxy 8000"),
        ("80:8000/udp", "published-no-listener", "udp"),
        ("8444:8444", "published-no-listener", "kong_admin_listen"),
        (["80:8000", "80:8443"], "published-duplicate", "80:8000/tcp"),
        (["80:8000", "10.0.0.1:80:8443"], "published-duplicate", "80:8000/tcp"),
        (["0.0.0.0:80:8000", "10.0.0.1:80:8443"], "published-duplicate", "0.0.0.0:80:8000/tcp"),
    ],
)
def test_invalid_items(given, code, words):
    listens = "0.0.0.0:8001, 127.0.0.1:8444 ssl"
    found = find_only_error(
        make_node(kong_published_ports=given, kong_admin_listen=listens, kong_admin_sources="nobody")
    )
    assert (found.code, found.variable) == (code, "kong_published_ports")
    assert words in found.message


# The listen setting, the published port, and whether it leads to the listener in the container.
FAMILIES = {
    "IPv6 published for IPv6": ("[::]:8000", "[::]:80:8000", True),
    "IPv6 published at an IPv6 address": ("[::]:8000", "[fd00::1]:80:8000", True),
    "IPv6 published at every address": ("[::]:8000", "80:8000", False),
    "IPv6 published for IPv4": ("[::]:8000", "10.0.0.1:80:8000", False),
    "both families in one entry": ("[::]:8000 ipv6only=off", "80:8000", True),
    "an entry for each family": ("[::]:8000, 0.0.0.0:8000", "80:8000", True),
    "IPv4 published at every address": ("0.0.0.0:8000", "80:8000", True),
}


@pytest.mark.parametrize("case", FAMILIES)
def test_published_port_leads_to_ipv4_in_the_container(case):
    listen, item, is_valid = FAMILIES[case]
    node = make_node(kong_proxy_listen=listen, kong_published_ports=[item], kong_admin_sources="nobody")
    found = compile_fleet(node).errors
    assert [error.code for error in found] == ([] if is_valid else ["published-no-listener"])
    assert all("leads to the container's IPv4 address" in error.message for error in found)


def test_one_port_at_two_addresses():
    given = ["10.0.0.1:80:8000", "10.0.0.2:80:8443", "[fd00::1]:80:8000", "0.0.0.0:81:8000", "[::]:81:8443"]
    plan = plan_fleet(make_node(kong_published_ports=given, kong_admin_sources="nobody"))
    assert len(plan["nodes"]["n"]["ruleset"]["allow"]) == 5


def test_address_that_is_not_on_the_host():
    facts = {"all_ipv4_addresses": ["10.0.0.1"], "all_ipv6_addresses": ["fd00::1"]}
    found = find_only_error(
        make_node(kong_published_ports=["10.0.0.9:80:8000"], ansible_facts=facts, kong_admin_sources="nobody")
    )
    assert (found.code, found.variable) == ("bind-not-on-host", "kong_published_ports")


@pytest.mark.parametrize(
    ("name", "listen"),
    [
        ("kong_proxy_listen", "10.0.0.1:8000"),
        ("kong_proxy_listen", "0.0.0.0:8443 ssl, [fd00::1]:8000"),
        ("kong_admin_listen", "10.0.0.2:8001"),
        ("kong_status_listen", "10.8.0.1:8007"),
    ],
)
def test_address_of_the_host_is_not_in_the_container(name, listen):
    """Also at a port that is not published: Kong would not start."""
    facts = {"all_ipv4_addresses": ["10.0.0.1", "10.0.0.2"], "all_ipv6_addresses": ["fd00::1"]}
    given = {"kong_published_ports": ["80:8443"], "kong_vpn_address": "10.8.0.1", "ansible_facts": facts, name: listen}
    if name == "kong_proxy_listen":
        given["kong_published_ports"] = ["80:8000" if listen.startswith("10.") else "[::]:80:8000"]
    found = find_only_error({"n": {"kong_address": ["10.0.0.1", "fd00::1"], **given}})
    assert (found.code, found.variable, found.value) == ("bind-in-container", name, listen)
    assert "which does not have it. Remove the variable, or bind 0.0.0.0" in found.message


def test_the_container_may_bind_an_address_of_its_own():
    assert plan_fleet(
        {"n": {"kong_address": "10.0.0.1", "kong_proxy_listen": "172.17.0.2:8000", "kong_published_ports": []}}
    )


OLD = {
    "a": {**GOSSIP, "kong_address": "10.0.0.1", "kong_published_ports": ["17946:7946/tcp", "17946:7946/udp"]},
    "b": {**GOSSIP, "kong_address": "10.0.0.2"},
}


def test_gossip_advertises_the_port_of_the_host_and_binds_that_of_the_container():
    plan = plan_fleet(OLD)
    assert get_settings(plan, "a")["cluster_advertise"] == "10.0.0.1:17946"
    assert get_settings(plan, "a")["cluster_listen"] == "0.0.0.0:7946"
    assert find_first_path(plan, "b", "a", "cluster", "udp")[0] == "10.0.0.1:17946"
    assert list_rules(plan, "a")["cluster", 17946]["sources"] == ["peers-default-from-default"]


def test_gossip_needs_both_protocols():
    (half,) = find_errors({**OLD, "a": {**OLD["a"], "kong_published_ports": ["17946:7946"]}})
    assert half.code == "published-protocol"
    (none,) = find_errors({**OLD, "a": {**OLD["a"], "kong_published_ports": ["8000:8000"]}})
    assert (none.code, none.variable) == ("no-path", "kong_published_ports")


@pytest.mark.parametrize("version", ["0.6", "0.7", "0.10.4"])
def test_gossip_cannot_bind_an_address_of_the_host(version):
    """Serf would not start: it cannot assign the requested address."""
    ports = {"kong_version": version, "kong_published_ports": ["37947:7946", "37947:7946/udp"]}
    nodes = {
        "h1": {**ports, "kong_address": "10.0.69.149", "kong_cluster_listen": "10.0.69.149:7946"},
        "h2": {**ports, "kong_address": "10.0.69.150"},
    }
    found = find_only_error(nodes)
    assert (found.code, found.host, found.variable) == ("bind-in-container", "h1", "kong_cluster_listen")
    assert found.value == "10.0.69.149:7946"
    assert plan_fleet({**nodes, "h1": {**nodes["h1"], "kong_cluster_listen": "0.0.0.0:7946"}})


def test_control_plane_that_does_not_publish_its_port():
    hybrid = {
        "cp": {"kong_role": "control_plane", "kong_address": "10.0.0.1", "kong_published_ports": []},
        "dp": {"kong_role": "data_plane", "kong_address": "10.0.0.2"},
    }
    found = find_only_error(hybrid)
    assert found.code == "no-path"
    assert "kong_published_ports" in found.message
    plan = plan_fleet({**hybrid, "cp": {**hybrid["cp"], "kong_published_ports": ["9005:8005"]}})
    assert get_settings(plan, "dp")["cluster_control_plane"] == "10.0.0.1:9005"

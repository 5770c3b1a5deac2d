# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The explanation of one pair of hosts, for each kind of path."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import (
    choose_probes,
    explain,
    list_outcomes,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    compile_fleet,
    plan_fleet,
)

HAIRPIN = {"outside": "192.168.10.5", "outside_port": 9000, "inside_port": 80, "hairpin_source": "192.168.23.254"}
OTHERS = {**SEED_OTHERS, "outsider": {"kong_site": "lan", "kong_address": "192.168.10.40"}}


@pytest.fixture(scope="module")
def plan():
    nodes = {**SEED_NODES, "b1": {**SEED_NODES["b1"], "kong_nat": [HAIRPIN]}}
    nodes["a1"] = {**nodes["a1"], "kong_verify_outsiders": ["outsider"]}
    return compile_fleet(nodes, OTHERS).plan


def explain_probe(plan, caller, target, listener, protocol="tcp", probed=None):
    probe = next(probe for probe in choose_probes(plan, caller, target, listener) if probe.protocol == protocol)
    return "\n".join(explain(plan, probe, probed or {}))


def test_in_one_network(plan):
    assert (
        explain_probe(plan, "a1", "a2", "proxy")
        == """\
a1 to proxy of a2, tcp 8000:
  dials       192.168.10.12:8000
  on the way  direct: both are in one network
  arrives     at 192.168.10.12:8000; a2 sees the source 192.168.10.11/32
  rule        allowed: any source
  expected    open"""
    )


def test_through_a_mapping(plan):
    text = explain_probe(plan, "a1", "b1", "cluster", "udp")
    assert "dials       192.168.10.5:9000" in text
    assert "on the way  the NAT device 192.168.10.5 forwards 192.168.10.5:9000 to 192.168.23.45:80\n" in text
    assert "rule        allowed: set peers" in text


def test_the_path_to_a_virtual_address():
    node = {"kong_proxy_listen": "10.9.0.100:80", "kong_virtual_addresses": ["10.9.0.100"]}
    fleet = {"a": {**node, "kong_address": "10.9.0.5"}, "b": {**node, "kong_address": "10.9.0.6"}}
    text = explain_probe(compile_fleet(fleet).plan, "a", "b", "proxy")
    assert "direct: both are in one network; 10.9.0.100 is virtual, so the node that holds it answers" in text


def test_through_a_hairpin(plan):
    text = explain_probe(plan, "b1", "b1", "cluster")
    assert "and sends it back into the same site (hairpin)" in text
    assert "b1 sees the source 192.168.23.254/32" in text


def test_the_rules_of_a_gateway_of_the_inventory():
    mapping = {**HAIRPIN, "device": "router"}
    nodes = {**SEED_NODES, "b1": {**SEED_NODES["b1"], "kong_nat": [mapping]}}
    plan = compile_fleet(nodes, {**SEED_OTHERS, "router": {}}).plan
    text = explain_probe(plan, "a1", "b1", "cluster", "udp")
    assert "  gateway     forward of router: allowed: set peers-default-from-branch contains the source\n" in text
    back = explain_probe(plan, "b1", "b1", "cluster")
    assert "  gateway     forward of router: allowed from its own site, with the source 192.168.23.254\n" in back
    out = explain_probe(plan, "b1", "a1", "cluster")
    assert "  gateway     router replaces the source 192.168.23.45 with 192.168.10.5\n" in out
    assert "gateway" not in explain_probe(plan, "a1", "a2", "cluster")


def test_a_gateway_drops_hosts_of_its_own_site_that_do_not_gossip():
    other = {"kong_site": "branch", "kong_cluster": "other", "kong_address": "192.168.23.46"}
    nat = {"kong_nat": [{**HAIRPIN, "device": "router"}]}
    nodes = {**SEED_NODES, "b1": {**SEED_NODES["b1"], **nat}, "c1": {**other, "kong_cluster_listen": "127.0.0.1:7946"}}
    text = explain_probe(compile_fleet(nodes, {**SEED_OTHERS, "router": {}}).plan, "c1", "b1", "cluster")
    assert "  gateway     forward of router: dropped: of its own site it allows 192.168.23.45/32\n" in text
    assert text.endswith("expected    closed")
    device = explain_probe(compile_fleet(nodes, SEED_OTHERS).plan, "c1", "b1", "cluster")
    assert device.endswith("expected    open")


def test_source_that_no_set_contains(plan):
    text = explain_probe(plan, "outsider", "a1", "cluster")
    assert "rule        dropped: no set of this port contains the source (peers" in text
    assert text.endswith("expected    filtered")


def test_no_path_between_sites(plan):
    text = explain_probe(plan, "a1", "b1", "proxy")
    assert "no path: b1 (site branch) has no mapping to this port for a1 (site lan)" in text
    assert "arrives" not in text


def test_a_listener_on_loopback(plan):
    assert "no path: it listens on 127.0.0.1 only" in explain_probe(plan, "a1", "a2", "cluster_rpc")


@pytest.mark.parametrize("probed, different", [("open", False), ("filtered", True), ("refused", True)])
def test_actual_result(plan, probed, different):
    (probe,) = choose_probes(plan, "a1", "a2", "proxy")[:1]
    outcomes = list_outcomes(plan, [probe], [{"name": probe.name, "result": probed, "detail": "no answer"}], None)
    lines = explain(plan, probe, outcomes)
    assert f"  actual      {probed} (no answer){'  <<< differs' if different else ''}" in lines
    assert lines[-1].startswith("  cause       ") is different
    assert outcomes[probe.name].differs is different


def test_all_listeners_if_no_listener_is_named(plan):
    assert {probe.listener for probe in choose_probes(plan, "a1", "a2", None)} == {
        "proxy",
        "admin",
        "cluster",
        "cluster_rpc",
    }


@pytest.mark.parametrize(
    "words, message",
    [
        (("a1", "a2", "stream"), "'a2' has no listener 'stream'; it has admin, cluster, cluster_rpc, proxy"),
        (("a1", "nobody", None), "'nobody' is not a Kong node of the plan"),
        (("nobody", "a1", None), "'nobody' is not in the plan"),
    ],
)
def test_names_that_are_not_in_the_plan(plan, words, message):
    with pytest.raises(PlanError, match=message):
        choose_probes(plan, *words)


def test_rule_is_for_the_dialled_address():
    node = {"kong_address": "10.0.0.1", "kong_vpn_address": "10.99.0.1", "kong_admin_sources": ["near", "far"]}
    made = compile_fleet(
        {"n": {**node, "kong_admin_listen": "10.0.0.1:8001, 10.99.0.1:8001"}},
        {
            "near": {"kong_address": "10.0.0.9"},
            "far": {"kong_site": "b", "kong_address": "10.1.0.9", "kong_vpn_address": "10.99.0.9"},
        },
    ).plan
    texts = ["\n".join(explain(made, probe, {})) for probe in choose_probes(made, "far", "n", "admin")]
    assert "no path" in texts[0]
    assert "rule        allowed: set admin-far-from-default contains the source" in texts[1]


def test_a_route_through_the_vpn_or_out_of_a_nat():
    node = {"kong_site": "a", "kong_address": "10.0.0.1", "kong_vpn_address": "10.99.0.1"}
    made = plan_fleet(
        {
            "n": {**node, "kong_proxy_listen": "10.99.0.1:8000"},
            "p": {"kong_site": "c", "kong_address": "203.0.113.9", "kong_proxy_sources": ["far"]},
        },
        {
            "far": {
                "kong_site": "b",
                "kong_address": "10.1.0.9",
                "kong_vpn_address": "10.99.0.9",
                "kong_nat_egress": "203.0.113.1",
            }
        },
    )
    assert "  on the way  the VPN of both hosts\n" in explain_probe(made, "far", "n", "proxy")
    assert "  on the way  the source NAT of far\n" in explain_probe(made, "far", "p", "proxy")


def test_a_set_that_contains_the_network_of_the_source():
    node = {"kong_address": "10.0.0.1", "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": ["10.0.0.0/24"]}
    made = plan_fleet({"n": node, "m": {"kong_address": "10.0.0.2"}})
    assert "  rule        allowed: set admin-" in explain_probe(made, "m", "n", "admin")


def test_ports_of_a_container():
    box = {"kong_address": "10.0.0.1", "kong_proxy_listen": "0.0.0.0:8000", "kong_admin_listen": "0.0.0.0:8001"}
    made = plan_fleet(
        {
            "n": {**box, "kong_published_ports": ["80:8000", "127.0.0.1:9001:8001"]},
            "m": {"kong_address": "10.0.0.2"},
        }
    )
    assert "\n  container   the host forwards it to port 8000 of Kong's container\n" in explain_probe(
        made, "m", "n", "proxy"
    )
    local = explain_probe(made, "m", "n", "admin")
    assert "\n  on the way  no path: it is published at 127.0.0.1 only\n" in local
    assert "\n  container " not in local


def test_probes_without_a_result_have_no_outcome(plan):
    probes = choose_probes(plan, "a1", "a2", "proxy")
    results = [{"name": probes[0].name, "result": "open", "detail": ""}]
    outcomes = list_outcomes(plan, probes, results, None)
    assert [*outcomes] == [probes[0].name] != [probe.name for probe in probes]
    assert "  actual      open" in explain(plan, probes[0], outcomes)
    assert not any("actual" in line for line in explain(plan, probes[1], outcomes))

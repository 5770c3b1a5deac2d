# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a gateway of the inventory in the cause of a failed connection, for the router of the worked example."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.causes import (
    Evidence,
    infer_cause,
    list_suspects,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import choose_probes, explain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.gateways import (
    is_hairpin_caller,
    read_registered_gateways,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    compile_fleet,
)

MAPPING = {"device": "router", "outside": "192.168.10.5", "outside_port": 9000, "inside_port": 80,
           "hairpin_source": "192.168.23.254"}  # fmt: skip
NODES = {**SEED_NODES, "b1": {**SEED_NODES["b1"], "kong_nat": [MAPPING]}}
PLAN = compile_fleet(NODES, {**SEED_OTHERS, "router": {"kong_address": "192.168.10.5"}}).plan

# Lines of the module kong_gateway.
DNAT = 'missing: ip daddr 192.168.10.5 tcp dport 9000 dnat ip to 192.168.23.45:80 comment "cluster"'
OTHER_DNAT = 'missing: ip daddr 192.168.10.5 tcp dport 9443 dnat ip to 192.168.23.45:8443 comment "proxy"'
FORWARD = "missing: tcp 9000 at 192.168.10.5 to 192.168.23.45:80 (cluster), from peers-default-from-branch"
SNAT = 'missing: ip saddr 192.168.23.45 oifname "lan" rt ipsec missing snat ip to 192.168.10.5 comment "egress"'
OTHER_SNAT = "missing: connections from 192.168.23.46 leave with 192.168.10.6"
MEMBER = "missing: elements = { 192.168.10.11, 192.168.10.12 }"
OFF = "net.ipv4.ip_forward is not 1, so this host forwards no packet. Set it to 1 in a file in /etc/sysctl.d, and run `sysctl --system`"
DROPS = "nftables chain inet filter forward blocks {} at 192.168.10.5: its policy is drop. Run `nft 'add rule …'`"
MAY_DROP = {"certain": False, "where": "nftables chain inet filter forward", "reason": "`limit rate 9/second drop`",
            "ports": ["tcp 9000 at 192.168.10.5"], "advice": "Move it.", "effect": "drop"}  # fmt: skip

OR_NAT = ", or the NAT of b1 does not translate its source to 192.168.10.5"
MAY_BLOCK = "third-party rules of the gateway router may block this connection too"
SITE = "`ansible-playbook gatehouse.kong.site` restores its translations"
DOWN = "router is down, or does not forward 192.168.10.5:9000 to 192.168.23.45:80 (tcp), or no process listens there"
NODE = (
    "the set peers-default-from-branch of b1 lacks 192.168.10.11, or its rule for tcp 80 is missing, or another rule "
    "blocks the port for all sources"
)
BY_NAT = "the set peers-default-from-lan of a1 lacks 192.168.10.5, or its rule for tcp 7946 is missing"


def make_outcome(caller, target, result="filtered", *, protocol="tcp", **more):
    """Return the outcome of the probe to the gossip port."""
    (probe,) = (probe for probe in choose_probes(PLAN, caller, target, "cluster") if probe.protocol == protocol)
    return Outcome(probe, result, **more)


def find_cause(inspected, outcome, *others):
    return infer_cause(Evidence(PLAN, [outcome, *others], inspected), outcome)


@pytest.mark.parametrize(
    ("result", "cause"),
    [
        ({"report": [DNAT]}, f"the gateway router differs from the plan: {DNAT}. {SITE}"),
        ({"report": [OTHER_DNAT, OTHER_SNAT, MEMBER, "at boot: nat.nft: missing", FORWARD]},
         f"the gateway router differs from the plan: {FORWARD}; {MEMBER}. {SITE}"),
        ({"report": [MEMBER, "missing: }", DNAT]},
         f"the gateway router differs from the plan: {DNAT}; {MEMBER}; and 1 more, listed by drift. {SITE}"),
        ({"report": ["missing: table inet gatehouse_kong_nat {", DNAT, "missing: }"]},
         f"the gateway router differs from the plan: its table is not loaded. {SITE}"),
        ({"report": [OTHER_DNAT, OTHER_SNAT, "at boot: nat.nft: missing"]}, f"{NODE}; the gateway router has the planned translations"),
        ({"report": []}, f"{NODE}; the gateway router has the planned translations"),
        ({"report": [], "conflicts": [MAY_DROP]},
         f"{DOWN}; on the gateway router, nftables chain inet filter forward may block it: `limit rate 9/second drop`. Move it."),
        ({"report": [], "conflicts": [{**MAY_DROP, "ports": ["udp 9000 at 192.168.10.5"]}]},
         f"{NODE}; the gateway router has the planned translations"),
        ({"report": [], "conflicts": [{**MAY_DROP, "ports": ["the translations of this gateway"], "effect": "unload"}]},
         f"{NODE}; the gateway router has the planned translations"),
        ({"msg": OFF}, f"on the gateway router: {OFF}"),
        ({"msg": "x", "report": [DROPS.format("udp 9000"), DROPS.format("udp 9001, tcp 9000")]},
         f"on the gateway router: {DROPS.format('udp 9001, tcp 9000')}"),
        ({"msg": "the\nmessage", "report": [DROPS.format("udp 9000")]}, f"{DOWN}; {MAY_BLOCK}: the message"),
        ({"msg": "no route", "unreachable": True}, f"{DOWN}; the gateway router was not checked: no route"),
        ({}, f"{DOWN}; the gateway router was not checked: it is not part of this run"),
    ],
)  # fmt: skip
def test_a_forward_that_fails(result, cause):
    assert find_cause({"router": result}, make_outcome("a1", "b1")) == cause


@pytest.mark.parametrize(
    ("result", "cause"),
    [
        ({"report": [SNAT]}, f"the gateway router differs from the plan: {SNAT}. {SITE}"),
        ({"report": [OTHER_SNAT, DNAT]}, f"{BY_NAT}; the gateway router has the planned translations"),
        ({"report": [], "conflicts": [MAY_DROP]}, f"{BY_NAT}; the gateway router has the planned translations"),
        ({"msg": OFF}, f"on the gateway router: {OFF}"),
        ({"msg": "the message", "report": [DROPS.format("tcp 9000")]}, f"{BY_NAT}{OR_NAT}; {MAY_BLOCK}: the message"),
    ],
)
def test_a_source_nat_that_fails(result, cause):
    other = make_outcome("a2", "a1", "open")
    assert find_cause({"router": result}, make_outcome("b1", "a1"), other) == cause


def test_each_protocol_has_its_own_forward():
    lines = [DNAT, DNAT.replace("tcp", "udp")]
    causes = {
        find_cause({"router": {"report": lines}}, make_outcome("a1", "b1", protocol=name)) for name in ("tcp", "udp")
    }
    assert causes == {f"the gateway router differs from the plan: {line}. {SITE}" for line in lines}


def test_a_hairpin_needs_no_source_nat_of_the_egress():
    cause = find_cause({"router": {"report": [SNAT]}}, make_outcome("b1", "b1"))
    assert cause.endswith("; the gateway router has the planned translations")


def test_the_gateway_is_no_cause_without_an_inspection():
    assert find_cause(None, make_outcome("a1", "b1")) == DOWN


def test_the_gateway_forwarded_a_packet_that_arrived():
    cause = find_cause({"router": {"report": [DNAT]}}, make_outcome("a1", "b1", arrived=True))
    assert cause == NODE


def test_a_connection_past_the_gateway():
    cause = find_cause({"router": {"report": [DNAT]}}, make_outcome("a1", "a2"))
    assert "router" not in cause


def test_a_refused_connection_through_a_gateway_as_planned():
    cause = find_cause({"router": {"report": []}}, make_outcome("a1", "b1", "refused"))
    assert cause.startswith("no process listens at 192.168.23.45:80 (tcp) on b1")


@pytest.mark.parametrize(
    ("outcomes", "gateways"),
    [
        ([make_outcome("a1", "b1")], ["router"]),
        ([make_outcome("b1", "a1", "unreachable")], ["router"]),
        ([make_outcome("a1", "a2")], []),
        ([make_outcome("a1", "b1", arrived=True)], []),
        ([make_outcome("a1", "b1", "open"), make_outcome("a2", "b1", None)], []),
    ],
)
def test_gateways_to_inspect(outcomes, gateways):
    assert list_suspects(PLAN, outcomes) == gateways


EXTRA = "unexpected: elements = { 192.168.10.20 }"
PASSED = (
    "b1 allows 192.168.10.20 on tcp 80, but no set in the plan contains this address: a set on the node has an unexpected member, our "
    "rules contain an unexpected rule, or a third-party rule diverts the packet before our rules; run drift to find it"
)


def make_open_outcome(caller="admin", **more):
    (probe,) = (probe for probe in choose_probes(PLAN, caller, "b1", "cluster") if probe.protocol == "tcp")
    return Outcome(probe, "open", **more)


@pytest.mark.parametrize("arrived", [None, True])
def test_a_gateway_should_drop_a_connection_that_is_open_against_the_plan(arrived):
    assert list_suspects(PLAN, [make_open_outcome(arrived=arrived)]) == ["router"]
    assert list_suspects(PLAN, [make_open_outcome("a1", arrived=arrived)]) == []


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        ({"report": [EXTRA, OTHER_DNAT]}, [f"the gateway router differs from the plan: {EXTRA}. {SITE}"]),
        ({"report": []}, ["the gateway router has the planned translations"]),
        ({}, ["the gateway router was not checked: it is not part of this run"]),
        (None, []),
    ],
)
def test_the_part_of_a_gateway_in_a_connection_that_is_open_against_the_plan(result, parts):
    inspected = None if result is None else {"router": result}
    assert find_cause(inspected, make_open_outcome()) == "; ".join([PASSED, *parts])


def test_the_comparison_and_the_explanation_have_the_cause():
    inspected = {"router": {"report": [DNAT]}}
    outcome = make_outcome("a1", "b1")
    results = {"open": "open", "filtered": "filtered", "closed": "refused"}
    probed = {
        caller: [
            {
                "name": probe.name,
                "result": "filtered" if probe == outcome.probe else results[probe.expected],
                "detail": "",
            }
            for probe in list_probes_from(PLAN, caller)
        ]
        for caller in list_callers(PLAN)
    }
    [difference] = compare(PLAN, probed, inspected=inspected).differences
    assert difference.cause == f"the gateway router differs from the plan: {DNAT}. {SITE}"
    lines = explain(PLAN, outcome.probe, {outcome.probe.name: outcome}, inspected)
    assert lines[-1] == f"  cause       {difference.cause}"


def test_results_of_gateways_in_the_run():
    plan = {"gateways": {"a": {}, "b": {}, "c": {}}}
    hostvars = {"a": {"inspected": {"report": []}}, "b": {}, "n": {"inspected": {"msg": "no gateway"}}}
    assert read_registered_gateways(plan, hostvars, "inspected") == {"a": {"report": []}, "b": {}}
    assert read_registered_gateways(plan, hostvars, None) is None


@pytest.mark.parametrize(
    ("networks", "is_accepted"),
    [(["192.168.23.0/24"], True), (["192.168.23.45/32"], True), (["192.168.23.46/32"], False), ([], False)],
)
def test_a_gateway_accepts_a_hairpin_of_the_callers_in_its_networks(networks, is_accepted):
    route = Route("hairpin", Endpoint("192.168.10.5", 9000), "192.168.23.45", 80)
    hairpins = {("tcp", "192.168.10.5", 9000): networks}
    assert is_hairpin_caller(hairpins, route, "tcp", get_host(PLAN, "b1")) is is_accepted
    assert is_hairpin_caller(hairpins, route, "udp", get_host(PLAN, "b1"))

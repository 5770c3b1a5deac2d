# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The likely cause of a difference, for one fault at a time in the worked example."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.causes import Evidence, infer_cause
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    compile_fleet,
)

MAPPING = {"device": "router", "outside": "192.168.10.5", "outside_port": 9000, "inside_port": 80,
           "hairpin_source": "192.168.23.254"}  # fmt: skip
NODES = {**SEED_NODES, "b1": {**SEED_NODES["b1"], "kong_nat": [MAPPING]}}
NODES["a1"] = {**NODES["a1"], "kong_verify_outsiders": ["outsider"]}
PLAN = compile_fleet(NODES, {**SEED_OTHERS, "outsider": {"kong_site": "lan", "kong_address": "192.168.10.40"}}).plan
HEALTHY = {"open": "open", "filtered": "filtered", "closed": "refused"}


def find_causes(fault):
    """Return the cause of each difference, by (caller, target, listener, protocol, port); `fault` changes results."""
    probed = {
        caller: [
            {"name": probe.name, "result": met[0], "detail": met[1]}
            for probe in list_probes_from(PLAN, caller)
            for met in [fault(probe) or (HEALTHY[probe.expected], "")]
        ]
        for caller in list_callers(PLAN)
    }
    return {
        (
            outcome.probe.caller,
            outcome.probe.target,
            outcome.probe.listener,
            outcome.probe.protocol,
            outcome.probe.port,
        ): outcome.cause
        for outcome in compare(PLAN, probed).differences
    }


def find_single_cause(fault):
    """Return the only cause of all differences."""
    found = set(find_causes(fault).values())
    assert len(found) == 1, found
    return found.pop()


def make_matcher(target, listener=None, protocol=None, caller=None):
    """Return a function that tells whether a probe matches."""
    return lambda probe: (probe.target == target and listener in (None, probe.listener)
                          and protocol in (None, probe.protocol) and caller in (None, probe.caller))  # fmt: skip


def make_fault(probed, which, detail="said so"):
    """Return a fault that changes the result of the allowed probes that match."""
    return lambda probe: (probed, detail) if which(probe) and probe.expected == "open" else None


ROUTER = "192.168.10.5:9000"
NEEDED = "; router needs this forward for the sources that `ansible-playbook gatehouse.kong.plan` lists"
STOPPED = "on a1, and its firewall passed the packet: Kong is stopped, or listens on another address or port"
BROKEN_ROUTE = "EHOSTUNREACH: ICMP host unreachable from 192.168.23.254"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (make_fault("filtered", make_matcher("b1", "cluster", "udp")), {f"router forwards {ROUTER} for tcp, not for udp"}),
        (make_fault("filtered", make_matcher("b1", "cluster", "tcp")), {f"router forwards {ROUTER} for udp, not for tcp"}),
        (make_fault("refused", make_matcher("b1", "cluster", "tcp")), {f"router forwards {ROUTER} for udp, not for tcp"}),
        (
            make_fault("filtered", lambda probe: probe.target == probe.caller == "b1" and probe.protocol == "tcp"),
            {f"router forwards {ROUTER} for udp, not for tcp"},
        ),
        (
            make_fault("unreachable", make_matcher("b1", "cluster"), "EHOSTUNREACH: ICMP host unreachable from 192.168.10.11"),
            {
                f"the NAT device router at 192.168.10.5 is down, or {caller} has no route to it"
                for caller in ("a1", "a2", "b1")
            },
        ),
        (make_fault("unreachable", make_matcher("a1", caller="b1"), "ENETUNREACH: no route"), {"b1 has no route to 192.168.10.11"}),
        (
            make_fault("unreachable", make_matcher("a1", caller="b1"), BROKEN_ROUTE),
            {"the route from b1 to 192.168.10.11, or the route back, is missing"},
        ),
        (
            make_fault("refused", make_matcher("a1", "proxy")),
            {f"no process listens at 192.168.10.11:{port} (tcp) {STOPPED}" for port in (8000, 8443)},
        ),
        (
            make_fault("filtered", make_matcher("a1", "cluster", "udp", "a2")),
            {"a1 allows tcp 7946, but not udp: its rule is for tcp only"},
        ),
        (
            make_fault("filtered", make_matcher("a1", "cluster", caller="a2")),
            {
                f"the set peers-default-from-lan of a1 lacks 192.168.10.12, or its rule for {protocol} 7946 is missing"
                for protocol in ("tcp", "udp")
            },
        ),
        (
            make_fault("filtered", make_matcher("a1", "cluster", caller="b1")),
            {
                f"the set peers-default-from-lan of a1 lacks 192.168.10.5, or its rule for {protocol} 7946 is missing, "
                "or the NAT of b1 does not translate its source to 192.168.10.5"
                for protocol in ("tcp", "udp")
            },
        ),
        (
            make_fault("filtered", make_matcher("a1", "proxy", caller="a2")),
            {f"the rule of a1 that allows any source on tcp {port} is missing" for port in (8000, 8443)},
        ),
        (
            make_fault("filtered", make_matcher("b1", "cluster")),
            {
                f"router is down, or does not forward {ROUTER} to 192.168.23.45:80 ({protocol}), or no process listens "
                f"there{NEEDED}"
                for protocol in ("tcp", "udp")
            },
        ),
        (
            make_fault("filtered", make_matcher("b1", "cluster", caller="a1")),
            {
                f"the set peers-default-from-branch of b1 lacks 192.168.10.11, or its rule for {protocol} 80 is missing, "
                f"or router forwards for some sources only{NEEDED}"
                for protocol in ("tcp", "udp")
            },
        ),
    ],
)  # fmt: skip
def test_allowed_caller_is_blocked(fault, expected):
    assert set(find_causes(fault).values()) == expected


def test_host_that_no_caller_reaches():
    found = find_causes(lambda probe: ("unreachable", BROKEN_ROUTE) if probe.target == "a1" else None)
    assert set(found.values()) == {
        f"192.168.10.11 is down, or {caller} has no route to it" for caller in ("a2", "b1", "admin", "outsider")
    }


def test_missing_hairpin():
    said = find_single_cause(make_fault("filtered", make_matcher("b1", "cluster", caller="b1")))
    assert "router does not send 192.168.10.5:9000 back into the site branch (hairpin)" in said
    assert "(192.168.23.254)" in said


def test_node_that_is_down():
    def take_down(probe):
        return ("filtered", "no answer") if probe.target == "a1" else None

    assert find_single_cause(take_down) == "a1 is down or disconnected: no host reaches any of its listeners"


def test_unexpected_member_of_a_set():
    def allow_outsider(probe):
        return ("open", "") if make_matcher("a1", "admin", caller="outsider")(probe) and probe.port == 8001 else None

    said = find_single_cause(allow_outsider)
    assert said.startswith(
        "a1 allows 192.168.10.40 on tcp 8001, but no set in the plan contains this address: a set on the node has an "
        "unexpected member"
    )


def test_rules_that_are_not_loaded():
    def open_to_all(probe):
        return ("open", "") if probe.target == "a1" and probe.expected == "filtered" else None

    assert find_single_cause(open_to_all) == "a1 blocks no source on the tested ports: its rules are not loaded"


def test_path_that_is_not_in_the_plan():
    def open_wide(probe):
        return ("open", "") if probe.listener == "cluster_rpc" and probe.target == "a1" else None

    assert find_single_cause(open_wide).startswith("a path to 192.168.10.11:7373 exists that is not in the plan")


def test_packet_that_passed_the_firewall():
    def refuse(probe):
        return ("refused", "") if probe.target == "a1" and probe.expected == "filtered" else None

    assert set(find_causes(refuse).values()) == {
        f"no process listens at 192.168.10.11:{port} ({protocol}) {STOPPED}"
        for port, protocol in ((8001, "tcp"), (8444, "tcp"), (7946, "tcp"), (7946, "udp"))
    }


def test_common_cause_of_several_differences_is_printed_once():
    fault = make_fault("filtered", make_matcher("b1", "cluster", "udp"))
    probed = {
        caller: [
            {"name": probe.name, "result": (fault(probe) or (HEALTHY[probe.expected],))[0], "detail": "silence"}
            for probe in list_probes_from(PLAN, caller)
        ]
        for caller in list_callers(PLAN)
    }
    lines = format_verification(compare(PLAN, probed))
    assert [line for line in lines if line.startswith("  cause")] == [
        "  cause of all 3: router forwards 192.168.10.5:9000 for tcp, not for udp"
    ]


def test_outcomes_at_other_nodes_do_not_explain_a_difference():
    """The other nodes answer. If their outcomes counted, the cause could not be that the node is down."""
    probed = {
        caller: [
            {
                "name": probe.name,
                "result": "filtered" if probe.target == "a1" else HEALTHY[probe.expected],
                "detail": "",
            }
            for probe in list_probes_from(PLAN, caller)
        ]
        for caller in list_callers(PLAN)
    }
    outcomes = compare(PLAN, probed).outcomes
    first = next(outcome for outcome in outcomes if outcome.probe.target == "a1" and outcome.differs)
    assert (
        infer_cause(Evidence(PLAN, outcomes), first)
        == "a1 is down or disconnected: no host reaches any of its listeners"
    )


def test_every_set_that_contains_the_source_is_named():
    plan = compile_fleet(
        {
            "n": {
                "kong_address": "10.0.0.1",
                "kong_admin_listen": "0.0.0.0:8001",
                "kong_admin_sources": ["ops", "10.0.0.0/24"],
            }
        },
        {"ops": {"kong_address": "10.0.0.9"}},
    ).plan
    probed = {
        caller: [
            {"name": probe.name, "detail": "",
             "result": "filtered" if (probe.listener, probe.caller) == ("admin", "ops") else HEALTHY[probe.expected]}
            for probe in list_probes_from(plan, caller)
        ]
        for caller in list_callers(plan)
    }  # fmt: skip
    [difference] = compare(plan, probed).differences
    sets = "admin-networks-at-default or admin-ops-from-default"
    assert difference.cause.startswith(f"the set {sets} of n lacks 10.0.0.9, or its rule for tcp 8001 is missing")


def test_other_addresses_of_the_same_caller_do_not_show_that_others_connect():
    """a2 connects over IPv6 and not over IPv4. Its connection over IPv6 says nothing about the rule for IPv4."""
    nodes = {
        name: {"kong_version": "3.9", "kong_address": [f"10.0.0.{name[1]}", f"fd00::{name[1]}"],
               "kong_proxy_listen": "0.0.0.0:8000, [::]:8000", "kong_proxy_sources": ["a2"]}
        for name in ("a1", "a2")
    }  # fmt: skip
    plan = compile_fleet(nodes).plan
    probed = {
        caller: [
            {
                "name": probe.name,
                "result": "filtered" if is_ipv4_proxy(probe) else HEALTHY[probe.expected],
                "detail": "",
            }
            for probe in list_probes_from(plan, caller)
        ]
        for caller in list_callers(plan)
    }
    [difference] = compare(plan, probed).differences
    assert difference.cause.endswith("is missing, or another rule blocks the port for all sources")


def is_ipv4_proxy(probe):
    return (probe.caller, probe.target, probe.port) == ("a2", "a1", 8000) and "." in probe.dialled.address


def make_outcomes(plan, caller, target, *, port=None, listener=None, **results):
    """Return outcomes of probes to a listener, from the results by protocol; None is a host that did not probe."""
    return [
        Outcome(probe, results[probe.protocol])
        for probe in list_probes_from(plan, caller)
        if probe.target == target
        and port in (None, probe.port)
        and listener in (None, probe.listener)
        and probe.protocol in results
    ]


def select_peers(caller, result):
    return make_outcomes(PLAN, caller, "a1", port=7946, tcp=result)


DOWN = "a1 is down or disconnected: no host reaches any of its listeners"
LACKING = "the set peers-default-from-lan of a1 lacks 192.168.10.12, or its rule for tcp 7946 is missing"
BY_NAT = (
    "the set peers-default-from-lan of a1 lacks 192.168.10.5, or its rule for tcp 7946 is missing, or the NAT of b1 does "
    "not translate its source to 192.168.10.5"
)
ALL_BLOCKED = ", or another rule blocks the port for all sources"


@pytest.mark.parametrize(
    ("others", "cause"),
    [
        ([], LACKING + ALL_BLOCKED),
        (select_peers("b1", None), LACKING + ALL_BLOCKED),
        (select_peers("b1", "filtered"), DOWN),
        (select_peers("b1", "refused"), LACKING + ALL_BLOCKED),
        (select_peers("b1", "open"), LACKING),
        (make_outcomes(PLAN, "b1", "a1", port=8443, tcp="open"), LACKING + ALL_BLOCKED),
        (make_outcomes(PLAN, "b1", "a1", port=7946, udp="open"), LACKING + ALL_BLOCKED),
        (make_outcomes(PLAN, "b1", "a2", port=7946, tcp="open"), LACKING + ALL_BLOCKED),
    ],
)
def test_other_outcomes_decide_about_a_blocked_packet(others, cause):
    [outcome] = select_peers("a2", "filtered")
    assert infer_cause(Evidence(PLAN, [outcome, *others]), outcome) == cause


@pytest.mark.parametrize(
    ("others", "cause"),
    [
        (select_peers("a2", "open"), BY_NAT),
        (make_outcomes(PLAN, "a2", "a1", port=8443, tcp="open"), BY_NAT.partition(", or the NAT")[0] + ALL_BLOCKED),
    ],
)
def test_the_nat_of_a_caller_is_a_cause_if_other_callers_connect(others, cause):
    [outcome] = select_peers("b1", "filtered")
    assert infer_cause(Evidence(PLAN, [outcome, *others]), outcome) == cause


@pytest.mark.parametrize(
    ("detail", "others", "cause"),
    [
        ("ENETDOWN: network is down", [], "a2 has no route to 192.168.10.11"),
        ("x", select_peers("b1", "refused"), "the route from a2 to 192.168.10.11, or the route back, is missing"),
        ("x", select_peers("b1", "filtered"), "192.168.10.11 is down, or a2 has no route to it"),
    ],
)
def test_an_unreachable_address(detail, others, cause):
    [outcome] = [replace(outcome, detail=detail) for outcome in select_peers("a2", "unreachable")]
    assert infer_cause(Evidence(PLAN, [outcome, *others]), outcome) == cause


@pytest.mark.parametrize(
    ("others", "loaded"),
    [
        ([], True),
        (make_outcomes(PLAN, "outsider", "a1", port=7946, tcp="open", udp="open"), False),
        (make_outcomes(PLAN, "outsider", "a1", port=7946, tcp=None), True),
        (make_outcomes(PLAN, "outsider", "a1", port=8001, tcp="open"), True),
        (make_outcomes(PLAN, "outsider", "a1", port=7946, tcp="filtered"), True),
    ],
)
def test_rules_are_not_loaded_if_other_ports_are_open_as_well(others, loaded):
    [outcome] = make_outcomes(PLAN, "a2", "a1", port=8001, tcp="open")
    unprobed = make_outcomes(PLAN, "b1", "a1", port=8444, tcp=None)
    cause = infer_cause(Evidence(PLAN, [outcome, *others, *unprobed]), outcome)
    assert cause.startswith("a1 allows 192.168.10.12 on tcp 8001, but no set" if loaded else "a1 blocks no source")


def test_a_packet_that_arrived_through_a_mapping_was_forwarded():
    [outcome] = make_outcomes(PLAN, "a1", "b1", listener="cluster", tcp="filtered")
    cause = infer_cause(Evidence(PLAN, [outcome]), replace(outcome, arrived=True))
    assert cause.startswith(
        "the set peers-default-from-branch of b1 lacks 192.168.10.11, or its rule for tcp 80 is missing"
    )


def test_connections_past_the_device_say_nothing_about_its_forward():
    nat = [{"device": "router", "outside": "198.51.100.1", "outside_port": 80, "inside_port": 8000}]
    plan = compile_fleet(
        {
            "n": {
                "kong_site": "s",
                "kong_address": "10.0.0.1",
                "kong_proxy_listen": "0.0.0.0:8000",
                "kong_nat": nat,
                "kong_verify_outsiders": ["far"],
            },
            "m": {"kong_site": "s", "kong_address": "10.0.0.2"},
        },
        {"far": {"kong_site": "t", "kong_address": "10.1.0.1"}},
    ).plan
    near = make_outcomes(plan, "m", "n", listener="proxy", tcp="open")
    [outcome] = make_outcomes(plan, "far", "n", listener="proxy", tcp="filtered")
    assert infer_cause(Evidence(plan, [outcome, *near]), outcome).startswith(
        "router is down, or does not forward 198.51.100.1:80"
    )


def test_an_ipv6_address_has_no_length_and_has_brackets_before_a_port():
    nodes = {
        name: {"kong_address": address, "kong_proxy_listen": "[::]:8000", "kong_proxy_sources": ["m"]}
        for name, address in (("n", "fd00::1"), ("m", "fd00::2"))
    }
    plan = compile_fleet(nodes).plan
    causes = {}
    for result in ("filtered", "refused"):
        [outcome] = make_outcomes(plan, "m", "n", listener="proxy", tcp=result)
        causes[result] = infer_cause(Evidence(plan, [outcome]), outcome)
    assert " of n lacks fd00::2, or its rule for tcp 8000 is missing" in causes["filtered"]
    assert causes["refused"].startswith("no process listens at [fd00::1]:8000 (tcp) on n")

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to a virtual address: the result is that of the node that holds it during the verification."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.holders import answers_elsewhere
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import Probe, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import (
    compare,
    format_verification,
    read_registered_holders,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

VIRTUAL = "10.9.0.100"
PAIR = {
    "kong_version": "3.4",
    "kong_admin_gui_listen": "off",
    "kong_proxy_listen": f"{VIRTUAL}:80",
    "kong_admin_listen": "0.0.0.0:8001",
    "kong_admin_sources": ["client"],
    "kong_virtual_addresses": [VIRTUAL],
}
PLAN = plan_fleet(
    {"a": {**PAIR, "kong_address": "10.9.0.5"}, "b": {**PAIR, "kong_address": "10.9.0.6"}},
    {"client": {"kong_address": "10.9.0.50"}},
)
AS_EXPECTED = {"open": "open", "filtered": "filtered", "closed": "refused"}
TO_A, TO_B = (f"{node} proxy tcp 80 {VIRTUAL}:80" for node in ("a", "b"))


def make_results(**changes):
    return {
        caller: [
            {"name": probe.name, "result": changes.get(probe.name, AS_EXPECTED[probe.expected]), "detail": ""}
            for probe in list_probes_from(PLAN, caller)
        ]
        for caller in ("a", "b", "client")
    }


def select_virtual(verification):
    return {(outcome.probe.caller, outcome.probe.target) for outcome in verification.outcomes
            if outcome.probe.dialled.address == VIRTUAL}  # fmt: skip


FROM_ALL_TO_A = {("b", "a"), ("client", "a")}
FROM_ALL_TO_B = {("a", "b"), ("client", "b")}
HELD = {
    "a holds it": ({"a": [VIRTUAL], "b": []}, FROM_ALL_TO_A, "is on a, so only the listeners of a were tested at it"),
    "b holds it": ({"a": [], "b": [VIRTUAL]}, FROM_ALL_TO_B, "is on b, so only the listeners of b were tested at it"),
    "b has not answered": ({"a": [VIRTUAL]}, FROM_ALL_TO_A, "is on a, so only the listeners of a were tested at it"),
    "both hold it": ({"a": [VIRTUAL], "b": [VIRTUAL]}, FROM_ALL_TO_A | FROM_ALL_TO_B, "is on a and b at the same time"),
    "no node holds it": ({"a": [], "b": []}, FROM_ALL_TO_A | FROM_ALL_TO_B, "is on no node now"),
}


@pytest.mark.parametrize("case", HELD)
def test_results_at_a_virtual_address_are_those_of_its_holder(case):
    held, expected, line = HELD[case]
    verification = compare(PLAN, make_results(), None, held)
    assert select_virtual(verification) == expected
    assert not verification.sampled
    (found,) = [text for text in format_verification(verification) if text.startswith("VIRTUAL ADDRESS: ")]
    assert found.startswith(f"VIRTUAL ADDRESS: {VIRTUAL} {line}")


def test_a_holder_that_does_not_listen_differs_and_a_standby_does_not():
    refused = make_results(**{TO_A: "refused", TO_B: "refused"})
    differing = compare(PLAN, refused, None, {"a": [VIRTUAL], "b": []}).differences
    assert {outcome.probe.target for outcome in differing} == {"a"}


def test_without_observations_all_results_count():
    verification = compare(PLAN, make_results())
    assert select_virtual(verification) == FROM_ALL_TO_A | FROM_ALL_TO_B
    assert not any(line.startswith("VIRTUAL") for line in format_verification(verification))


def test_other_addresses_are_not_affected():
    everything = {outcome.probe for outcome in compare(PLAN, make_results()).outcomes}
    held = {outcome.probe for outcome in compare(PLAN, make_results(), None, {"a": [VIRTUAL], "b": []}).outcomes}
    assert {probe.dialled.address for probe in everything - held} == {VIRTUAL}


def test_registered_results():
    registered = {"a": {"x": {"held": [VIRTUAL]}}, "b": {"x": {"probes": []}}, "client": {"x": {"held": []}}}
    assert read_registered_holders(PLAN, registered, "x") == {"a": [VIRTUAL]}
    assert read_registered_holders(PLAN, {}, "x") == {}


def test_results_through_a_mapping_are_those_of_the_holder():
    nat = [{"outside": "203.0.113.7", "outside_port": 80, "inside": VIRTUAL, "inside_port": 80}]
    nodes = {name: {**PAIR, "kong_address": f"10.9.0.{end}", "kong_nat": nat} for name, end in (("a", 5), ("b", 6))}
    plan = plan_fleet(nodes, {"client": {"kong_site": "remote", "kong_address": "198.51.100.9"}})
    probed = {
        "client": [{"name": probe.name, "result": "open", "detail": ""} for probe in list_probes_from(plan, "client")]
    }
    found = compare(plan, probed, None, {"a": [], "b": [VIRTUAL]}).outcomes
    assert {outcome.probe.target for outcome in found if outcome.probe.dialled.address == "203.0.113.7"} == {"b"}


def test_another_port_of_an_outside_address_leads_to_the_node_itself():
    """The same outside address has a port for the virtual address, and a port for each node."""
    nodes = {}
    for name, end in (("a", 5), ("b", 6)):
        nat = [
            {"outside": "203.0.113.7", "outside_port": 80, "inside": VIRTUAL, "inside_port": 80},
            {"outside": "203.0.113.7", "outside_port": 8000 + end, "inside_port": 8001},
        ]
        nodes[name] = {**PAIR, "kong_admin_sources": ["client"], "kong_address": f"10.9.0.{end}", "kong_nat": nat}
    plan = plan_fleet(nodes, {"client": {"kong_site": "remote", "kong_address": "198.51.100.9"}})
    probed = {
        "client": [{"name": probe.name, "result": "open", "detail": ""} for probe in list_probes_from(plan, "client")]
    }
    found = compare(plan, probed, None, {"a": [], "b": [VIRTUAL]}).outcomes
    tested = {
        (outcome.probe.target, outcome.probe.dialled.port)
        for outcome in found
        if outcome.probe.dialled.address == "203.0.113.7"
    }
    assert tested == {("a", 8005), ("b", 8006), ("b", 80)}


@pytest.mark.parametrize(
    ("names", "text"),
    [(["a"], "is on a, so only"), ([], "is on no node now"), (["a", "b"], "is on a and b at the same time")],
)
def test_the_report_names_the_holder(names, text):
    verification = {"outcomes": [], "holders": {VIRTUAL: names}}
    page = FORMS[".md"](Evidence(PLAN, verification))
    assert f"{VIRTUAL} {text}" in page
    assert f"address 10.9.0.5; may hold {VIRTUAL}" in page


def test_no_client_dials_an_address_that_a_host_of_its_own_site_may_hold():
    """The client has no path to the node at the other site, and at its own site another node would answer."""
    far = {"kong_site": "far", "kong_address": VIRTUAL, "kong_admin_gui_listen": "off"}
    plan = plan_fleet(
        {"far": far, "near": {**PAIR, "kong_address": "10.9.0.5"}}, {"client": {"kong_address": "10.9.0.50"}}
    )
    assert [probe for probe in list_probes_from(plan, "client") if probe.target == "far"] == []


def answer_elsewhere(mappings, dialled, protocol="tcp", held=("b",)):
    probe = Probe("client", "a", "proxy", protocol, VIRTUAL, 80, dialled, "open", "tcp")
    return answers_elsewhere({"nodes": {"a": {"nat": mappings}}}, probe, {VIRTUAL: held})


def make_mapping(port, inside=VIRTUAL, outside="203.0.113.7", protocols=("tcp", "udp")):
    more = {"inside": inside} if inside else {}
    return {"outside": outside, "outside_port": port, "protocols": protocols, **more}


AT_80 = Endpoint("203.0.113.7", 80)


@pytest.mark.parametrize(
    ("mappings", "dialled", "elsewhere"),
    [
        ([], Endpoint(VIRTUAL, 80), True),
        ([], Endpoint("10.9.0.5", 80), False),
        ([make_mapping(80)], AT_80, True),
        ([make_mapping(None)], AT_80, True),
        ([make_mapping(81)], AT_80, False),
        ([make_mapping(80, outside="203.0.113.8")], AT_80, False),
        ([make_mapping(80, protocols=("udp",))], AT_80, False),
        ([make_mapping(80, inside=None)], AT_80, False),
        ([make_mapping(80, inside=None), make_mapping(None)], AT_80, False),
        ([make_mapping(None, inside=None), make_mapping(80)], AT_80, True),
        ([make_mapping(80), make_mapping(80, inside=None, outside="203.0.113.8")], AT_80, True),
        ([make_mapping(80), make_mapping(80, inside=None, protocols=("udp",))], AT_80, True),
    ],
)
def test_the_mapping_of_a_port_decides_which_node_answers(mappings, dialled, elsewhere):
    assert answer_elsewhere(mappings, dialled) is elsewhere


def test_the_target_answers_if_it_holds_the_address_or_no_node_does():
    assert answer_elsewhere([], Endpoint(VIRTUAL, 80), held=("a", "b")) is False
    assert answer_elsewhere([], Endpoint(VIRTUAL, 80), held=()) is False

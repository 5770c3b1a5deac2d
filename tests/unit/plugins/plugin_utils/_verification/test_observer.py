# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a probe without an answer, by the observer of the node: verification, report and explanation."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import (
    choose_probes,
    explain,
    list_outcomes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.observer import judge
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    Probe,
    list_callers,
    list_probes_from,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import (
    compare,
    format_verification,
    read_registered_observers,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet

NODE = {"kong_address": "10.0.0.1", "kong_stream_listen": "0.0.0.0:53 udp", "kong_stream_sources": ["client"],
        "kong_verify_outsiders": ["outsider"]}  # fmt: skip
OTHERS = {"client": {"kong_address": "10.0.0.2"}, "outsider": {"kong_address": "10.0.0.3"}}
PLAN = compile_fleet({"n": NODE}, OTHERS).plan
IN_A_BOX = compile_fleet({"n": {**NODE, "kong_published_ports": ["53:53/udp"]}}, OTHERS).plan
MET = {"open": "open", "filtered": "filtered", "closed": "refused"}
NOTHING = {"arrived": [], "let_in": [], "unheard": [], "sent_on": [], "blind": {}}


def make_results(plan=PLAN):
    """Return results as expected, silent if the service need not answer. The mark of a datagram is its caller's name."""
    return {
        caller: [
            {
                "name": probe.name,
                "result": "silent" if probe.kind == "udp" else MET[probe.expected],
                "detail": "",
                "mark": caller,
            }
            for probe in list_probes_from(plan, caller)
        ]
        for caller in list_callers(plan)
    }


def list_results(plan=PLAN, **observer):
    """Return the results of the probes of the stream, from the allowed client and from the outsider."""
    verification = compare(plan, make_results(plan), {"n": {**NOTHING, **observer}} if observer else {})
    return [outcome.result for caller in ("client", "outsider") for outcome in verification.outcomes
            if (outcome.probe.caller, outcome.probe.listener) == (caller, "stream")]  # fmt: skip


@pytest.mark.parametrize(
    "observer, probed",
    [
        ({"arrived": ["client", "outsider"], "let_in": ["client"]}, ["open", "filtered"]),
        ({"arrived": ["client"], "let_in": ["client"]}, ["open", "filtered"]),
        ({"arrived": ["client", "outsider"], "unheard": ["client"]}, ["refused", "filtered"]),
        ({"arrived": ["client"], "sent_on": ["client"]}, ["filtered", "filtered"]),
        ({"let_in": ["client"], "blind": {"ipv4": "no"}}, ["open", "silent"]),
        ({"arrived": ["outsider"], "blind": {"ipv4": "no"}}, ["silent", "silent"]),
        ({"let_in": ["client"], "blind": {"ipv6": "no"}}, ["open", "filtered"]),
        ({}, ["silent", "silent"]),
    ],
)
def test_observer_decides_about_silent_probes(observer, probed):
    assert list_results(**observer) == probed


def test_forwarded_datagram_reaches_a_container():
    assert list_results(IN_A_BOX, arrived=["client", "outsider"], sent_on=["client"]) == ["open", "filtered"]


def list_differences(**observer):
    verification = compare(PLAN, make_results(), {"n": {**NOTHING, **observer}})
    return [(outcome.probe.caller, outcome.cause) for outcome in verification.differences]


def test_cause_tells_where_the_datagram_was_lost():
    assert list_differences(let_in=["client"]) == []
    ((_caller, cause),) = list_differences(arrived=["client"])
    assert "n lacks 10.0.0.2, or its rule for udp 53 is missing" in cause
    assert list_differences() == [("client", "a device between client and n drops udp to 10.0.0.1:53")]
    ((_caller, cause),) = list_differences(let_in=["client", "outsider"])
    assert cause.startswith("n allows 10.0.0.3 on udp 53, but no set in the plan contains this address")
    ((_caller, cause),) = list_differences(unheard=["client"])
    assert cause.startswith("no process listens at 10.0.0.1:53 (udp) on n")


def test_unverified_result_is_neither_passed_nor_failed():
    verification = compare(PLAN, make_results())
    lines = format_verification(verification)
    assert verification.differences == ()
    assert sum("open / silent" in line and "<<<" not in line for line in lines) == 1
    assert "UNVERIFIED: n stream 53/udp, 2 connections: no answer, and n has no packet observer" in lines
    assert "and 2 unverified, all as planned (incomplete)" in lines[-1]
    assert (
        "unverified"
        not in format_verification(compare(PLAN, make_results(), {"n": {**NOTHING, "let_in": ["client"]}}))[-1]
    )
    told = {"outcomes": [outcome.as_dict() for outcome in verification.outcomes]}
    page = FORMS[".md"](Evidence(PLAN, verification=told))
    assert "All results are as planned, except 2 unverified results." in page
    assert "2 connections to stream of n unverified: no answer, and n has no packet observer." in page
    suites = {suite.get("name"): suite for suite in ET.fromstring(FORMS[".xml"](Evidence(PLAN, verification=told)))}
    assert (suites["verification"].get("failures"), suites["verification"].get("skipped")) == ("0", "2")


def describe_difference(observer):
    probes = choose_probes(PLAN, "client", "n", "stream")
    probed = list_outcomes(PLAN, probes, make_results()["client"], observer)
    (line,) = (line for line in explain(PLAN, probes[0], probed) if line.startswith("  actual"))
    return line


def test_explanation_has_the_result_of_the_observer():
    assert describe_difference(None) == "  actual      silent (no answer, and n has no packet observer)"
    assert (
        describe_difference({**NOTHING, "let_in": ["client"]})
        == "  actual      open (no answer, but n accepted the packet)"
    )
    assert describe_difference({**NOTHING, "arrived": ["client"]}).endswith(
        "filtered (the packet arrived at n, which dropped it)  <<< differs"
    )


def test_registered_results_of_observers():
    observer = {**NOTHING, "let_in": ["client"]}
    for registered, found in (
        ({"observer": observer}, {"n": observer}),
        ({"skipped": True}, {}),
        ({"observer": {}}, {}),
    ):
        assert read_registered_observers(PLAN, {"n": {"x": registered}}, "x") == found
    assert read_registered_observers(PLAN, {}, "x") == read_registered_observers(PLAN, {"n": {}}, "x") == {}
    assert read_registered_observers(PLAN, {"n": {}}, None) == {}


OPENED = "no answer, but n accepted the packet"
UNHEARD = "no answer; n accepted the packet, but no process listens"
DROPPED = "the packet arrived at n, which dropped it"
LOST = "the packet did not arrive at n"
BLIND = "no answer, and the observer of n does not see all packets: x"


@pytest.mark.parametrize(
    ("address", "observer", "result", "detail", "arrived"),
    [
        ("10.0.0.1", {"let_in": ["m"]}, "open", OPENED, True),
        ("10.0.0.1", {"unheard": ["m"]}, "refused", UNHEARD, True),
        ("10.0.0.1", {"arrived": ["m"]}, "filtered", DROPPED, True),
        ("10.0.0.1", {}, "filtered", LOST, False),
        ("10.0.0.1", {"blind": {"ipv4": "x"}}, "silent", BLIND, None),
        ("10.0.0.1", {"blind": {"ipv6": "x"}}, "filtered", LOST, False),
        ("fd00::1", {"blind": {"ipv6": "x"}}, "silent", BLIND, None),
        ("fd00::1", {"blind": {"ipv4": "x"}}, "filtered", LOST, False),
    ],
)
def test_an_observer_tells_whether_the_packet_arrived(address, observer, result, detail, arrived):
    probe = Probe("client", "n", "stream", "udp", "0.0.0.0", 53, Endpoint(address, 53), "open", "udp")
    met = {"name": probe.name, "result": "silent", "detail": "", "mark": "m"}
    found = judge(probe, met, get_node(PLAN, "n"), {**NOTHING, **observer})
    assert found == Outcome(probe, result, detail, arrived=arrived)


def test_an_answer_needs_no_observer():
    probe = Probe("client", "n", "admin", "tcp", "0.0.0.0", 8444, Endpoint("10.0.0.1", 8444), "open", "https")
    met = {"name": probe.name, "result": "open", "detail": "d", "certificate": {"subject": "x"}, "status": 401}
    for observer in (None, NOTHING):
        assert judge(probe, met, get_node(PLAN, "n"), observer) == Outcome(
            probe, "open", "d", certificate={"subject": "x"}, status=401
        )

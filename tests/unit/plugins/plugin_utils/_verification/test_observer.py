# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a silent probe by what its node saw, in the verification, the report and an explanation."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import (
    by_name,
    chosen_probes,
    explain,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import callers, probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import (
    compare,
    registered_observers,
    verification_lines,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compiled

NODE = {"kong_address": "10.0.0.1", "kong_stream_listen": "0.0.0.0:53 udp", "kong_stream_sources": ["friend"],
        "kong_verify_outsiders": ["stranger"]}  # fmt: skip
OTHERS = {"friend": {"kong_address": "10.0.0.2"}, "stranger": {"kong_address": "10.0.0.3"}}
PLAN = compiled({"n": NODE}, OTHERS).plan
IN_A_BOX = compiled({"n": {**NODE, "kong_published_ports": ["53:53/udp"]}}, OTHERS).plan
MET = {"open": "open", "filtered": "filtered", "closed": "refused"}
NOTHING = {"arrived": [], "let_in": [], "unheard": [], "sent_on": [], "blind": {}}


def results(plan=PLAN):
    """What hosts report that meet what is expected, with silence where nobody need answer; their names are the marks."""
    return {
        caller: [
            {
                "name": one.name,
                "seen": "silent" if one.kind == "udp" else MET[one.expected],
                "detail": "",
                "mark": caller,
            }
            for one in probes_from(plan, caller)
        ]
        for caller in callers(plan)
    }


def met(plan=PLAN, **observer):
    """What the stream is said to have met, from the friend and from the stranger."""
    verification = compare(plan, results(plan), {"n": {**NOTHING, **observer}} if observer else {})
    return [one.seen for caller in ("friend", "stranger") for one in verification.outcomes
            if (one.probe.caller, one.probe.listener) == (caller, "stream")]  # fmt: skip


@pytest.mark.parametrize(
    "observer, seen",
    [
        ({"arrived": ["friend", "stranger"], "let_in": ["friend"]}, ["open", "filtered"]),
        ({"arrived": ["friend"], "let_in": ["friend"]}, ["open", "filtered"]),
        ({"arrived": ["friend", "stranger"], "unheard": ["friend"]}, ["refused", "filtered"]),
        ({"arrived": ["friend"], "sent_on": ["friend"]}, ["filtered", "filtered"]),
        ({"let_in": ["friend"], "blind": {"ipv4": "no"}}, ["open", "silent"]),
        ({"arrived": ["stranger"], "blind": {"ipv4": "no"}}, ["silent", "silent"]),
        ({"let_in": ["friend"], "blind": {"ipv6": "no"}}, ["open", "filtered"]),
        ({}, ["silent", "silent"]),
    ],
)
def test_the_node_says_what_silence_means(observer, seen):
    assert met(**observer) == seen


def test_a_container_is_reached_by_what_is_sent_on():
    assert met(IN_A_BOX, arrived=["friend", "stranger"], sent_on=["friend"]) == ["open", "filtered"]


def differences(**observer):
    verification = compare(PLAN, results(), {"n": {**NOTHING, **observer}})
    return [(one.probe.caller, one.cause) for one in verification.differences]


def test_where_it_was_lost_is_in_the_cause():
    assert differences(let_in=["friend"]) == []
    ((_caller, cause),) = differences(arrived=["friend"])
    assert "n lacks 10.0.0.2, or its rule for udp 53 is missing" in cause
    assert differences() == [("friend", "something between friend and n drops udp to 10.0.0.1:53")]
    ((_caller, cause),) = differences(let_in=["friend", "stranger"])
    assert cause.startswith("n lets in 10.0.0.3 at udp 53, which no set of the plan holds")
    ((_caller, cause),) = differences(unheard=["friend"])
    assert cause.startswith("nothing listens at 10.0.0.1:53 (udp) on n")


def test_what_nobody_knows_is_neither_passed_nor_failed():
    verification = compare(PLAN, results())
    lines = verification_lines(verification)
    assert verification.differences == ()
    assert sum("open / silent" in line and "<<<" not in line for line in lines) == 1
    assert "NOT PROVED: n stream 53/udp, 2 connections: no answer, and nobody watched on n" in lines
    assert "2 unverified: the fleet behaves as planned, as far as it was probed" in lines[-1]
    assert (
        "unverified" not in verification_lines(compare(PLAN, results(), {"n": {**NOTHING, "let_in": ["friend"]}}))[-1]
    )
    told = {"outcomes": [one.as_dict() for one in verification.outcomes]}
    page = FORMS[".md"](Evidence(PLAN, verification=told))
    assert "All but 2, which are unverified, met what the plan says." in page
    assert "2 connections to stream of n unverified: no answer, and nobody watched on n." in page
    suites = {one.get("name"): one for one in ET.fromstring(FORMS[".xml"](Evidence(PLAN, verification=told)))}
    assert (suites["verification"].get("failures"), suites["verification"].get("skipped")) == ("0", "2")


def said(observer):
    probes = chosen_probes(PLAN, "friend", "n", "stream")
    seen = by_name(PLAN, probes, results()["friend"], observer)
    return explain(PLAN, probes[0], seen[probes[0].name])[-1]


def test_an_explanation_says_as_much_as_is_known():
    assert said(None) == "  seen        silent (no answer, and nobody watched on n)"
    assert said({**NOTHING, "let_in": ["friend"]}) == "  seen        open (no answer, but n let it in)"
    assert said({**NOTHING, "arrived": ["friend"]}).endswith(
        "filtered (it came to n, which did not let it in)  <<< differs"
    )


def test_what_nodes_registered():
    observer = {**NOTHING, "let_in": ["friend"]}
    for registered, found in (
        ({"observer": observer}, {"n": observer}),
        ({"skipped": True}, {}),
        ({"observer": {}}, {}),
    ):
        assert registered_observers(PLAN, {"n": {"x": registered}}, "x") == found
    assert registered_observers(PLAN, {}, "x") == registered_observers(PLAN, {"n": {}}, "x") == {}
    assert registered_observers(PLAN, {"n": {}}, None) == {}

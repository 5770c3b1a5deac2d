# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proposed sources of a node, their evidence, and the questions about its clients."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import (
    make_access,
    make_client,
    make_host,
    make_other,
    make_published,
    make_settings,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.test_propose import (
    propose,
    read_variables,
)

ADMIN = {"settings": make_settings(admin_listen="10.0.0.1:8001"), "clients": [make_client(8001, "10.0.0.9")]}
ALLOWED = "The host's firewall allows now: "


@pytest.mark.parametrize(
    ("access", "text"),
    [
        (make_access(8001, "any"), "any source (ipv4 to tcp 8001)"),
        (make_access(8001, "10.0.0.0/24", "192.0.2.7/32"), "10.0.0.0/24, 192.0.2.7 (ipv4 to tcp 8001)"),
        (make_access(8001, "any", excepted=["198.51.100.0/24"]), "any source, except 198.51.100.0/24 (ipv4 to tcp 8001)"),
        (make_access(8001, unknown=["10.0.0.0/8"], reason="`limit`"), "no source; 10.0.0.0/8: not known, because of `limit` (ipv4 to tcp 8001)"),
        (make_access(8001, *(f"10.0.0.{number}/32" for number in range(23))), "10.0.0.19, 3 more networks (ipv4 to tcp 8001)"),
    ],
)  # fmt: skip
def test_evidence_of_sources_has_what_the_firewall_allows_now(access, text):
    proposal = propose([make_host("a", "10.0.0.1", **ADMIN, access=[access, make_access(22, "any")])])
    (line,) = [line for line in proposal.nodes["a"] if line.variable == "kong_admin_sources"]
    assert line.evidence.startswith("observed: connected: 10.0.0.9. The ")
    assert ALLOWED in line.evidence
    assert line.evidence.endswith(text)


def test_evidence_of_sources_has_what_the_firewall_allows_for_each_family():
    access = [make_access(8001, "10.0.0.0/24"), make_access(8001, "fd00::/64", family="ipv6")]
    proposal = propose([make_host("a", "10.0.0.1", **ADMIN, access=access)])
    (line,) = [line for line in proposal.nodes["a"] if line.variable == "kong_admin_sources"]
    assert line.evidence.endswith(f"{ALLOWED}10.0.0.0/24 (ipv4 to tcp 8001); fd00::/64 (ipv6 to tcp 8001)")


@pytest.mark.parametrize(
    ("access", "is_left_out"),
    [
        ([make_access(8001, "10.0.0.0/24")], False),
        ([make_access(8001, "10.0.1.0/24")], True),
        ([make_access(8001, "any", excepted=["10.0.0.9/32"])], True),
        ([make_access(8001, "any", excepted=["10.0.0.8/32"])], False),
        ([make_access(8001, unknown=["10.0.0.0/8"], reason="a limit")], False),
        ([make_access(8001, unknown=["any"], reason="a limit")], False),
        ([make_access(8001, family="ipv6")], False),
        ([make_access(8001), make_access(8001, "any")], False),
        ([make_access(22)], False),
        ([], False),
    ],
)
def test_client_that_the_firewall_refuses_is_left_out_and_asked_about(access, is_left_out):
    proposal = propose([make_host("a", "10.0.0.1", **ADMIN, access=access)])
    asked = [question for question in proposal.questions["a"] if "would refuse" in question]
    assert ("kong_admin_sources" not in read_variables(proposal, "a"), len(asked)) == (is_left_out, int(is_left_out))
    assert all(question.startswith("10.0.0.9 is a client of admin, but") for question in asked)


PUBLISHED = {"shares_network": False, "container": "0123456789ab", "unit": "", "published": make_published("9001:8001")}


def test_the_sources_of_a_published_port_are_those_of_the_port_in_the_container():
    access = [make_access(9001, "10.0.0.0/24", inside=8001), make_access(8001, "any", inside=8000)]
    settings = {"settings": make_settings(admin_listen="0.0.0.0:8001")}
    proposal = propose([make_host("a", "10.0.0.1", **{**ADMIN, **settings}, **PUBLISHED, access=access)])
    (line,) = [line for line in proposal.nodes["a"] if line.variable == "kong_admin_sources"]
    assert line.value == ["10.0.0.9"]
    assert line.evidence.endswith(f"{ALLOWED}10.0.0.0/24 (ipv4 to published tcp 9001)")
    refused = [make_access(9001, "10.0.1.0/24", inside=8001)]
    proposal = propose([make_host("a", "10.0.0.1", **{**ADMIN, **settings}, **PUBLISHED, access=refused)])
    assert "kong_admin_sources" not in read_variables(proposal, "a")


def test_question_about_a_listener_without_a_client_has_what_the_firewall_allows_now():
    host = make_host("a", "10.0.0.1", **{**ADMIN, "clients": []}, access=[make_access(8001, "10.0.0.0/24")])
    (question,) = [text for text in propose([host]).questions["a"] if "no client of admin" in text]
    assert question.endswith(f"which hosts use it? {ALLOWED}10.0.0.0/24 (ipv4 to tcp 8001)")


def test_clients_of_earlier_runs_are_sources_too_and_a_second_run_changes_nothing():
    first = propose([make_host("a", "10.0.0.1", **ADMIN)])
    assert first.observed == {"a": {"admin": {"10.0.0.9": ["connected"]}}}
    again = propose([make_host("a", "10.0.0.1", **{**ADMIN, "clients": []})], first.observed)
    assert again == first


def test_evidence_names_each_place_of_each_client():
    clients = [make_client(8001, "10.0.0.9"), make_client(8001, "10.0.0.30", "tracked"), make_client(8001, "10.0.0.9", "tracked")]  # fmt: skip
    host = make_host("a", "10.0.0.1", **{**ADMIN, "clients": clients, "logged": ["192.0.2.1", "10.0.0.9"]})
    (line,) = [
        line for line in propose([host, make_other("ops", "10.0.0.30")]).nodes["a"] if "sources" in line.variable
    ]
    assert line.value == ["10.0.0.9", "192.0.2.1", "ops"]
    assert line.evidence == (
        "observed: connected: 10.0.0.9; in the access log of the Admin API: 10.0.0.9, 192.0.2.1; tracked by the kernel: 10.0.0.9, ops."
    )


def test_an_address_of_two_hosts_is_no_name():
    host = make_host("a", "10.0.0.1", **ADMIN)
    proposal = propose([host, make_other("ops", "10.0.0.9"), make_other("old", "10.0.0.9")])
    assert read_variables(proposal, "a")["kong_admin_sources"] == ["10.0.0.9"]


OPEN = {
    "settings": make_settings(
        proxy_listen="0.0.0.0:8000, 0.0.0.0:8443 ssl", stream_listen="0.0.0.0:9100, 0.0.0.0:9100 udp"
    )
}
LIMITED = make_access(8000, "10.0.0.0/24")
DROPPED = make_access(9100, "10.0.0.0/24")


@pytest.mark.parametrize(
    ("access", "listener", "value"),
    [
        ([], "proxy", None),
        ([make_access(8000, "any"), make_access(8443, "any")], "proxy", None),
        # A ban of some sources.
        ([make_access(8000, "any", excepted=["10.0.0.9/32"])], "proxy", None),
        ([LIMITED, make_access(8443, "10.0.0.0/24")], "proxy", ["10.0.0.0/24"]),
        ([LIMITED, make_access(8443, "any")], "proxy", {8000: ["10.0.0.0/24"], 8443: ["any"]}),
        ([LIMITED], "proxy", {8000: ["10.0.0.0/24"], 8443: ["any"]}),
        ([make_access(8000), make_access(8443)], "proxy", ["nobody"]),
        ([*(make_access(port, "10.0.0.0/24") for port in (8000, 8443)), *(make_access(port, "any", family="ipv6") for port in (8000, 8443))],
         "proxy", ["10.0.0.0/24", "::/0"]),
        ([*(make_access(port, "any") for port in (8000, 8443)), *(make_access(port, family="ipv6") for port in (8000, 8443))], "proxy", ["0.0.0.0/0"]),
        ([DROPPED, make_access(9100, "10.0.0.0/24", protocol="udp")], "stream", ["10.0.0.0/24"]),
        # Unknown, or not the same for both protocols or both addresses.
        ([DROPPED, make_access(9100, "any", protocol="udp")], "stream", None),
        ([DROPPED, make_access(9100, "any")], "stream", None),
        ([make_access(9100, "10.0.0.0/24", unknown=["10.0.1.0/24"], reason="a limit")], "stream", None),
    ],
)  # fmt: skip
def test_an_open_listener_has_the_sources_that_the_firewall_allows_now(access, listener, value):
    proposal = propose([make_host("a", "10.0.0.1", **OPEN, access=access)])
    lines = {line.variable: line for line in proposal.nodes["a"]}
    name = f"kong_{listener}_sources"
    assert (lines[name].value if name in lines else None) == value
    asked = [
        text for text in proposal.questions["a"] if text.startswith("the sources that the host's firewall allows to")
    ]
    assert len(asked) == (listener == "stream" and value is None)
    if value:
        assert lines[name].evidence.startswith("observed: the host's firewall allows now: ")
    hosts = {"a": {line.variable: line.value for line in proposal.nodes["a"]}}
    assert not compile_plan(PlainInventory({"all": ["a"], "kong": ["a"]}, hosts), "kong").errors

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    ERROR,
    MESSAGE_LIMIT,
    THIS_HOST,
    Fault,
    Finding,
    complete_message,
    fits,
    format_finding,
    join_message,
    make_host_finding,
    select_host,
    share_findings,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run_plan import RefusedError
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet, read_text


def make_finding(host, code="port-zero", value=0, text="kong_x: 0: the port is 0"):
    return Finding("error", code, host, "kong_x", value, f"{host}: {text}")


def test_text_that_hosts_share_is_one_finding():
    assert share_findings(
        [make_finding("k10"), make_finding("k2"), make_finding("k3", value=1, text="kong_x: 1: other")]
    ) == [
        {
            "severity": "error",
            "code": "port-zero",
            "hosts": ["k2", "k10"],
            "variable": "kong_x",
            "value": 0,
            "message": "kong_x: 0: the port is 0",
        },
        {
            "severity": "error",
            "code": "port-zero",
            "hosts": ["k3"],
            "variable": "kong_x",
            "value": 1,
            "message": "kong_x: 1: other",
        },
    ]


def test_different_codes_are_different_findings():
    assert len(share_findings([make_finding("k1"), make_finding("k2", code="port-range")])) == 2


def test_line_names_the_hosts_first():
    (shared,) = share_findings([make_finding("k1"), make_finding("k2")])
    assert format_finding(shared) == "k1 to k2, 2 nodes: kong_x: 0: the port is 0 [port-zero]"


@pytest.mark.parametrize("names", [["a", "ip-10-0-0-1.eu-west-1.internal"], ["x" * 33, "x" * 64, "x" * 253]])
def test_the_length_of_a_name_does_not_change_a_text(names):
    text = f"{THIS_HOST} is wrong{' or another remedy' * 15}"
    (shared,) = share_findings(
        make_host_finding(ERROR, "no-path", name, "kong_nat", ["value"] * 50, text) for name in names
    )
    assert sorted(shared["hosts"]) == sorted(names)


def test_a_site_with_the_name_of_the_host_keeps_its_name():
    text = f"no path from a (site lan) to {THIS_HOST} (site lan). Give lan.x a mapping"
    (shared,) = share_findings([make_host_finding(ERROR, "no-path", "lan", "kong_nat", None, text + " or y" * 90)])
    assert "(site lan)" in shared["message"]
    nodes = {
        "a": {"kong_version": "0.10.4", "kong_site": "a" * 80, "kong_address": "10.0.0.1"},
        "b" * 80: {"kong_version": "0.10.4", "kong_site": "b" * 80, "kong_address": "10.0.0.2"},
    }
    for finding in compile_fleet(nodes).errors:
        assert f"site {THIS_HOST}" not in read_text(finding)
    assert any(f"site {'b' * 32}…{'b' * 31}" in read_text(finding) for finding in compile_fleet(nodes).errors)


def test_hosts_with_the_same_text_share_it_whatever_their_details_are():
    found = [
        make_host_finding(ERROR, "no-path", name, "kong_nat", None, "no path. Add one").with_detail(
            f"is in site {name}"
        )
        for name in ("k10", "k2")
    ]
    (shared,) = share_findings(found)
    assert format_finding(shared) == (
        "k2, k10, 2 nodes: kong_nat: no path. Add one. k2, for example, is in site k2 [no-path]"
    )
    assert shared["details"] == {"k2": "is in site k2", "k10": "is in site k10"}
    single = "kong_nat: no path. Add one. This host is in site k10"
    assert join_message(share_findings(found[:1])[0]) == join_message(select_host(shared, "k10")) == single


def test_a_detail_that_does_not_fit_is_after_the_message():
    long = make_host_finding(ERROR, "no-path", "a", "kong_nat", None, "word " * 70).with_detail("is y")
    (shared,) = share_findings([long])
    message, end = complete_message(shared)
    assert (message[-5:], end) == ("word.", "This host is y")
    assert join_message(shared) == f"{message} {end}"
    assert len(long.with_detail("x" * 999).detail) == 300


@pytest.mark.parametrize(
    ("length", "shown"), [(300, "Give a, set b, or add c"), (346, "Give a, or set b"), (358, "Give a")]
)
def test_a_long_message_has_as_many_remedies_as_possible(length, shown):
    text = f"{'word ' * 80}"[: length - len("kong_nat: .")].strip() + "."
    finding = make_host_finding(ERROR, "no-path", "h", "kong_nat", None, Fault(text, ["give a", "set b", "add c"]))
    assert finding.message == f"h: kong_nat: {text} {shown}"
    assert format_findings(share_findings([finding])) == [f"- error: h: kong_nat: {text} {shown} [no-path]"]


NAME, SITE = "gateway-" * 12, "east " * 70


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        # First the names, then the remedies, then the end of the text.
        (Fault(f"no path from {NAME}1 to x.", [f"give {NAME}2 a", "b"]), f"Give {NAME}2 a, or b"),
        (
            Fault(f"no path from {NAME}1 to x. {'word ' * 9}", [f"give {NAME}2 a"] * 2),
            "Give gateway-gateway-gate…y-gateway-gateway-2 a, or give gateway-gateway-gate…y-gateway-gateway-2 a",
        ),
        (Fault(f"no path from {NAME}1 to x.", [f"give {NAME}2 a{' b' * 60}"] * 2), f"2 a{' b' * 60}"),
        (Fault(SITE, [SITE, SITE], Fault("no path.", ["give a", "b"])), "no path. Give a, or b"),
        (f"no path from {NAME}1 to {NAME}2. Give {NAME}1 or {NAME}2 a", "gateway-2 a"),
        (Fault(f"no path {SITE}.", [f"give {NAME}2 a"]), "Give gateway-gateway-…teway-gateway-2 a"),
        (Fault("no path.", [f"give {SITE} a"]), " east…"),
        (SITE + SITE, "…"),
    ],
)
def test_a_text_with_long_names_keeps_its_remedy(fault, expected):
    host = "n" * 253
    finding = make_host_finding(ERROR, "no-path", host, "kong_nat", None, fault)
    assert finding.message.startswith(f"{'n' * 32}…{'n' * 31}: kong_nat: no path" if "no path" in str(fault) else "n")
    assert finding.message.endswith(expected)
    assert len(finding.message) <= MESSAGE_LIMIT
    (shared,) = share_findings([finding])
    assert shared["message"] == finding.message.partition(": ")[2]


@pytest.mark.parametrize("length", [4, 20, 63, 253])
def test_a_line_has_as_many_names_of_hosts_as_fit(length):
    names = [f"{'k' * (length - 3)}{number:03}" for number in range(1, 60, 2)]
    found = [make_host_finding(ERROR, "no-path", name, "kong_nat", None, "word " * 90) for name in names]
    line = format_finding(share_findings(found)[0])
    assert len(line.removesuffix(" [no-path]")) <= MESSAGE_LIMIT
    assert " more, 30 nodes: kong_nat: word" in line
    short = format_finding({**share_findings(found)[0], "message": "kong_nat: word"})
    assert short.startswith(f"{names[0]}, {names[1]}") == (length < 253)


def test_a_refusal_counts_the_errors_and_names_each_code_once():
    findings = [
        {"severity": severity, "code": code, "hosts": ["k1"], "message": message}
        for severity, code, message in (
            ("error", "b", "x"),
            ("warning", "c", "x"),
            ("error", "a", "x"),
            ("error", "b", "y"),
        )
    ]
    assert str(RefusedError(findings[:2])) == "There is no plan for this inventory: 1 error (b)"
    assert str(RefusedError(findings)) == "There is no plan for this inventory: 3 errors (b, a)"


@pytest.mark.parametrize(("host", "room"), [(1, 366), (32, 366), (33, 334), (64, 334), (65, 334)])
def test_the_room_for_a_text_depends_on_the_length_of_the_name(host, room):
    assert fits("h" * host, "v", "x" * (room - 3))
    assert not fits("h" * host, "v", "x" * (room - 2))


@pytest.mark.parametrize(
    ("text", "length"), [("t", 160), ("t" * (366 - 12 - 160), 160), ("t" * (366 - 12 - 100), 100), ("t" * 330, 24)]
)
def test_a_long_value_is_shortened_to_the_room_that_the_text_leaves(text, length):
    """The variable and the separators have 12 characters."""
    message = make_host_finding(ERROR, "no-path", "h", "kong_nat", "x" * 300, text).message
    assert message == f"h: kong_nat: '{'x' * (length - 2)}…: {text}"

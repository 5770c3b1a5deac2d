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
    format_finding,
    join_message,
    make_host_finding,
    select_host,
    share_findings,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run_plan import RefusedError
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compiled, read_text


def finding(host, code="port-zero", value=0, text="kong_x: 0: the port is 0"):
    return Finding("error", code, host, "kong_x", value, f"{host}: {text}")


def test_text_that_hosts_share_is_one_finding():
    assert share_findings([finding("k10"), finding("k2"), finding("k3", value=1, text="kong_x: 1: other")]) == [
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
    assert len(share_findings([finding("k1"), finding("k2", code="port-range")])) == 2


def test_line_names_the_hosts_first():
    (shared,) = share_findings([finding("k1"), finding("k2")])
    assert format_finding(shared) == "k1 to k2, 2 nodes: kong_x: 0: the port is 0 [port-zero]"


def test_the_length_of_a_name_does_not_change_a_text():
    names = ["a", "ip-10-0-0-1.eu-west-1.compute.internal", "x" * 253]
    text = f"{THIS_HOST} is wrong{' or another remedy' * 15}"
    (shared,) = share_findings(
        make_host_finding(ERROR, "no-path", name, "kong_nat", ["value"] * 50, text) for name in names
    )
    assert sorted(shared["hosts"]) == sorted(names)
    assert len(shared["message"]) <= MESSAGE_LIMIT


def test_a_site_with_the_name_of_the_host_keeps_its_name():
    text = f"no path from a (site lan) to {THIS_HOST} (site lan). Give lan.x a mapping"
    (shared,) = share_findings([make_host_finding(ERROR, "no-path", "lan", "kong_nat", None, text + " or y" * 90)])
    assert "(site lan)" in shared["message"]
    nodes = {
        "a": {"kong_version": "0.10.4", "kong_site": "a" * 80, "kong_address": "10.0.0.1"},
        "b" * 80: {"kong_version": "0.10.4", "kong_site": "b" * 80, "kong_address": "10.0.0.2"},
    }
    for finding in compiled(nodes).errors:
        assert f"site {THIS_HOST}" not in read_text(finding)
    assert any(f"site {'b' * 80}" in read_text(finding) for finding in compiled(nodes).errors)


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
    long = make_host_finding(ERROR, "no-path", "a", "kong_nat", None, "x" * (MESSAGE_LIMIT - 20)).with_detail("is y")
    (shared,) = share_findings([long])
    message, more = complete_message(shared)
    assert (message[-2:], more) == ("x.", "This host is y")
    longer = make_host_finding(ERROR, "no-path", "a", "kong_nat", None, "word " * 100).with_detail("is y")
    assert complete_message(share_findings([longer])[0])[1].endswith(". This host is y")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("reason " * 40 + "x. " + "remedy " * 40 + "y", "remedy " * 40 + "y"),
        ("word " * 100, "word " * 22),
        ("x" * 500, "x" * 500),
    ],
)
def test_the_end_of_a_long_message_is_separate(text, rest):
    """The first part ends after a sentence, else after a word. Nothing is lost."""
    finding = make_host_finding(ERROR, "no-path", "host", "kong_nat", None, text)
    assert len(finding.message) <= MESSAGE_LIMIT + len(f"{finding.host}: ")
    assert finding.more == rest
    (shared,) = share_findings([finding])
    assert join_message(shared).replace(" ", "") == f"kong_nat: {text}".replace(" ", "")
    assert format_finding(shared) == f"{finding.message} [no-path]"


@pytest.mark.parametrize(
    ("length", "shown", "more"),
    [
        (300, "Give a, set b, or add c", ""),
        (379, "Give a, or set b", "Or add c"),
        (392, "Give a", "Or set b, or add c"),
    ],
)
def test_a_long_message_has_as_many_remedies_as_possible(length, shown, more):
    text = f"{'x' * (length - len('kong_nat: .'))}."
    finding = make_host_finding(ERROR, "no-path", "h", "kong_nat", None, Fault(text, ["give a", "set b", "add c"]))
    assert (finding.message, finding.more) == (f"h: kong_nat: {text} {shown}", more)
    (shared,) = share_findings([finding])
    assert len(shared["message"]) <= MESSAGE_LIMIT
    assert join_message(shared) == f"kong_nat: {text} {shown}{more and f'. {more}'}"
    assert format_findings([shared]) == [
        f"- error: h: kong_nat: {text} {shown} [no-path]",
        *([f"  {more}"] if more else []),
    ]


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

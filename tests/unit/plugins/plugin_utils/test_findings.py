# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    ERROR,
    MESSAGE_LIMIT,
    Finding,
    format_finding,
    make_host_finding,
    share_findings,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run_plan import RefusedError


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


def test_a_long_name_is_not_repeated_in_a_long_message():
    name, other = "ip-10-0-0-1.eu-west-1.compute.internal", "ip-10-0-0-2.eu-west-1.compute.internal"
    text = f"no path from x{name} and {other} to {name}. Give {name}: a mapping{' or another remedy' * 12}. Add {name}.x to {name}."

    def found(text):
        finding = make_host_finding(ERROR, "no-path", name, "kong_nat", None, text)
        return finding.message, finding.more

    shown = f"no path from x{name} and {other} to this host. Give this host: a mapping{' or another remedy' * 12}. Add {name}.x to this host."
    first, _blank, rest = f"{name}: kong_nat: {shown}".partition(" Give")
    assert found(text) == (first, f"Give{rest}")
    assert found(f"{name} is short") == (f"{name}: kong_nat: {name} is short", "")
    assert (
        "a a mapping"
        in make_host_finding(ERROR, "no-path", "a", "kong_nat", None, "give a a mapping " + "y" * 400).message
    )


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("reason " * 40 + "x. " + "remedy " * 40 + "y", "remedy " * 40 + "y"),
        ("word " * 100, "word " * 24),
        ("x" * 500, "x" * 500),
    ],
)
def test_the_end_of_a_long_message_is_separate(text, rest):
    """The first part ends after a sentence, else after a word. Nothing is lost."""
    finding = make_host_finding(ERROR, "no-path", "host", "kong_nat", None, text)
    assert len(finding.message) <= MESSAGE_LIMIT
    assert finding.more == rest
    (shared,) = share_findings([finding])
    assert format_finding(shared).replace(" ", "") == f"host: kong_nat: {text} [no-path]".replace(" ", "")


def test_a_refusal_counts_the_errors_and_names_each_code_once():
    findings = [
        {"severity": severity, "code": code}
        for severity, code in (("error", "b"), ("warning", "c"), ("error", "a"), ("error", "b"))
    ]
    assert str(RefusedError(findings[:2])) == "There is no plan for this inventory: 1 error (b)"
    assert str(RefusedError(findings)) == "There is no plan for this inventory: 3 errors (b, a)"

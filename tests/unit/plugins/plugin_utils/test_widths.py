# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No table of any output is wider than 100 columns, and counted nouns have the right form, whatever the names are."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import compare_plans
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes_text import format_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import format_drift, gather
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.explain import (
    choose_probes,
    explain,
    list_outcomes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

WIDTH = 100
LONG = "x" * 60
RESULTS = {"open": "open", "filtered": "filtered", "closed": "refused"}
# A number and a noun: 1 with a plural, or another number with a singular.
NOUNS = "node|host|connection|difference|change|error|warning|note|finding|port|listener|day|rule|row|box|site|network|forward"
WRONG_PLURAL = re.compile(
    rf"(?<![\d.:-])(?:1 (?:more )?(?:{NOUNS})e?s\b|(?:[02-9]|\d\d+) (?:more )?(?:{NOUNS})\b(?! \d))"
)


def make_fleet(count, label, *, is_ipv6):
    """Return nodes behind NAT devices, with a stream and intercept rules, and the host for their Admin API."""
    nodes = {
        f"{label}-{number:02}": {
            "kong_version": "3.4", "kong_site": f"site-{label}-{number % 3}", "kong_cluster": f"cluster-{label}",
            "kong_address": [f"10.0.{number}.1", f"2001:db8:aaaa:bbbb:cccc:dddd:eeee:{number:04x}"][: 1 + is_ipv6],
            "kong_vpn_address": f"10.8.0.{number}", "kong_admin_sources": [f"admin-{label}"],
            "kong_admin_listen": ["0.0.0.0:8001", "[::]:8001"][: 1 + is_ipv6],
            "kong_nat": [{"outside": f"203.0.113.{number}", "device": f"router-{label}-{number}"}],
        }
        for number in range(1, count + 1)
    }  # fmt: skip
    others = {f"admin-{label}": {"kong_address": "10.0.1.200", "kong_site": f"site-{label}-1"}}
    return plan_fleet(nodes, others)


def verify(plan, changed):
    """Return a verification in which some results differ, with certificates that expire."""
    certificate = {"subject": f"CN={LONG}.{LONG}", "not_after": "2027-01-01T00:00:00Z", "days_left": 1}
    probes = {caller: list_probes_from(plan, caller) for caller in list_callers(plan)}
    return compare(
        plan,
        {
            caller: [
                {"name": probe.name, "detail": "", "mark": "", "certificate": certificate, "status": 200}
                | {"result": "filtered" if number < changed else RESULTS[probe.expected]}
                for number, probe in enumerate(found)
            ]
            for caller, found in probes.items()
        },
    )  # fmt: skip


def list_texts(plan, changed):
    """Return every output of a plan: for a terminal as lines, and reports as text."""
    names = [*plan["nodes"]]
    verification = verify(plan, changed)
    line = f"{LONG} is {LONG * 2}, planned {LONG}"
    drift = gather(plan, {name: {"firewall": {"report": [line]}} for name in names[:changed]}).as_dict()
    probes = choose_probes(plan, list_callers(plan)[-1], names[0], None)
    outcomes = list_outcomes(plan, probes, [], None)
    empty = {**plan, "nodes": {}, "hosts": {}, "findings": [], "nat_forwards": [], "sets": {}}
    evidence = Evidence(
        plan,
        {"outcomes": [outcome.as_dict() for outcome in verification.outcomes]},
        drift,
        compare_plans(empty, plan),
    )
    return {
        "plan": format_plan(plan),
        "changes": format_changes(compare_plans(empty, plan)),
        "verification": format_verification(verification),
        "drift": format_drift(drift),
        "explain": [line for probe in probes for line in explain(plan, probe, outcomes)],
        "markdown": FORMS[".md"](evidence).splitlines(),
        "junit": FORMS[".xml"](evidence).splitlines(),
        "html": [re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", FORMS[".html"](evidence), flags=re.DOTALL)],
    }


def list_tables(lines):
    """Yield the lines of tables: a header, a rule of dashes, and the lines up to an empty line."""
    for index, line in enumerate(lines):
        if line and set(line) <= {"-", " "}:
            end = lines.index("", index) if "" in lines[index:] else len(lines)
            yield from lines[index - 1 : end]


@pytest.mark.parametrize("is_ipv6", [False, True])
@pytest.mark.parametrize("label", ["n", LONG])
@pytest.mark.parametrize("count", [1, 2, 7, 25])
def test_widths_and_plurals(count, label, is_ipv6):
    plan = make_fleet(count, label, is_ipv6=is_ipv6)
    for changed in (0, 1, 3):
        for name, lines in list_texts(plan, changed).items():
            for line in lines:
                assert not WRONG_PLURAL.search(line), (name, WRONG_PLURAL.search(line)[0], line[:300])
            if name in ("plan", "verification", "drift"):
                assert [line for line in list_tables(lines) if len(line) > WIDTH] == [], name

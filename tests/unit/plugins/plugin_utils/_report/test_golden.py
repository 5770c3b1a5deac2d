# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete reports and their pictures, word for word.

Delete a file in tests/golden/report to write it again. The test fails once, and the diff shows the changes.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import compare_plans
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.refused import REFUSED_FORMS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

GOLDEN = Path(__file__).parents[4] / "golden" / "report"
SEED = plan_fleet(SEED_NODES, SEED_OTHERS)
RESULTS = {"open": "open", "filtered": "filtered", "closed": "refused"}


def make_outcomes(plan, *, absent=()):
    """Return the outcomes of a fleet in which every connection is as planned."""
    probed = {
        caller: [
            {"name": probe.name, "result": RESULTS[probe.expected], "detail": ""}
            for probe in list_probes_from(plan, caller)
        ]
        for caller in list_callers(plan)
        if caller not in absent
    }
    return [outcome.as_dict() for outcome in compare(plan, probed).outcomes]


def make_whole():
    """Every connection is as planned; an Admin API answers without authentication, and certificates end soon."""
    outcomes = make_outcomes(SEED)
    days = {"a1": 400, "a2": 29, "b1": -1}
    for outcome in outcomes:
        if outcome["listener"] == "admin" and outcome["port"] == 8444 and outcome["result"] == "open":
            outcome["certificate"] = {
                "subject": "CN=kong",
                "not_after": "2027-01-01T00:00:00Z",
                "days_left": days[outcome["to"]],
            }
            outcome["status"] = 200 if outcome["to"] == "a1" else 401
    verification = {"at": "2026-11-25 12:00 UTC", "outcomes": outcomes}
    drift = {"at": "2026-11-25 12:05 UTC", "nodes": {"a1": {"firewall": [], "settings": []}}, "not_checked": {}}
    return Evidence(SEED, verification, drift, [])


def make_differences():
    """Connections are blocked, open, unverified and not tested; a node has drifted, and another node was unreachable."""
    outcomes = make_outcomes(SEED, absent=["b1"])
    for outcome in outcomes:
        if (outcome["from"], outcome["to"], outcome["listener"]) == ("a1", "b1", "cluster"):
            outcome.update(result="filtered", detail="no answer", cause="the NAT device does not forward")
        if (outcome["from"], outcome["to"], outcome["listener"], outcome["protocol"]) == ("a2", "a1", "cluster", "udp"):
            outcome.update(result="silent", detail="udp 7946 does not answer")
        if (outcome["from"], outcome["listener"], outcome["port"], outcome["to"]) == ("a1", "admin", 8001, "a2"):
            outcome.update(result="open")
    verification = {"outcomes": outcomes, "sampled": True, "placeholders": ["a1", "a2"]}
    lines = {
        "firewall": ["10.0.0.0/8 can reach tcp 8001 (admin) and should not"],
        "settings": ["kong.conf: ssl is off, planned on"],
    }
    drift = {
        "nodes": {"a1": lines, "a2": {"firewall": [], "settings": []}},
        "not_checked": {"b1": ["it was unreachable, failed or not part of this run"]},
    }
    return Evidence(SEED, verification, drift)


def make_changes():
    """A node moves its port, loses the sources of its Admin API, and a node is new."""
    nodes = {**SEED_NODES, "a3": {**SEED_NODES["a1"], "kong_address": "192.168.10.13"}}
    nodes["a2"] = {**nodes["a2"], "kong_proxy_listen": "0.0.0.0:9000", "kong_admin_sources": ["192.168.10.0/28"]}
    plan = plan_fleet(nodes, SEED_OTHERS)
    return Evidence(plan, changes=compare_plans(SEED, plan))


def make_many():
    """Many equivalent nodes, with both families and a VPN, without a verification."""
    nodes = {
        f"n{number:02}": {
            "kong_address": [f"10.0.0.{number}", f"fd00::{number}"], "kong_site": "east" if number < 8 else "west",
            "kong_vpn_address": f"10.99.0.{number}", "kong_flat_network": True, "kong_version": "3.9" if number % 5 else "3.4",
            "kong_admin_listen": ["0.0.0.0:8001", "[::]:8001"], "kong_admin_sources": ["@kong"],
            "kong_proxy_listen": "0.0.0.0:8000", "kong_admin_gui_listen": "off",
        }
        for number in range(1, 14)
    }  # fmt: skip
    return Evidence(plan_fleet(nodes))


FINDINGS = [
    {
        "severity": severity,
        "code": code,
        "hosts": ["n1"],
        "variable": "kong_x",
        "value": [1],
        "message": f"kong_x: {code}",
    }
    for severity, code in [("error", "source-any"), ("error", "unheard-of"), ("warning", "source-no-path")]
]
REPORTS = (make_whole, make_differences, make_changes, make_many)
TEXTS = {
    **{f"{make.__name__.removeprefix('make_')}.md": lambda make=make: FORMS[".md"](make()) for make in REPORTS},
    **{
        f"{make.__name__.removeprefix('make_')}.svg": lambda make=make: select_pictures(FORMS[".html"](make()))
        for make in (make_differences, make_many)
    },
    "differences.xml": lambda: FORMS[".xml"](make_differences()),
    "refused.md": lambda: REFUSED_FORMS[".md"](FINDINGS),
    "refused.xml": lambda: REFUSED_FORMS[".xml"](FINDINGS),
}


def select_pictures(page):
    """Return the pictures of a page, one element on each line."""
    return "\n".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL)).replace("><", ">\n<") + "\n"


@pytest.mark.parametrize("name", TEXTS)
def test_report_word_for_word(name):
    text, path = TEXTS[name](), GOLDEN / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path} was missing and is written now: read it before you commit it")
    assert text == path.read_text(encoding="utf-8")

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every output has names and addresses in natural order: a fleet of twelve passes through each of them."""

from __future__ import annotations

import re

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import format_finding, share_findings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.group import describe_no_nodes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.source_hosts import find_source_hosts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import compare_plans
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes_text import format_changes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import make_unknown_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import PartedPlan, write_parts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.refused import REFUSED_FORMS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import format_drift, gather
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.names import explain_name
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    compile_fleet,
    make_inventory,
    plan_fleet,
)

# As Ansible groups hosts: in the order of the inventory, which need not be the order of their names.
NUMBERS = (10, 2, 12, 1, 11, 3, 9, 4, 8, 5, 7, 6)
_NAME = r"(?<![\w-])dp\d+|(?<![\w.-])(?:op|gw|s)\d+|(?<![\d.])10\.0\.\d+\.1(?![\d.])"
RESULTS = {"open": "open", "filtered": "filtered", "closed": "refused"}


def make_nodes(version="3.4", **more):
    """Return a node at each site, behind a NAT device of its own, with the Admin API for its operator."""
    return {
        f"dp{number}": {
            "kong_version": version, "kong_address": f"10.0.{number}.1", "kong_site": f"s{number}",
            "kong_nat": [{"outside": f"203.0.113.{number}", "device": f"gw{number}"}],
            "kong_admin_listen": "0.0.0.0:8001", "kong_admin_sources": [f"op{number}"], "kong_typo_sources": f"x{number}",
            "kong_admin_listn": f"typo {number}", **more,
        }
        for number in NUMBERS
    }  # fmt: skip


OTHERS = {f"op{number}": {"kong_address": f"10.1.{number}.1", "kong_site": f"s{number}"} for number in NUMBERS}
GROUPS = {f"s{number}": [f"dp{number}"] for number in NUMBERS}
PLAN = plan_fleet(make_nodes(), OTHERS, GROUPS)
CHANGED = plan_fleet(
    make_nodes("3.5", kong_admin_sources=["10.7.0.0/16", *OTHERS], kong_proxy_sources=[*OTHERS]), OTHERS, GROUPS
)
EMPTY = {**PLAN, "nodes": {}, "hosts": {}, "findings": [], "nat_forwards": [], "sets": {}}
# Every node has an error of its own, and names hosts and groups that do not exist.
WRONG = compile_fleet(
    {name: {**node, "kong_address": f"{name}.invalid"} for name, node in make_nodes().items()}, OTHERS, GROUPS
).findings
DRIFT = gather(
    PLAN,
    {
        f"dp{number}": {"firewall": {"report": [f"line {number}"]}} | ({"settings": {"failed": True, "msg": f"no {number}"}})
        for number in NUMBERS
    },
).as_dict()  # fmt: skip
CERTIFICATE = {"subject": "CN=kong", "not_after": "2027-01-01T00:00:00Z", "days_left": 100}


def verify(plan):
    """Return a verification in which every node differs, has a certificate and an open Admin API."""
    return compare(
        plan,
        {
            caller: [
                {"name": probe.name, "detail": f"of {probe.target}", "mark": "", "certificate": CERTIFICATE, "status": 200}
                | {"result": "filtered" if probe.listener == "proxy" else RESULTS[probe.expected]}
                for probe in list_probes_from(plan, caller)
            ]
            for caller in list_callers(plan)
        },
    )  # fmt: skip


def keep(path, plan):
    """Return a plan after it was kept for the run."""
    write_parts(path / "plan", plan)
    return PartedPlan(path / "plan")


VERIFICATION = verify(PLAN)
EVIDENCE = Evidence(
    PLAN,
    {"outcomes": [outcome.as_dict() for outcome in VERIFICATION.outcomes]},
    DRIFT,
    compare_plans(PLAN, CHANGED),
)
PLACEHOLDERS = {name: [{"protocol": "tcp", "address": "0.0.0.0", "port": 8000}] for name in PLAN["nodes"]}
OUTPUTS = {
    "plan": lambda: format_plan(PLAN),
    "plan-file": lambda: [dump_json(PLAN)],
    "findings": lambda: [format_finding(finding) for finding in PLAN["findings"]],
    "errors": lambda: [format_finding(finding) for finding in share_findings(WRONG)],
    "changes": lambda: format_changes(compare_plans(PLAN, CHANGED)),
    "changes-back": lambda: format_changes(compare_plans(CHANGED, PLAN)),
    "joining": lambda: format_changes(compare_plans(EMPTY, PLAN)),
    "leaving": lambda: format_changes(compare_plans(PLAN, EMPTY)),
    "verification": lambda: format_verification(VERIFICATION, PLACEHOLDERS),
    "drift": lambda: format_drift(DRIFT),
    "unknown-host": lambda: [str(make_unknown_error(PLAN, "x"))],
    "unknown-name": lambda: [explain_name("to", "x", "node", PLAN["nodes"])],
    "no-nodes": lambda: [describe_no_nodes(GROUPS)],
    "source-hosts": lambda: find_source_hosts(make_inventory(make_nodes(), {name: {} for name in OTHERS}, GROUPS), "kong"),
    **{f"report{suffix}": lambda form=form: [form(EVIDENCE)] for suffix, form in FORMS.items()},
    **{f"refused{suffix}": lambda form=form: [form(share_findings(WRONG), None)] for suffix, form in REFUSED_FORMS.items()},
}  # fmt: skip


def list_names(text):
    """Return the names and addresses in a text in the order of their first place; of a range only its start."""
    return [*dict.fromkeys(re.findall(_NAME, re.sub(r"(dp\d+) to dp\d+", r"\1", text)))]


def check_order(names):
    """Fail unless the names of each kind are sorted by their number. Number 1 may be later: no host needs a rule for itself."""
    for kind in ("dp", "op", "gw", "s", "10."):
        numbers = [
            int(re.findall(r"\d+", name)[-2 if kind == "10." else -1]) for name in names if name.startswith(kind)
        ]
        others = [number for number in numbers if number > 1]
        assert others == sorted(others), (kind, numbers)


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_has_names_in_natural_order(name):
    names = list_names("\n".join(OUTPUTS[name]()))
    assert names
    check_order(names)


def test_the_kept_plan_has_names_in_natural_order(tmp_path):
    kept = keep(tmp_path, PLAN)
    for plan in (kept, kept.as_dict()):
        assert [*plan["nodes"]] == [f"dp{number}" for number in range(1, 13)]
        assert [*plan["hosts"]] == [f"op{number}" for number in range(1, 13)]


def test_names_that_differ_in_zeros_have_a_fixed_order():
    kept = {f"dp{number}": number for number in ("1", "01", "001", "2")}
    assert dump_json(kept) == dump_json(dict(reversed(kept.items())))

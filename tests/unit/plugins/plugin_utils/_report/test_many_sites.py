# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The size of reports about fleets of many sites, and the calls that they take."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan import flows
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.sample import choose_sample
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    make_gossip_sites,
    make_hybrid_sites,
    plan_fleet,
)

RESULTS = {"open": "open", "filtered": "filtered", "closed": "refused"}
ADMINS = {"ops": {"kong_site": "office", "kong_address": "192.0.2.9"}}


def make_evidence(nodes):
    plan = plan_fleet(nodes, ADMINS)
    probed = {
        caller: [{"name": probe.name, "result": RESULTS[probe.expected], "detail": ""} for probe in probes]
        for caller, probes in choose_sample(plan, len(nodes) * 10).items()
    }
    outcomes = [outcome.as_dict() for outcome in compare(plan, probed).outcomes]
    return Evidence(plan, {"at": "2026-01-01T00:00:00Z", "sampled": True, "outcomes": outcomes})


@pytest.mark.long
@pytest.mark.parametrize("make", [make_gossip_sites, make_hybrid_sites])
def test_reports_are_linear_in_sites(make, monkeypatch):
    calls = []

    def find_route_to(*arguments):
        calls.append(arguments)
        return find(*arguments)

    find = flows.find_route_to
    monkeypatch.setattr(flows, "find_route_to", find_route_to)
    found = []
    for count in (70, 210):
        evidence = make_evidence(make(count, kong_proxy_sources=["ops"]))
        calls.clear()
        found.append([*(len(render(evidence)) for render in FORMS.values()), len(calls)])
    assert [large / small < 3.5 for small, large in zip(*found, strict=True)] == [True] * 5, found


def test_ports_and_forwards_of_many_sites_refer_to_complete_lists():
    evidence = make_evidence(make_gossip_sites(70, kong_proxy_sources=["ops"]))
    text = FORMS[".md"](evidence)
    [row] = [line for line in text.splitlines() if line.startswith("| list 1 | 70 |")]
    assert [name for name in evidence.plan["nodes"] if f"{name} (" not in row] == []
    assert "| cluster | list 1 without k0003, k0003 itself (10.0.3.2) | yes |" in text
    assert "| cluster | 7946/tcp+udp | 10.0.3.2 | list 1 without k0003 | 198.18.0.4:7946 | 198.18.0.4 |" in text
    page = FORMS[".html"](evidence)
    assert '<code id="list-1">list 1</code>' in page
    assert '<a href="#list-1">list 1</a> without k0003' in page
    assert "from other sites" in text


@pytest.mark.parametrize(("sites", "is_shared"), [(4, False), (5, False), (6, True), (12, True)])
def test_callers_of_many_sites_on_one_path_share_a_row(sites, is_shared):
    page = FORMS[".md"](Evidence(plan_fleet(make_gossip_sites(sites), ADMINS)))
    node = page.partition("### k0000\n")[2].partition("\n### ")[0]
    rows = [line for line in node.splitlines() if "198.18.0.1:7946" in line and line.startswith("|")]
    assert len(rows) == (1 if is_shared else sites - 1)
    assert ("k0003 at s0003 (198.18.0.4)" in rows[0]) is is_shared
    assert all(f"k{number:04}" in "".join(rows) for number in range(1, sites))


def test_networks_of_the_inventory_share_a_row():
    networks = [f"192.0.2.{number}" for number in range(3)]
    nodes = {"a": {"kong_version": "3.9", "kong_address": "10.0.0.1", "kong_admin_listen": "0.0.0.0:8001"}}
    page = FORMS[".md"](Evidence(plan_fleet({"a": {**nodes["a"], "kong_admin_sources": networks}})))
    (row,) = [line for line in page.splitlines() if line.startswith("| admin | 8001/tcp")]
    assert all(network in row for network in networks)

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
    planned,
)

RESULTS = {"open": "open", "filtered": "filtered", "closed": "refused"}
ADMINS = {"ops": {"kong_site": "office", "kong_address": "192.0.2.9"}}


def make_evidence(nodes):
    plan = planned(nodes, ADMINS)
    probed = {
        caller: [{"name": probe.name, "result": RESULTS[probe.expected], "detail": ""} for probe in probes]
        for caller, probes in choose_sample(plan, len(nodes) * 10).items()
    }
    outcomes = [outcome.as_dict() for outcome in compare(plan, probed).outcomes]
    return Evidence(plan, {"at": "2026-01-01T00:00:00Z", "sampled": True, "outcomes": outcomes})


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


def test_ports_of_many_sites_name_the_sets():
    text = FORMS[".md"](make_evidence(make_gossip_sites(70, kong_proxy_sources=["ops"])))
    assert "70 addresses of peers-default-from-s0003" in text
    assert "ops" in text
    assert "from other sites" in text

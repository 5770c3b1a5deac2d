# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sides from which a verification tested the forwards of gateways, for the router of the worked example."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification import forwards as forwards_module
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.forwards import (
    format_coverage,
    list_coverage,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare, format_verification
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.sample import choose_sample
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    compile_fleet,
    plan_fleet,
)

ROUTERS = {name: {"kong_address": f"192.168.10.{number}"} for name, number in (("router", 5), ("spare", 6))}
WHERE = "192.168.10.5:9000"
NONE = "this run has no result of an allowed host there"


def make_plan(device="router"):
    mapping = {"device": device, "outside": "192.168.10.5", "outside_port": 9000, "inside_port": 80,
               "hairpin_source": "192.168.23.254"}  # fmt: skip
    nodes = {**SEED_NODES, "b1": {**SEED_NODES["b1"], "kong_nat": [mapping]}}
    return compile_fleet(nodes, {**SEED_OTHERS, **ROUTERS}).plan


PLAN = make_plan()


def list_outcomes(plan, choose=lambda probe: "open"):
    """Return an outcome for each probe, with the result that a function chooses."""
    probes = (probe for caller in list_callers(plan) for probe in list_probes_from(plan, caller))
    return [Outcome(probe, choose(probe)) for probe in probes]


def format_lines(plan, choose=lambda probe: "open"):
    return format_coverage(list_coverage(plan, list_outcomes(plan, choose)))


def test_a_complete_run_tests_each_forward_from_both_sides():
    assert format_lines(PLAN) == ["FORWARDS of router that were tested: 2 of 2 from outside, 2 of 2 from inside"]


def test_gateways_that_share_an_address_share_its_forwards():
    plan = make_plan(["spare", "router"])
    assert format_lines(plan)[0].startswith("FORWARDS of router or spare that were tested: 2 of 2 from outside, 2")


@pytest.mark.parametrize(
    ("choose", "counts", "untested"),
    [
        (lambda probe: None if probe.caller in ("a1", "a2") else "open", "0 of 2 from outside, 2 of 2 from inside",
         [f"NOT TESTED from outside: tcp {WHERE}, udp {WHERE} of router: {NONE}"]),
        (lambda probe: None if probe.caller == "b1" else "open", "2 of 2 from outside, 0 of 2 from inside",
         [f"NOT TESTED from inside: tcp {WHERE}, udp {WHERE} of router: {NONE}"]),
        (lambda probe: "silent" if probe.protocol == "udp" else "filtered", "1 of 2 from outside, 1 of 2 from inside",
         [f"NOT TESTED from {side}: udp {WHERE} of router: {NONE}" for side in ("outside", "inside")]),
    ],
)  # fmt: skip
def test_a_side_without_a_result_is_named(choose, counts, untested):
    assert format_lines(PLAN, choose) == [f"FORWARDS of router that were tested: {counts}", *untested]


def test_a_source_that_the_plan_does_not_allow_tests_no_forward():
    """The admin dials the same endpoint."""
    assert any(str(probe.dialled) == WHERE for probe in list_probes_from(PLAN, "admin"))
    lines = format_lines(PLAN, lambda probe: "open" if probe.caller == "admin" else None)
    assert lines[0] == "FORWARDS of router that were tested: 0 of 2 from outside, 0 of 2 from inside"


def test_the_smallest_sample_tests_each_forward_from_both_sides():
    probed = {
        caller: [{"name": probe.name, "result": "open", "detail": ""} for probe in probes]
        for caller, probes in choose_sample(PLAN, 1).items()
    }
    lines = format_verification(compare(PLAN, probed))
    assert "FORWARDS of router that were tested: 2 of 2 from outside, 2 of 2 from inside" in lines
    assert not [line for line in lines if line.startswith("NOT TESTED")]


def test_a_plan_without_gateways_reads_no_outcome(monkeypatch):
    plan = plan_fleet(SEED_NODES, SEED_OTHERS)
    monkeypatch.setattr(forwards_module, "get_host", None)
    assert format_lines(plan) == []

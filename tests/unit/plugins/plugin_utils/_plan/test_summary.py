# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a plan at a terminal."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_findings, format_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

HYBRID = {
    "cp1": {"kong_role": "control_plane", "kong_address": "10.1.0.5"},
    "dp1": {"kong_role": "data_plane", "kong_address": "10.1.0.6"},
}


def find_line(lines, name):
    """Return the first line of a table that is about the name, without its padding."""
    return " ".join(next(line for line in lines if line.startswith(f"{name} ")).split())


@pytest.mark.parametrize(
    "fleet, name, line",
    [
        (
            (SEED_NODES, SEED_OTHERS),
            "b1",
            "b1 branch default 0.10.4 traditional 192.168.23.45 advertises 192.168.10.5:9000",
        ),
        ((HYBRID,), "dp1", "dp1 default default 3.9 data_plane 10.1.0.6 dials 10.1.0.5:8005"),
        ((HYBRID,), "cp1", "cp1 default default 3.9 control_plane 10.1.0.5 -"),
    ],
)
def test_node_shows_its_address_in_the_cluster(fleet, name, line):
    assert find_line(format_plan(plan_fleet(*fleet)), name) == line


@pytest.mark.parametrize(("count", "is_whole"), [(20, True), (21, False), (60, False)])
def test_of_a_large_fleet_the_first_rows_are_shown(count, is_whole):
    nodes = {f"k{number}": {"kong_address": f"10.1.0.{number}"} for number in range(1, count + 1)}
    lines = format_plan(plan_fleet(nodes))
    text = "\n".join(lines)
    assert lines[0] == f"The plan: {count} Kong nodes"
    assert ("With kong_plan_file, the playbook plan writes the whole plan to a file." in text) is not is_whole
    assert any(line.startswith("k6 ") for line in lines)
    assert any(line.startswith("k7 ") for line in lines) is is_whole
    # The nodes of a large fleet share the rows of their rules.
    assert any(line.startswith(f"k1 to k{count}, {count} nodes") for line in lines) is not is_whole


def test_a_forward_shows_only_the_sources_that_come_through_it():
    """Data planes of the same site dial the control plane directly."""
    mapping = {"outside": "203.0.113.1", "outside_port": 18005, "inside_port": 8005, "protocols": ["tcp"]}
    nodes = {
        "cp": {"kong_role": "control_plane", "kong_site": "hq", "kong_address": "10.1.0.1", "kong_nat": [mapping]},
        **{
            f"near{at}": {"kong_role": "data_plane", "kong_site": "hq", "kong_address": f"10.1.0.{at}"}
            for at in range(2, 9)
        },
        "far": {
            "kong_role": "data_plane",
            "kong_site": "far",
            "kong_address": "10.9.0.9",
            "kong_nat_egress": "203.0.113.9",
        },
    }
    (line,) = [line for line in format_plan(plan_fleet(nodes)) if "203.0.113.1:18005/tcp" in line]
    assert line.split()[-4:] == ["cluster", "far", "(203.0.113.9)", "no"]


def test_the_treatment_of_other_sources_is_shown_if_it_is_special():
    modes = {"a1": {"kong_firewall_state": "staged"}, "b1": {"kong_firewall_record": True, "kong_staged_days": 3}}
    nodes = {name: {**node, **modes.get(name, {})} for name, node in SEED_NODES.items()}
    lines = [line for line in format_plan(plan_fleet(nodes, SEED_OTHERS)) if line.startswith("Packets of other")]
    assert lines == [
        "Packets of other sources to a1: pass (staged), counted for 14 days",
        "Packets of other sources to a2: dropped",
        "Packets of other sources to b1: dropped, counted for 3 days",
    ]
    assert "Packets of other" not in "".join(format_plan(plan_fleet(SEED_NODES, SEED_OTHERS)))


@pytest.mark.parametrize(("more", "shown"), [(0, 2), (1, 1)])
def test_a_large_plan_has_at_most_4800_characters(more, shown):
    """A finding that does not fit is left out. The first finding is always shown."""
    long = {"kong_cluster": "c" * 40, "kong_site": "s" * 40}
    plan = plan_fleet({f"k{number}": {**long, "kong_address": f"10.1.0.{number}"} for number in range(1, 22)})
    lines = format_plan({**plan, "findings": []})
    assert lines[-1] == "No findings."
    left = 4800 - sum(len(line) + 1 for line in lines[:-1])
    findings = [make_finding("a"), make_finding("b")]
    own = [len(line) for line in format_findings(findings)]
    findings[1]["message"] *= left - sum(own) + 1 + more
    found = format_plan({**plan, "findings": findings})
    assert sum(line.startswith("- warning") for line in found) == shown


def make_finding(text):
    return {"severity": "warning", "code": "x", "hosts": ["h"], "variable": "v", "value": None, "message": text}

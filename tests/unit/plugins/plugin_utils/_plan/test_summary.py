# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a plan at a terminal."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.summary import format_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import SEED_NODES, SEED_OTHERS, planned

HYBRID = {
    "cp1": {"kong_role": "control_plane", "kong_address": "10.1.0.5"},
    "dp1": {"kong_role": "data_plane", "kong_address": "10.1.0.6"},
}


def line_of(lines, name):
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
    assert line_of(format_plan(planned(*fleet)), name) == line


def test_summary_of_a_large_fleet_is_cut_with_a_note():
    nodes = {f"k{number:02}": {"kong_address": f"10.1.0.{number}"} for number in range(1, 61)}
    lines = format_plan(planned(nodes))
    assert lines[0] == "The plan: 60 Kong nodes"
    assert "10 more nodes are in the plan file." in lines
    assert not any(line.startswith("k51") for line in lines)

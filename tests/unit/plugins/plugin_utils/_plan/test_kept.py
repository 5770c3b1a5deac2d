# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan in parts: every part is found, also with unusual names."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, load_plan, open_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import (
    select_host,
    select_interception,
    select_ruleset,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import PartedPlan, write_parts
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

INTERCEPT_RULE = {"kong_transparent": {"listen_port": 8000, "ports": 80, "destinations": "198.51.100.7"}}
PLAN = plan_fleet(
    {**SEED_NODES, "new": {"kong_address": "192.168.10.60", "kong_proxy_sources": "@all", **INTERCEPT_RULE}},
    SEED_OTHERS,
)


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "plan"
    write_parts(path, PLAN)
    return path


def test_the_whole_plan_is_the_same(kept):
    assert PartedPlan(kept).as_dict() == PLAN == load_plan(str(kept))
    assert {**open_plan(str(kept))}.keys() == PLAN.keys()
    for kind in ("nodes", "hosts", "sets"):
        assert [*PartedPlan(kept)[kind]] == [*PLAN[kind]]


def test_the_part_of_a_host(kept):
    plan = PartedPlan(kept)
    for name, node in PLAN["nodes"].items():
        assert select_host(plan, name) == {
            **node,
            "ruleset": select_ruleset(PLAN, name),
            "interception": select_interception(PLAN, name),
        }
    assert select_host(plan, "new")["interception"][0]["sources"]
    assert select_host(plan, "admin") == PLAN["hosts"]["admin"]
    with pytest.raises(PlanError, match=r"^'c9' is not in the plan; the hosts are a1, a2, admin, b1, new\."):
        select_host(plan, "c9")


def test_only_the_user_reads_it_and_no_part_of_a_file_is_visible(kept):
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [*kept.parent.iterdir()] == [kept]


NAMES = ["", " ", "a", "a b", "a\tb", "a\nb", 'a"', "a/b", "é", "z" * 300, *(f"n{number}" for number in range(200))]


@pytest.mark.parametrize("count", [0, 1, 2, 3, len(NAMES)])
def test_any_name_is_found(tmp_path, count):
    values = {name: {"value": [name, "\n\t"]} for name in NAMES[:count]}
    plan = {"format": 1, "nodes": values, "hosts": {}, "sets": values, "nat_forwards": [], "findings": []}
    write_parts(tmp_path / "plan", plan)
    kept = PartedPlan(tmp_path / "plan")
    assert kept.as_dict() == plan
    assert (set(kept), len(kept)) == (set(plan), len(plan))
    for name in NAMES:
        for kind in ("nodes", "sets"):
            assert kept[kind].get(name) == values.get(name)
        assert name not in kept["hosts"]
    assert len(kept["nodes"]) == count

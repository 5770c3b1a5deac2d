# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sample of a run is kept next to its plan, and only there."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._json import dump_json
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.kept import write_parts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.kept_sample import provide_sample
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

PLAN = plan_fleet({f"n{number}": {"kong_address": f"10.0.0.{number}"} for number in (1, 2)})


def test_the_sample_of_a_run_is_kept(tmp_path):
    path = tmp_path / "plan"
    write_parts(path, PLAN)
    assert provide_sample(str(path), 1) == provide_sample(PLAN, 1)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["plan", "plan.lock", "plan.sample-1"]
    (tmp_path / "plan.sample-1").write_text('{"n1": []}')
    assert provide_sample(str(path), 1) == {"n1": []}
    assert provide_sample(str(path), 2) == provide_sample(PLAN, 2)


def test_no_file_is_written_next_to_the_plan_of_a_user(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(dump_json(PLAN), encoding="utf-8")
    assert provide_sample(str(path), 1) == provide_sample(PLAN, 1)
    assert [*tmp_path.iterdir()] == [path]


def test_a_missing_plan_is_an_error(tmp_path):
    with pytest.raises(PlanError, match=r"plan cannot be read: No such file"):
        provide_sample(str(tmp_path / "plan"), 1)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data that is not a plan is an error, which shows the start of the data."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, load_plan

PLAN = {"format": 1, "nodes": {}}


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"format": 1}, "a dictionary with ['format']"),
        ({"nodes": {}}, "a dictionary with ['nodes']"),
        ({**PLAN, "format": 2}, "a dictionary with ['format', 'nodes']"),
        (dict.fromkeys("fedcba", 1), "a dictionary with ['a', 'b', 'c', 'd', 'e']"),
        ([PLAN], "[{'format': 1, 'nodes': {}}]"),
        (list(range(100, 200)), str(list(range(100, 200)))[:80]),
        (None, "None"),
    ],
)
def test_other_data_is_shown(data, shown):
    with pytest.raises(PlanError) as caught:
        load_plan(data)
    assert str(caught.value).endswith(f", which gatehouse.kong.kong_plan returns in its key path: {shown}")


def test_a_plan_is_returned_as_it_is():
    assert load_plan(PLAN) is PLAN

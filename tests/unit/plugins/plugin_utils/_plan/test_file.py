# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data that is not a plan is an error, which shows the start of the data."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, load_plan, parse_plan

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


NODE = {"site": "x", "address": {}}


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"sets": []}, "`sets` is [], not a dictionary"),
        ({"hosts": None}, "`hosts` is null, not a dictionary"),
        ({"nodes": "x" * 100}, f'`nodes` is "{"x" * 79}, not a dictionary'),
        ({"nodes": {"a": NODE, "b": 1}}, "`nodes` has no site and address of b: 1"),
        ({"nodes": {"b": {**NODE, "site": 1}}}, "`nodes` has no site and address of b: "),
        ({"nodes": {"b": {**NODE, "address": []}}}, "`nodes` has no site and address of b: "),
        ({"nodes": {"b": {**NODE, "connection": []}}}, "`nodes` has no site and address of b: "),
        ({"left": {"b": {"site": "x"}}}, "`left` has no site and address of b: "),
    ],
)
def test_a_part_that_is_no_part_of_a_plan_is_named(part, reason):
    with pytest.raises(PlanError) as caught:
        parse_plan(json.dumps({**PLAN, **part}))
    assert str(caught.value).startswith(f"this is not a plan: {reason}")


def test_hosts_need_no_site():
    plan = {**PLAN, "nodes": {"a": NODE, "b": {**NODE, "connection": {}}}, "left": {"c": NODE}, "hosts": {"d": 1}}
    assert parse_plan(json.dumps(plan)) == plan


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"{", "{path}: this is not JSON: "), (b"[]", "{path}: this is not a plan of format 1"), (b"\xff", "the plan file {path} cannot be read: 'utf-8' codec")],
)  # fmt: skip
def test_an_error_names_the_file(tmp_path, content, reason):
    path = tmp_path / "plan"
    path.write_bytes(content)
    with pytest.raises(PlanError) as caught:
        load_plan(str(path))
    assert str(caught.value).startswith(reason.format(path=path))

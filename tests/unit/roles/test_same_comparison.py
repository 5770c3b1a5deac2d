# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles kong_listen and kong_drift compare Kong's file in the same way, so drift lists exactly the lines that a run writes."""

from __future__ import annotations

from pathlib import Path

import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"
# The role kong_listen uses `omit` too, or its default of the service, and writes the file in a second step.
DIFFERENT = {"path", "validate", "backup", "service", "prefix"}


def find_tasks(tasks):
    for task in tasks:
        if "gatehouse.kong.kong_conf" in task:
            yield task
        for block in ("block", "rescue"):
            yield from find_tasks(task.get(block, ()))


def test_drift_and_the_run_give_kong_conf_the_same_options():
    found = {}
    for file in sorted(ROLES.glob("kong_*/tasks/*.yml")):
        role = file.parent.parent.name
        text = file.read_text(encoding="utf-8").replace(f"__{role}_", "__")
        for task in find_tasks(yaml.safe_load(text)):
            found[f"{role}/{file.name}"] = task["gatehouse.kong.kong_conf"]
    assert {*found} == {"kong_drift/main.yml", "kong_listen/apply.yml", "kong_listen/main.yml"}
    drift, written, compared = (found[name] for name in sorted(found))
    assert {*drift} == {*compared} == {*written} - {"validate", "backup"} | {"search"}
    kept = [{name: value for name, value in options.items() if name not in {*DIFFERENT, "search"}}
            for options in (drift, written, compared)]  # fmt: skip
    assert kept[0] == kept[1] == kept[2]
    assert drift["search"] == compared["search"]
    assert "kong_listen_service" in drift["service"]
    assert written["service"] == compared["service"]

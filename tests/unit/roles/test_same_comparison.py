# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run, drift and the check before a run compare Kong's file with the same options, so drift lists the lines that a run writes."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.node import make_options

TASKS = Path(__file__).resolve().parents[3] / "roles" / "kong_listen" / "tasks"
NODE = {
    "version": "3.9",
    "role": "traditional",
    "listeners": [],
    "settings": {},
    "settings_file": {"path": "/k", "search": [], "format": "conf"},
    "ruleset": {},
    "interception": [],
}


def find_options(tasks):
    """Yield the options of each task that runs kong_conf."""
    for task in tasks:
        if "gatehouse.kong.kong_conf" in task:
            yield task["gatehouse.kong.kong_conf"]
        for block in ("block", "rescue"):
            yield from find_options(task.get(block, ()))


def read_options(name):
    (options,) = find_options(yaml.safe_load((TASKS / name).read_text(encoding="utf-8")))
    return options


def test_the_check_before_a_run_has_the_options_of_the_change():
    given = {*make_options(NODE, {}), "service"} - {"ruleset", "interception", "listeners"}
    assert {*read_options("apply.yml")} == given - {"search"} | {"validate", "backup"}

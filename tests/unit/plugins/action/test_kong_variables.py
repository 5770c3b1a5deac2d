# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kong_variables checks the options of a role on all hosts of a batch, before the role touches a host."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible import constants

from ansible_collections.gatehouse.kong.plugins.action import kong_variables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KINDS, KNOWN_VARIABLES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kinds import PATH
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.run_files import EXPLAIN_PATH, REPORT_SUFFIXES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.tests.unit.plugins.action.test_controller_actions import (
    provide_inventory,
    run,
)

ROLES = Path(__file__).parents[4] / "roles"
ROLE = {"role": "kong_listen"}
WRONG = {"kong_listen_drain": "soon", "kong_listen_backup": "perhaps"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))


def check(monkeypatch, hosts, batch):
    """Return the result of the check of a batch, and the printed texts."""
    provide_inventory(monkeypatch, kong_variables, PlainInventory({"all": [*hosts]}, hosts))
    return run(kong_variables, ROLE, ansible_play_batch=batch)


@pytest.mark.parametrize("role", sorted(path.parents[1].name for path in ROLES.glob("*/meta/argument_specs.yml")))
def test_the_options_of_a_role(role):
    text = (ROLES / role / "meta" / "argument_specs.yml").read_text()
    options = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    assert kong_variables.list_options(role) == [*options]
    assert set(options) <= KNOWN_VARIABLES


@pytest.mark.parametrize(
    ("hosts", "batch"),
    [
        ({"a1": {}}, ["a1"]),
        ({"a1": {"kong_listen_drain": "5", "kong_listen_backup": "no"}}, ["a1"]),
        ({"a1": {}, "a2": WRONG}, ["a1"]),  # a later batch
        ({"a1": {"kong_strict": "perhaps"}}, ["a1"]),  # no option of the role
    ],
)
def test_variables_without_an_error(monkeypatch, hosts, batch):
    assert check(monkeypatch, hosts, batch) == ({"changed": False}, [])


def test_wrong_variables_of_all_hosts_of_the_batch_are_printed(monkeypatch):
    hosts = {"a1": {}, "a2": WRONG, "a3": WRONG}
    with pytest.raises(TaskError) as failed:
        check(monkeypatch, hosts, [*hosts])
    assert failed.value.result["msg"] == "The role kong_listen has 2 wrong variables, listed above"
    [text] = failed.value.printed
    title, *lines = text.strip().splitlines()
    assert title == "The role kong_listen has not touched any host, because of wrong variables:"
    assert len([line for line in lines if "a2 to a3, 2 nodes" in line]) == len(WRONG)
    assert all(name in text for name in WRONG)


def check_files(monkeypatch, hosts, *names):
    provide_inventory(monkeypatch, kong_variables, PlainInventory({"all": [*hosts]}, hosts))
    return run(kong_variables, {"files": [*names], "hosts": ["left", *hosts]}, ansible_play_hosts_all=[*hosts])


def test_every_variable_with_a_path_on_the_controller_is_known():
    assert set(EXPLAIN_PATH) == {name for name, kind in KINDS.items() if kind is PATH}
    assert tuple(FORMS) == REPORT_SUFFIXES


def test_values_of_another_kind_are_left_to_the_plan(monkeypatch):
    wrong = {"kong_plan_file": ["/nowhere/plan.json"], "kong_drift_file": ""}
    assert check_files(monkeypatch, {"k1": wrong}, *wrong) == ({"changed": False}, [])


def test_usable_paths_and_paths_of_other_hosts(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    good = {
        "kong_plan_file": "~/plan.json",
        "kong_report_path": str(tmp_path / "a/b/report.html"),
    }
    hosts = {"k1": good, "k2": {"kong_plan_file": "/nowhere/plan.json"}}
    assert check_files(monkeypatch, hosts, *good) == ({"changed": False}, [])
    assert check_files(monkeypatch, {}, *good) == ({"changed": False}, [])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("kong_plan_file", "no/plan.json", "there is no folder {}/no. Create it, or correct the path"),
        ("kong_plan_file", ".", "{} is a folder. Add the name of a file"),
        ("kong_report_before", "no.json", "there is no such file. Correct the path"),
        ("kong_report_path", "file", "{}/file is a file, not a folder. Correct the path"),
        ("kong_report_path", "file/a/report.html", "{}/file is a file, not a folder. Correct the path"),
        ("kong_report_path", "folder.md", "{}/folder.md is a folder. Add the name of a file"),
        ("kong_adopt_path", "file/adopted", "{}/file is a file, not a folder. Correct the path"),
    ],
)
def test_a_path_that_cannot_be_used_is_an_error(monkeypatch, tmp_path, name, value, message):
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "folder.md").mkdir()
    given = str(tmp_path / value)
    with pytest.raises(TaskError) as failed:
        check_files(monkeypatch, {"k1": {name: given}}, name)
    assert failed.value.result["msg"] == "This run has 1 wrong variable, listed above"
    [text] = failed.value.printed
    title, line = text.strip().splitlines()
    assert title == "No host was touched, because of wrong variables:"
    assert line == f"- error: k1: {name}: {given!r}: {message.format(tmp_path)} [path-unusable]"

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
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import KNOWN_VARIABLES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
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

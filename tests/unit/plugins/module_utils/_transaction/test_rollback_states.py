# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rollback tells of the files that it keeps."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data, ruleset_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import (
    PENDING,
    PREVIOUS,
    STATE,
    Kept,
    Rollback,
)

ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": "any"}
RULES = ruleset_from_data({"allow": [ENTRY]})


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.mark.parametrize("want", [RULES, None])
def test_a_change_that_waits_is_a_leftover(host, want):
    assert (Rollback(host).find_leftovers(want), Rollback(host).find_pending()) == ((), None)
    host.write(f"{PENDING}/id", "7", 0o600)
    (line,) = Rollback(host).find_leftovers(want)
    assert line.startswith(f"{PENDING}: ")
    assert Rollback(host).find_pending() == "7"


def test_kept_rules_are_a_leftover_only_without_a_ruleset(host):
    host.make_directory(STATE, 0o700)
    assert Rollback(host).find_leftovers(RULES) == ()
    assert Rollback(host).find_leftovers(None) == (f"{STATE}: to be removed",)


FOLDERS = {PREVIOUS: Rollback.read_previous, PENDING: Rollback.read_before_pending}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("rules", [RULES, None])
def test_the_rules_before_a_change(host, folder, rules):
    read, path = FOLDERS[folder], f"{folder}/ruleset.json"
    assert read(Rollback(host)) is None
    host.write(path, json.dumps(None if rules is None else ruleset_to_data(rules)), 0o600)
    assert [other(Rollback(host)) for other in FOLDERS.values()].count(Kept(rules)) == 1
    assert read(Rollback(host)) == Kept(rules)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("text", ["", "{", '{"allow": 1}'])
def test_damaged_rules_are_an_error_that_names_the_file(host, folder, text):
    host.write(f"{folder}/ruleset.json", text, 0o600)
    with pytest.raises(HostError, match=f"^{folder}/ruleset.json is damaged"):
        FOLDERS[folder](Rollback(host))

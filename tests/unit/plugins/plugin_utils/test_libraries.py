# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.gatehouse.kong.plugins.action import kong_source_hosts
from ansible_collections.gatehouse.kong.plugins.filter.parse_listen import parse_listen_filter
from ansible_collections.gatehouse.kong.plugins.plugin_utils import _libraries
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError, load_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._run_plan import check_before_facts, get_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.tests.unit.plugins.action.test_controller_actions import run


def test_no_error_if_all_libraries_are_installed():
    _libraries.require_libraries()


@pytest.mark.parametrize(
    ("missing", "parts"),
    [
        (["netaddr"], ["lacks netaddr; ", "`python -m pip install netaddr`"]),
        (["jmespath", "netaddr"], ["lacks jmespath and netaddr; ", "`python -m pip install jmespath netaddr`"]),
    ],
)
def test_missing_libraries_are_named_with_the_fix(monkeypatch, missing, parts):
    monkeypatch.setattr(_libraries, "find_spec", lambda name: None if name in missing else object())
    with pytest.raises(_libraries.LibraryError) as caught:
        _libraries.require_libraries()
    assert [part for part in parts if part not in str(caught.value)] == []
    with pytest.raises(PlanError, match="netaddr"):
        load_plan({"format": 1, "nodes": {}})


@pytest.mark.parametrize(
    "use",
    [
        lambda: get_plan("kong", {}, None, None),
        lambda: check_before_facts("kong", {}, None),
        lambda: run(kong_source_hosts, {}, groups={"all": [], "kong": []}, ansible_play_hosts_all=[]),
        lambda: parse_listen_filter("0.0.0.0:80"),
    ],
    ids=["plan", "check before facts", "source hosts", "filter"],
)
def test_every_use_needs_the_libraries(monkeypatch, use):
    monkeypatch.setattr(_libraries, "find_spec", lambda name: None if name == "netaddr" else object())
    with pytest.raises((_libraries.LibraryError, TaskError, AnsibleFilterError), match="lacks netaddr; install with"):
        use()

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listeners of a node without a plan: those of its version and role."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.action import kong_explain_names
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.tests.unit.plugins.action.test_controller_actions import (
    provide_inventory,
    run,
)

GROUPS = {"all": ["a", "b"], "kong": ["a"]}


@pytest.mark.parametrize(
    ("node", "listener", "is_known"),
    [
        ({}, "admin_gui", True),
        ({}, "cluster_rpc", False),
        ({"kong_version": "0.10.4"}, "cluster_rpc", True),
        ({"kong_version": "2.8"}, "status", True),
        ({"kong_role": "data_plane"}, "admin", False),
        ({"kong_role": "control_plane"}, "admin", True),
        # The plan has the error.
        ({"kong_version": "99"}, "cluster_rpc", True),
        ({"kong_version": "99"}, "nothing", False),
        (None, "cluster_rpc", True),
    ],
)
def test_a_listener_of_the_version_and_the_role_is_known(monkeypatch, node, listener, is_known):
    hostvars = {} if node is None else {"a": node}
    provide_inventory(monkeypatch, kong_explain_names, PlainInventory(GROUPS, hostvars))
    arguments = {"caller": "b", "target": "a", "listener": listener}
    if is_known:
        assert run(kong_explain_names, arguments, groups=GROUPS)[0] == {"changed": False}
    else:
        with pytest.raises(TaskError, match=f"listener: there is no listener '{listener}'"):
            run(kong_explain_names, arguments, groups=GROUPS)

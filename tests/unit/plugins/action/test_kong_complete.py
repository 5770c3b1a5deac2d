# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of the two calls of a module that does other work after the confirmation."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.action.kong_complete import ActionModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import ConfirmedModule, join_results


def test_the_results_of_both_calls_are_joined():
    action = ActionModule.__new__(ActionModule)
    assert isinstance(action, ConfirmedModule)
    assert action.join({"changes": {}, "changed": True}, {"changed": True, "interception": {"report": []}}) == {
        "changes": {},
        "changed": True,
        "interception": {"report": []},
    }


def test_warnings_and_diffs_of_both_calls_are_kept():
    first, second = {"warnings": ["a"], "diff": {"before": "1"}}, {"warnings": ["b"], "diff": [{"before": "2"}]}
    assert join_results(first, second) == {"warnings": ["a", "b"], "diff": [{"before": "1"}, {"before": "2"}]}
    assert join_results(first, {}) == {"warnings": ["a"], "diff": [{"before": "1"}]}
    assert join_results({"changed": True}, {"failed": True}) == {"changed": True, "failed": True}

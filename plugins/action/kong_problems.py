# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, escape_text
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import format_reasons

_ARGUMENTS = {"registered": {"type": "str", "required": True}}
_MOST_CHARACTERS = 4_500


class ActionModule(ControllerAction):
    """Collect the problems on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        results = {
            name: variables["hostvars"][name].get(arguments["registered"]) or {}
            for name in variables["ansible_play_hosts"]
        }
        problems = {name: [escape_text(result["problem"])] for name, result in results.items() if result.get("problem")}
        if problems:
            show(["Nodes that cannot be changed as planned:", *_list_first([*format_reasons(problems)])])
            count = count_noun(len(problems), "node")
            raise TaskError(f"{count} cannot be changed as planned, for the reasons above. No node was changed")
        return {}


def _list_first(lines: list[str]) -> list[str]:
    """Return the first lines, and the number of the other lines."""
    shown = sum(length <= _MOST_CHARACTERS for length in accumulate(map(len, lines)))
    more = len(lines) - shown
    return [
        *lines[:shown],
        *([f"and {count_noun(more, 'more reason')}, which the next run shows after the fix"] if more else []),
    ]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.gatehouse.kong.plugins.plugin_utils._task_action import TaskError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._terminal import show_once
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, escape_text
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import format_reasons

_ARGUMENTS = {
    "registered": {"type": "list", "elements": "str", "required": True},
    "purpose": {"type": "str", "default": "changed as planned"},
    "partial": {"type": "bool", "default": False},
}
_MOST_CHARACTERS = 4_500


class ActionModule(ControllerAction):
    """Collect the problems on the controller, without a connection to a host."""

    arguments = _ARGUMENTS

    def work(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        hosts, purpose = variables["ansible_play_hosts"], arguments["purpose"]
        found = {name: variables["hostvars"][name] for name in hosts}
        results = {name: [values.get(key) or {} for key in arguments["registered"]] for name, values in found.items()}
        reasons = {
            name: [*dict.fromkeys(escape_text(result["problem"]) for result in listed if result.get("problem"))]
            for name, listed in results.items()
        }
        problems = {name: listed for name, listed in reasons.items() if listed}
        if problems:
            lines = _list_first([*format_reasons(problems)])
            show_once([f"Hosts that cannot be {purpose}:", *lines], variables["inventory_hostname"])
            if not arguments["partial"] or len(problems) == len(hosts):
                count = count_noun(len(problems), "host")
                raise TaskError(f"{count} cannot be {purpose}, for the reasons above. No host was changed")
        return {"hosts": [*problems]}


def _list_first(lines: list[str]) -> list[str]:
    """Return the first lines, and the number of the other lines."""
    shown = sum(length <= _MOST_CHARACTERS for length in accumulate(map(len, lines)))
    more = len(lines) - shown
    return [
        *lines[:shown],
        *([f"and {count_noun(more, 'more reason')}, which the next run shows after the fix"] if more else []),
    ]

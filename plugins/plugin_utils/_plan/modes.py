# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the firewall of each planned node treats packets of sources that the plan does not allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

DROPPED = "dropped"


def name_mode(node: Mapping[str, Any]) -> str:
    """Return the treatment of packets of other sources as text."""
    days = node["ruleset"].get("count_days")
    treatment = "pass (staged)" if node["ruleset"].get("staged") else DROPPED
    return f"{treatment}, counted for {days} days" if days else treatment


def list_staged(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the nodes that drop nothing, in natural order."""
    staged = (name for name, node in plan["nodes"].items() if node["ruleset"].get("staged"))
    return tuple(sorted(staged, key=make_natural_key))

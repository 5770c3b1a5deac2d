# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node of the plan as options of the module kong_node_info, and whether its result needs a change of the node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import read_config_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.defaults import find_defaults
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.restart_decision import NOTHING, decide_restart

PARTS = ("firewall", "listeners", "settings", "interception")


def make_options(node: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a host compares with itself: the ruleset, the listeners, the settings and the intercept rules.

    ``config`` is the variable ``kong_config`` of the node. Raises ConfigError if it is invalid.
    """
    file = node["settings_file"]
    return {
        "ruleset": node["ruleset"],
        "catches": node["interception"],
        "listeners": node["listeners"],
        "settings": {**node["settings"], **read_config_of(node["version"], config)},
        "defaults": find_defaults(node),
        "path": file["path"],
        "search": file["search"],
        "format": file["format"],
        "container": "published" in node,
        "prefix": config.get("prefix") or config.get("nginx_working_dir"),
    }


def decide_changes(node: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``differs``, and ``restart`` if Kong's file and sockets were inspected.

    A part that could not be inspected differs: the role that changes it reports the reason.
    """
    firewall, listeners, settings, interception = (parts[part] for part in PARTS)
    if settings["failed"] or listeners["failed"]:
        return {"differs": True}
    restart = decide_restart(
        node,
        settings["before"],
        listens=listeners["listens"] or "published" in node,
        environment=node["settings_file"]["format"] == "env",
        effective=listeners["effective"],
    )
    differs = (
        restart.how != NOTHING
        or parts["interrupted"]
        or settings["changed"]
        or any(part["failed"] for part in (firewall, interception))
        or firewall["differs"]
        or firewall["blocked"]
        or interception["changed"]
    )
    return {"differs": differs, "restart": restart.as_dict()}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node of the plan as options of the module kong_node_info, and whether its result needs a change of the node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import read_config_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.defaults import find_defaults
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.restart_decision import (
    BLOCKED,
    NOTHING,
    RestartDecision,
    decide_restart,
    start_instead,
)

PARTS = ("firewall", "listeners", "settings", "interception")


def make_options(node: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the module: the planned ruleset, listeners, settings and intercept rules of the node.

    ``config`` is the variable ``kong_config`` of the node. Raises ConfigError if it is invalid.
    """
    file = node["settings_file"]
    return {
        "ruleset": node["ruleset"],
        "interception": node["interception"],
        "listeners": node["listeners"],
        "settings": {**node["settings"], **read_config_of(node["version"], config)},
        "defaults": find_defaults(node),
        "path": file["path"],
        "search": file["search"],
        "format": file["format"],
        "container": "published" in node,
        "prefix": config.get("prefix") or config.get("nginx_working_dir"),
    }


def make_change(node: Mapping[str, Any], config: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the node for the module kong_apply: the planned state, and the present state in the result of kong_node_info.

    ``config`` is the variable ``kong_config`` of the node. Raises ConfigError if it is invalid.
    """
    # The host has chosen the file from the paths that Kong searches.
    options = {**make_options(node, config), "path": found["settings"]["path"], "search": []}
    return {
        **options,
        "files": [options["path"], node["settings_file"]["path"]],
        "names": [*node["settings"], *node["config"]],
        "version": node["version"],
        "how": found["restart"]["how"],
        "present": found["listeners"]["present"],
        "has_program": found["has_program"],
    }


def explain_failed_rollback(reason: str, error: str) -> str:
    """Return the message if the firewall could not be rolled back after a failed change with a reason."""
    return (
        f"{reason}. The rollback failed as well, at 'Allow exactly the sources that were allowed before': {error}. "
        "The firewall allows both the old and the new sources"
    )


def decide_changes(node: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``differs``, ``problem`` (empty without a problem), and ``restart`` if Kong's file and sockets were inspected.

    A node with a problem cannot be changed. A firewall that could not be inspected differs: its role reports the reason.
    """
    firewall, listeners, settings, interception = (parts[part] for part in PARTS)
    if reasons := [part["msg"] for part in (settings, listeners) if part["failed"]]:
        return {"differs": True, "problem": "; ".join(reasons)}
    restart = decide_restart(
        node,
        settings["before"],
        listens=listeners["listens"] or "published" in node,
        environment=node["settings_file"]["format"] == "env",
        effective=listeners["effective"],
        unloaded=bool(listeners["unloaded"]),
    )
    if not listeners["runs"]:
        restart = start_instead(restart)
    differs = (
        restart.how != NOTHING
        or parts["interrupted"]
        or settings["changed"]
        or any(part["failed"] for part in (firewall, interception))
        or firewall["differs"]
        or firewall["blocked"]
        or interception["changed"]
    )
    return {"differs": differs, "problem": _find_problem(node, listeners, restart), "restart": restart.as_dict()}


def _find_problem(node: Mapping[str, Any], listeners: Mapping[str, Any], restart: RestartDecision) -> str:
    """Return why Kong could not open the planned listeners.

    The plan cannot check the addresses, because Ansible's facts do not contain sysctls.
    """
    if restart.how == BLOCKED:
        return restart.summary
    return "" if restart.how == NOTHING or "published" in node else str(listeners["cannot_bind"])

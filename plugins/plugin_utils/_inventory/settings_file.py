# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a host for Kong's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import CONFIG
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import Generation

CONF, ENV = "conf", "env"
ENVIRONMENT_FILE = "/etc/kong/kong.env"
# From 0.9 on Kong reads the first of these that exists (kong/conf_loader.lua DEFAULT_PATHS; 0.9 in the opposite order).
_PATHS = ["/etc/kong/kong.conf", "/etc/kong.conf"]
# Text that a value of each format cannot contain, and the reason with the fix. Kong joins lines in lua/pl/config.lua, and splits at _blank_ in
# kong/conf_loader; for the variables see systemd.exec(5) and ParseEnvFile in docker's cli/opts.
_FORBIDDEN = {
    CONF: (
        re.compile(r"\\\s*\Z|_blank_"),
        "kong.conf cannot hold a value with '_blank_' or with a backslash at its end; use another value",
    ),
    ENV: (
        re.compile(r"""[\\'"`]"""),
        (
            "systemd and docker read a backslash or a quote in a variable differently; use another value, or set "
            f"kong_listen_target: {CONF}"
        ),
    ),
}


def read_settings_file(variables: HostVariables, generation: Generation) -> dict[str, Any]:
    """Return the path and format of a node's settings file, and the files that Kong searches, in its order."""
    target = variables.read_text("kong_listen_target", CONF)
    given = variables.read_value("kong_listen_file")
    path = given and variables.read_text("kong_listen_file", generation.path)
    if target == ENV and generation.format == "yaml":
        message = f"Kong {generation.versions} reads no setting from its environment; use {CONF}"
        variables.add_error("target-invalid", "kong_listen_target", target, message)
    elif target == ENV:
        return {"path": path or ENVIRONMENT_FILE, "format": ENV, "search": []}
    elif target != CONF:
        variables.add_error("target-invalid", "kong_listen_target", target, f"it must be {CONF} or {ENV}")
    return {
        "path": path or generation.path,
        "format": generation.format,
        "search": [] if path else _list_search_paths(generation),
    }


def check_values(variables: HostVariables, file_format: str, config: Mapping[str, str]) -> None:
    """Add an error for each setting of ``kong_config`` whose value the file cannot hold. The value may be a secret."""
    if file_format in _FORBIDDEN:
        pattern, reason = _FORBIDDEN[file_format]
        for name in (name for name, value in config.items() if pattern.search(value)):
            variables.add_error("config-invalid", CONFIG, name, reason)


def _list_search_paths(generation: Generation) -> list[str]:
    if generation.path not in _PATHS:
        return [generation.path]
    return sorted(_PATHS, key=lambda path: path != generation.path)

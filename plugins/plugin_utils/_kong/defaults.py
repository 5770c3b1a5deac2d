# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kong's own defaults of the settings of a node of a plan.

Sources: kong/tools/config_defaults.lua (0.6 to 0.8) and kong/templates/kong_defaults.lua (0.9 and later).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    ROLES,
    find_generation,
    parse_version,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_HYBRID = {"role": ROLES[0], "cluster_control_plane": "127.0.0.1:8005"}
_EVERY_ADDRESS = "0.0.0.0"
_DNSMASQ_PORT = "8053"


def find_defaults(node: Mapping[str, Any]) -> dict[str, str]:
    """Return the value of each setting of a node that Kong uses if the node's file has no line for it.

    The result is empty for a file of variables of a container, which may have a kong.conf with other values.
    """
    if node["settings_file"]["format"] == "env" and "published" in node:
        return {}
    generation = find_generation(parse_version(node["version"]))
    known = {setting.name: setting.default for setting in generation.settings} | generation.switches
    known |= _HYBRID if generation.hybrid else {}
    known |= {generation.dnsmasq_port: _DNSMASQ_PORT} if generation.dnsmasq_port else {}
    bound = node["settings"].get("cluster_listen", _EVERY_ADDRESS)
    # Serf advertises the address that it binds; of a wildcard it advertises an address that it chooses.
    known |= {generation.advertise: bound} if generation.advertise and not bound.startswith(_EVERY_ADDRESS) else {}
    return {name: known[name] for name in node["settings"] if name in known}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""firewalld's runtime state as plain data."""

import json
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.bus import Call

Settings = t.Dict[str, t.Any]
Prefixes = t.Tuple[str, ...]


def read_state(call: Call, prefixes: Prefixes) -> Settings:
    """Return the runtime state: all zones and policies, and our ipsets. Raises CallError."""
    zones = {str(name): _to_plain(call(".zone", "getZoneSettings2", name)) for name in call(".zone", "getZones")}
    policies = {str(name): _to_plain(call(".policy", "getPolicySettings", name))
                for name in call(".policy", "getPolicies")}  # fmt: skip
    return {
        "panic": bool(call("", "queryPanicMode")),
        "default": str(call("", "getDefaultZone")),
        "zones": zones,
        "policies": policies,
        "ipsets": {name: _read_ipset(call, name) for name in list_ipsets(call) if name.startswith(prefixes)},
    }


def list_ipsets(call: Call) -> t.List[str]:
    """Return the names of all ipsets, sorted."""
    return sorted(str(name) for name in call(".ipset", "getIPSets"))


def select_our_rules(zone: Settings, prefixes: Prefixes) -> t.List[str]:
    """Return the rich rules in the settings of a zone whose source is one of our ipsets, sorted."""
    marks = tuple('source ipset="' + prefix for prefix in prefixes)
    return sorted(str(rule) for rule in zone.get("rules_str", []) if any(mark in rule for mark in marks))


def _to_plain(settings: t.Any) -> Settings:
    """Return settings as plain data. Lists are sorted, because their order does not matter."""
    plain = json.loads(json.dumps(settings))
    return {key: sorted(value) if isinstance(value, list) else value for key, value in plain.items() if value}


def _read_ipset(call: Call, name: str) -> Settings:
    _version, _short, _description, kind, options, entries = json.loads(
        json.dumps(call(".ipset", "getIPSetSettings", name))
    )
    return {"type": kind, "options": options, "entries": sorted(entries)}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that the modules for the firewall share."""

from __future__ import annotations

from typing import Any

AUTO = "auto"
# The firewall managers (`_backends/registry.py`).
BACKENDS = ("firewalld", "iptables", "nftables", "ufw")

_ALLOW_SPEC = {
    "listener": {"type": "str", "required": True},
    "protocol": {"type": "str", "required": True, "choices": ["tcp", "udp"]},
    "port": {"type": "int", "required": True},
    "address": {"type": "str"},
    "sources": {"type": "raw", "required": True},
    "published": {"type": "bool", "default": False},
}
_RULESET_SPEC = {
    "allow": {"type": "list", "elements": "dict", "required": True, "options": _ALLOW_SPEC},
    "sets": {"type": "dict", "default": {}},
    "staged": {"type": "bool", "default": False},
    "count_days": {"type": "int", "default": 0},
}
BACKEND_SPEC: dict[str, dict[str, Any]] = {"backend": {"type": "str", "choices": [AUTO, *BACKENDS], "default": AUTO}}
FIREWALL_SPEC: dict[str, dict[str, Any]] = {"ruleset": {"type": "dict", "options": _RULESET_SPEC}, **BACKEND_SPEC}

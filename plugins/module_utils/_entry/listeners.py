# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option of the modules for listeners."""

from __future__ import annotations

LISTENER_SPEC = {
    "name": {"type": "str", "required": True},
    "protocols": {"type": "list", "elements": "str", "choices": ["tcp", "udp"], "required": True},
    "port": {"type": "int", "required": True},
    "address": {"type": "str", "required": True},
    "setting": {"type": "str"},
    "flags": {"type": "list", "elements": "str"},
}

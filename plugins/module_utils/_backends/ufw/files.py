# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of ufw that contain our rule."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import LATE_RULE

FILES = {name: f"/etc/ufw/after{family.suffix}.rules" for name, family in FAMILY.items()}


def keeps_rule(host: Host) -> bool:
    """Tell whether one of ufw's files contains our rule."""
    return any(LATE_RULE in (host.read(file) or "").replace('"', "") for file in FILES.values())

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import NodeModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_all
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.certificates import with_certificate


class ActionModule(NodeModule):
    """Run the module on the host, and read the certificates on the controller, which has a library for them."""

    def perform(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        result = super().perform(task_vars)
        if "probes" in result:
            result["probes"] = [escape_all(with_certificate(probe)) for probe in result["probes"]]
        return result

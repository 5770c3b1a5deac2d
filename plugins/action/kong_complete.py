# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.action.kong_firewall import ActionModule as FirewallModule
from ansible_collections.gatehouse.kong.plugins.plugin_utils._node_module import join_results


class ActionModule(FirewallModule):
    """Run the module. If the firewall changes, the call that confirms this over a new connection also does the other steps."""

    join = staticmethod(join_results)

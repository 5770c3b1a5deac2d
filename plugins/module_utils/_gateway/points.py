# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restore points of a gateway: its translations before a run."""

from __future__ import annotations

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import nat_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.table import AREA, NatTable
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.restore_point import RestorePoints
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Kept, Rollback

NAT = "nat"


def make_points(host: Host, rollback: Rollback) -> RestorePoints:
    """Return the restore points of a gateway. Their only part, NAT, is the data of nat_to_data, or None without translations."""
    return RestorePoints(host, {NAT: lambda: _read_nat(host, rollback)}, AREA.state)


def _read_nat(host: Host, rollback: Rollback) -> dict[str, t.Any] | None:
    """Return our translations; if a change waits for its confirmation, those before that change."""
    kept = rollback.read_before_pending() if rollback.find_pending() else None
    if kept is None:
        table = NatTable(host)
        kept = Kept(None if table.is_untouched() else table.read().ruleset)
    return None if kept.ruleset is None else nat_to_data(kept.ruleset)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends what withdrawn permissions left open, on hosts whose firewall accepts every packet of an open flow."""

from __future__ import annotations

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import from_members
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter import flows_kernel as _flows_kernel
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ANY, FAMILIES, Allow, Ruleset


def end_flows(host: Host, want: Ruleset | None) -> tuple[str, ...]:
    """End the flows to ports of the ruleset whose source it does not allow. A line for each that the kernel did not end."""
    closed = [entry for entry in want.allow if entry.sources != ANY] if want else []
    if want is None or not closed:
        return ()
    left = host.call(_flows_kernel.end, [_service(entry, want) for entry in want.allow])
    return tuple(f"a flow is still open that is no longer allowed: {flow}. Restart Kong to end it" for flow in left)


def _service(entry: Allow, want: Ruleset) -> dict[str, t.Any]:
    service = entry.service
    sets = [one for one in want.sets if one.name in entry.set_names]
    ranges = {family: from_members(family, (member for one in sets for member in one.of(family).members)).ranges
              for family in FAMILIES}  # fmt: skip
    sources = None if entry.sources == ANY else ranges
    return {"protocol": service.protocol, "port": service.port, "address": service.address, "sources": sources}

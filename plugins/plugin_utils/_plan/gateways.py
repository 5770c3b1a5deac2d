# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The translations of gateways as plain data of the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.gateways import Gateway, GatewayForward
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.sets import SetKey
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key


def describe_gateways(gateways: Iterable[Gateway], names: Mapping[SetKey, str]) -> dict[str, Any]:
    """Return the key ``gateways`` of the plan, or nothing without a gateway. ``names`` are the names of the plan's sets."""
    described = {
        gateway.name: {
            "forwards": [_describe_forward(forward, names) for forward in gateway.forwards],
            "egress": [{"inside": entry.inside, "outside": entry.outside} for entry in gateway.egress],
            "shared_addresses": list(gateway.shared),
            "outside_interfaces": dict(gateway.interfaces),
        }
        for gateway in gateways
    }
    return {"gateways": described} if described else {}


def _describe_forward(shared: GatewayForward, names: Mapping[SetKey, str]) -> dict[str, Any]:
    forward, hairpin = shared.forward, shared.hairpin
    return {
        "protocol": forward.allow.protocol,
        "outside": forward.mapping.outside,
        "outside_port": forward.outside_port,
        "inside": forward.inside,
        "inside_port": forward.allow.listener.port,
        "listener": forward.allow.listener.name,
        "nodes": list(shared.nodes),
        "sources": "any" if shared.any_source else sorted({names[key] for key in shared.sets}, key=make_natural_key),
        "hairpin": {"callers": list(hairpin.callers), "source": hairpin.source} if hairpin else None,
    }

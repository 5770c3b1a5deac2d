# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forwards of a plan as a NAT device needs them: each forward once, with its sources as networks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    DEFAULT_ROUTE,
    Family,
    find_family,
    merge_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import list_source_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import join_words, make_natural_key

# The keys of a forward in the plan that are the same for all nodes that share it.
_SHARED = ("device", "outside", "outside_port", "protocol", "inside", "inside_port")


def list_device_forwards(plan: Mapping[str, Any], device: str | None) -> list[dict[str, Any]]:
    """Return the forwards of a device, or of all devices, as plain data. Raises PlanError for an unknown device.

    A forward of several nodes, which share a virtual address, has the sources of all. A forward without a source of its
    family is left out, because for most devices a rule without sources allows every source.
    """
    devices = {device for node in plan["nodes"].values() for mapping in node["nat"] for device in mapping["devices"]}
    if device is not None and device not in devices:
        known = ", ".join(sorted(devices, key=make_natural_key)) or "none"
        raise PlanError(f"{device!r} is not a NAT device of the plan; the devices are: {known}")
    shared: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for forward in plan["nat_forwards"]:
        if device in (None, forward["device"]):
            shared.setdefault(tuple(forward[key] for key in _SHARED), []).append(forward)
    ordered = sorted(shared, key=lambda values: make_natural_key(*map(str, values)))
    return [described for values in ordered for described in _describe(plan, shared[values])]


def _describe(plan: Mapping[str, Any], forwards: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield forwards with equal destinations as one, or nothing without a source."""
    first, nodes = forwards[0], [forward["node"] for forward in forwards]
    family = find_family(first["outside"])
    networks = {network for forward in forwards for network in _list_networks(plan, forward["sources"], family)}
    if networks:
        yield {
            "name": f"kong-{first['outside'].replace(':', '.')}-{first['outside_port']}-{first['protocol']}",
            "description": f"Kong {first['listener']} of {join_words(nodes)}",
            **{key: first[key] for key in _SHARED},
            "sources": [*merge_networks(networks)],
            "hairpin": any(forward["hairpin"] for forward in forwards),
            "listener": first["listener"],
            "nodes": nodes,
        }


def _list_networks(plan: Mapping[str, Any], sources: str | list[str], family: Family) -> list[str]:
    networks = list_source_networks(plan, sources)
    if isinstance(networks, str):
        return [DEFAULT_ROUTE[family]]
    return [network for network in networks if find_family(network) == family]

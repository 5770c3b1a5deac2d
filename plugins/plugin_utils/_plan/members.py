# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks of a plan's sets, of which some include the networks of a shared set."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

FAMILIES = ("ipv4", "ipv6")


def list_members(sets: Mapping[str, Any], name: str) -> dict[str, list[str]]:
    """Return the networks of a set by family, in numerical order. Raises KeyError for unknown names."""
    own = sets[name]
    if "includes" not in own:
        return {family: own[family] for family in FAMILIES}
    shared, without = sets[own["includes"]], set(own["except"])
    members = {family: [network for network in shared[family] if network not in without] for family in FAMILIES}
    for family in FAMILIES:
        for network in own[family]:
            insort(members[family], network, key=_make_network_key)
    return members


def list_networks(sets: Mapping[str, Any], name: str) -> list[str]:
    """Return the networks of a set, IPv4 first."""
    return [network for networks in list_members(sets, name).values() for network in networks]


def _make_network_key(network: str) -> tuple[int, int]:
    parsed = ip_network(network)
    return int(parsed.network_address), parsed.prefixlen

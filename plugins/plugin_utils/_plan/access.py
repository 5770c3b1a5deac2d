# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The allowed sources of each port of a planned node, to compare two plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import make_host_network
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import list_hosts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import list_rules

# A port without a source.
ONLY_ITSELF = "only the node itself"


class Access(NamedTuple):
    """Allowed sources: any source, or networks."""

    anyone: bool = False
    sources: frozenset[str] = frozenset()


class Opening(NamedTuple):
    """A port of a node, and a protocol."""

    listener: str
    port: int
    protocols: str

    def __str__(self) -> str:
        return f"{self.listener} {self.port}/{self.protocols}"


def list_access(plan: Mapping[str, Any], name: str) -> dict[Opening, Access]:
    """Return the allowed sources of each port of a node; no ports if the node is not in the plan."""
    found: dict[tuple[str, int, str], Access] = {}
    for rule in list_rules(plan, name) if name in plan["nodes"] else ():
        key = rule["listener"], rule["port"], rule["protocol"]
        sources = rule["sources"]
        known = found.get(key, Access())
        found[key] = Access(anyone=True) if sources == "any" else Access(sources=known.sources | frozenset(sources))
    return {Opening(*key): access for key, access in found.items()}


def list_owners(plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the hosts for each network that is their own address or an address of their NAT."""
    owners: dict[str, list[str]] = {}
    for host in list_hosts(plan):
        sources = (source for _network, source in host.networks if source)
        addresses = (*host.address.list_all(), *host.vpn.list_all(), *sources, *(nat.outside for nat in host.nat))
        networks = [make_host_network(address) for address in addresses]
        for network in dict.fromkeys((*networks, *host.egress)):
            owners.setdefault(network, []).append(host.name)
    return owners

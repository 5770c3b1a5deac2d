# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private addresses as sources of a node that never sees them, because every packet to it passes a NAT."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    Family,
    contains,
    find_family,
    find_network,
    is_private,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST, Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_warning

# A host tells no size of its network without facts. A private address makes these networks around it likely.
_LIKELY_LENGTH: Mapping[Family, int] = {4: 16, 6: 48}


def find_private_sources(drafts: Collection[Draft], others: Iterable[Host]) -> Iterator[Finding]:
    """Yield a warning for each private network among the sources of a node that has public addresses only.

    A node has public addresses only if the inventory and the facts have no private address of the family on it, no VPN address,
    no NAT mapping and no flat network. Networks around a private address of a host of its site have no warning.
    """
    networks: dict[str, set[str]] = {}
    for host in (*others, *(draft.node.host for draft in drafts)):
        for address in filter(is_private, host.address.list_all()):
            networks.setdefault(host.site, set()).add(find_network(address, _LIKELY_LENGTH[find_family(address)]))
    for draft in drafts:
        node = draft.node
        if node.host.flat or node.host.vpn or node.host.nat:
            continue
        own = {*draft.own_addresses, *(listener.bound for listener in node.reachable if listener.bound)}
        for terms in draft.terms.values():
            for network in filter(is_private, terms.networks):
                family = find_family(network)
                private = any(is_private(address) and find_family(address) == family for address in own)
                near = any(_overlaps(network, other) for other in networks.get(node.site, ()))
                if node.host.address.select(family) and not private and not near:
                    yield _make_warning(node.name, terms.variable, network)


def _overlaps(network: str, other: str) -> bool:
    return contains(network, other) or contains(other, network)


def _make_warning(name: str, variable: str, network: str) -> Finding:
    message = (
        f"{THIS_HOST} has only public addresses, and no host of its site, VPN, NAT mapping or flat network leads from these private "
        "addresses to it, so it sees the address after NAT. Name that address, or set kong_flat_network: true or kong_vpn_address "
        f"of {THIS_HOST} if private addresses reach it unchanged"
    )
    return make_host_warning("source-private", name, variable, network, message)

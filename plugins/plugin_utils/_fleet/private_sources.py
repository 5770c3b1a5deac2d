# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private addresses as sources of a node that never sees them, because every packet to it passes a NAT."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import find_family, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST, Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_warning


def find_private_sources(drafts: Collection[Draft], others: Iterable[Host]) -> Iterator[Finding]:
    """Yield a warning for each private network among the sources of a node that has public addresses only.

    A node has public addresses only if the inventory and the facts have no private address of the family on the node and
    at its site, no VPN address, no NAT mapping and no flat network.
    """
    private_sites = {
        (host.site, find_family(address))
        for host in (*others, *(draft.node.host for draft in drafts))
        for address in host.address.list_all()
        if is_private(address)
    }
    for draft in drafts:
        node = draft.node
        if node.host.flat or node.host.vpn or node.host.nat:
            continue
        own = {*draft.own_addresses, *(listener.bound for listener in node.reachable if listener.bound)}
        for terms in draft.terms.values():
            for network in filter(is_private, terms.networks):
                family = find_family(network)
                seen = any(is_private(address) and find_family(address) == family for address in own)
                if node.host.address.select(family) and not seen and (node.site, family) not in private_sites:
                    yield _make_warning(node.name, terms.variable, network)


def _make_warning(name: str, variable: str, network: str) -> Finding:
    message = (
        f"{THIS_HOST} has only public addresses, and no site, VPN, NAT mapping or flat network leads from private addresses to it, "
        "so it sees the address after NAT. Name that address, or set kong_flat_network: true or kong_vpn_address of "
        f"{THIS_HOST} if private addresses reach it unchanged"
    )
    return make_host_warning("source-private", name, variable, network, message)

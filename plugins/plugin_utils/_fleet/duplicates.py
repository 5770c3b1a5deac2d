# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors for addresses that two nodes have. Only a virtual address may be on several nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST, Finding, name_site
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import is_flat
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import get_bind_variable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.virtual import VIRTUAL
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.collisions import find_sharing


def find_duplicate_addresses(nodes: Collection[Node]) -> Iterator[Finding]:
    """Yield an error for each address that two nodes have in one site, on a flat network or on the VPN."""
    yield from _find_address_conflicts(nodes)
    yield from _find_vpn_duplicates(nodes)
    yield from _find_virtual_conflicts(nodes)


def find_binds_of_others(drafts: Collection[Draft]) -> Iterator[Finding]:
    """Yield an error for each bind address of a node that only another node of its site has, or another node on the VPN.

    A container has its own addresses, but not the address of another node either.
    """
    nodes = [draft.node for draft in drafts]
    own = {(node.site, address): node.name for node in nodes for address in node.host.address.list_all()}
    on_vpn = {address: node.name for node in nodes for address in node.host.vpn.list_all()}
    for draft in drafts:
        node = draft.node
        in_container = () if node.published is None else node.listeners
        for listener in (*node.reachable, *in_container):
            bound = listener.bound
            among = in_container if listener in in_container else node.reachable
            if bound is None or bound in draft.own_addresses or find_sharing(listener, among):
                continue
            if other := own.get((node.site, bound)) or on_vpn.get(bound):
                choice = "0.0.0.0 or [::]" if listener in in_container else "an address of the host, or 0.0.0.0 or [::]"
                message = f"{other} has this address, so Kong could not bind it on {THIS_HOST}. Bind {choice}"
                yield make_host_error("bind-not-on-host", node.name, get_bind_variable(listener), bound, message)


def _find_address_conflicts(nodes: Iterable[Node]) -> Iterator[Finding]:
    """Yield an error for each address of a node that another node of its site, or of a flat network, has as well."""
    by_address: dict[str, list[Node]] = {}
    for node in nodes:
        for address in node.host.address.list_all():
            by_address.setdefault(address, []).append(node)
    for address, holders in by_address.items():
        for index, node in enumerate(holders):
            for other in _choose_examples(node, holders[:index]):
                if other.site == node.site:
                    message = f"{other.name} of the same site has the same address; correct one of them"
                    yield make_host_error("address-duplicate", node.name, "kong_address", address, message)
                else:
                    message = (
                        f"{other.name} ({name_site(other.site)}) has the same address, and with kong_flat_network the sites "
                        f"route to each other; correct it, or set kong_flat_network: false on one of the sites"
                    )
                    yield make_host_error("address-overlap", node.name, "kong_address", address, message)


def _choose_examples(node: Node, others: Sequence[Node]) -> Iterator[Node]:
    """Yield the first node of the same site, and the first node of another site to which the network is flat."""
    yield from [other for other in others if other.site == node.site][:1]
    flat = (other for other in others if is_flat(other.host, node.host) or is_flat(node.host, other.host))
    yield from [other for other in flat if other.site != node.site][:1]


def _find_virtual_conflicts(nodes: Collection[Node]) -> Iterator[Finding]:
    """Yield an error for each virtual address of a node that is an own address of another node of its site."""
    own = {
        (node.site, address): node
        for node in nodes
        for address in (*node.host.address.list_all(), *node.host.vpn.list_all())
    }
    for node in nodes:
        for address in node.host.virtual:
            if other := own.get((node.site, address)):
                message = (
                    f"{other.name} of the same site has it as its own address. Set kong_address of {other.name} to the address "
                    f"that stays there, or correct {VIRTUAL}"
                )
                yield make_host_error("address-duplicate", node.name, VIRTUAL, address, message)


def _find_vpn_duplicates(nodes: Iterable[Node]) -> Iterator[Finding]:
    """Yield an error for each VPN address that two nodes have: the VPN is one network for all sites."""
    first: dict[str, Node] = {}
    for node in nodes:
        for address in node.host.vpn.list_all():
            if (other := first.setdefault(address, node)) is not node:
                message = f"{other.name} has the same address on the VPN; correct one of them"
                yield make_host_error("address-duplicate", node.name, "kong_vpn_address", address, message)

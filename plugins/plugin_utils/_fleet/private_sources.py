# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private addresses as sources of a node that never sees them, because every packet to it passes a NAT."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Family,
    contains,
    find_family,
    find_network,
    is_private,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST, Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.sources import Terms
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_warning

# A host tells no size of its network without facts. A private address makes these networks around it likely.
_LIKELY_LENGTH: Mapping[Family, int] = {4: 16, 6: 48}


def find_private_sources(
    drafts: Collection[Draft], others: Collection[Host], groups: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """Yield a warning for each private source of a node that has public addresses only.

    A node has public addresses only if the inventory and the facts have no private address of the family on it or on its NAT
    mappings, no VPN address and no flat network. Networks around a private address of a host that the inventory states to be in
    its site have no warning, and neither has such a host.
    """
    hosts = [*others, *(draft.node.host for draft in drafts)]
    nearby, placeless = _list_nearby(hosts), _list_placeless(hosts)
    members = {group: frozenset(names) for group, names in groups.items()}
    for draft in drafts:
        host = draft.node.host
        families = _list_public_families(draft)
        if host.flat or host.vpn or not families:
            continue
        near = nearby.get(host.site, set())
        for terms in {terms.variable: terms for terms in draft.terms.values()}.values():
            for network in _select_private(terms.networks, families, near):
                yield _make_warning(host.name, terms.variable, network)
            named = [source for source in placeless.get(host.site, ()) if _names(terms, source.name, members)]
            for source in named:
                for address in _select_private(_list_seen(source, host, families), families, near):
                    yield _make_host_warning(host.name, terms.variable, source.name, address)


def _names(terms: Terms, name: str, members: Mapping[str, Collection[str]]) -> bool:
    """Tell whether the terms name a host, or a group that has it."""
    return name in terms.hosts or any(name in members[group] for group in terms.groups)


def _list_seen(source: Host, host: Host, families: Collection[Family]) -> Iterator[str]:
    """Yield the addresses of a source that a host of its site sees at its addresses of these families."""
    dialled = (address for address in host.address.list_all() if find_family(address) in families)
    return (address for each in dialled if (address := source.choose_source(each)))


def _list_placeless(hosts: Iterable[Host]) -> dict[str, list[Host]]:
    """Return the hosts whose site is not stated, by site."""
    found: dict[str, list[Host]] = {}
    for host in hosts:
        if not host.states_site:
            found.setdefault(host.site, []).append(host)
    return found


def _list_nearby(hosts: Iterable[Host]) -> dict[str, set[str]]:
    """Return the networks around the private addresses of the hosts whose site is stated, by site."""
    networks: dict[str, set[str]] = {}
    for host in hosts:
        for address in filter(is_private, host.address.list_all() if host.states_site else ()):
            networks.setdefault(host.site, set()).add(find_network(address, _LIKELY_LENGTH[find_family(address)]))
    return networks


def _list_public_families(draft: Draft) -> set[Family]:
    """Return the families of which a node has an address, and none that is private."""
    node = draft.node
    mapped = (address for mapping in node.host.nat for address in (mapping.outside, mapping.hairpin_source) if address)
    bound = (listener.bound for listener in node.reachable if listener.bound)
    private = {find_family(address) for address in (*draft.own_addresses, *mapped, *bound) if is_private(address)
               and address not in node.host.bridged}  # fmt: skip
    return {family for family in FAMILIES if node.host.address.select(family)} - private


def _select_private(networks: Iterable[str], families: Collection[Family], near: Collection[str]) -> Iterator[str]:
    """Yield the private networks or addresses of these families that do not overlap with a network nearby."""
    for network in filter(is_private, networks):
        if find_family(network) in families and not any(_overlaps(network, other) for other in near):
            yield network


def _overlaps(network: str, other: str) -> bool:
    return contains(network, other) or contains(other, network)


def _make_warning(name: str, variable: str, network: str) -> Finding:
    message = (
        f"{THIS_HOST} has only public addresses, and no host of its site, VPN, NAT mapping or flat network leads from these private "
        "addresses to it, so it sees the address after NAT. Name that address, or set kong_flat_network: true or kong_vpn_address "
        f"of {THIS_HOST} if private addresses reach it unchanged"
    )
    return make_host_warning("source-private", name, variable, network, message)


def _make_host_warning(name: str, variable: str, source: str, address: str) -> Finding:
    message = (
        f"{THIS_HOST} has only public addresses, and this source with the private address {address} counts as a host of its site, "
        f"because it has no kong_site. If {THIS_HOST} sees an address after NAT, give the source another kong_site, and its "
        "kong_nat_egress. Otherwise give both the same kong_site"
    )
    return make_host_warning("source-private", name, variable, source, message)

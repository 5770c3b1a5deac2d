# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Temporary IPv6 addresses as sources of a node: addresses that look temporary in the facts of a host."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import make_host_network
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.temporary import make_temporary_warning

# Names of hosts, each with addresses.
Held = Iterable[tuple[str, Iterable[str]]]


def find_temporary_sources(
    drafts: Collection[Draft], others: Iterable[Host], list_unnamed: Callable[[], Held]
) -> Iterator[Finding]:
    """Yield a warning for each source term that is a temporary address of a node or of another host of the inventory.

    ``list_unnamed`` returns the temporary addresses of the hosts that no variable names. It reads many hosts, so it is called only
    if an address in a term may be one of them.
    """
    owners = _name_owners((host.name, host.temporary) for host in (*others, *(draft.node.host for draft in drafts)))
    terms_of = {
        draft.node.name: dict.fromkeys(
            (terms.variable, network) for terms in draft.terms.values() for network in terms.networks
        )
        for draft in drafts
    }
    single = {network for terms in terms_of.values() for _variable, network in terms if network.endswith("/128")}
    if single - {*owners}:
        owners = {**_name_owners(list_unnamed()), **owners}
    for name, given in terms_of.items():
        for variable, network in given:
            if owner := owners.get(network):
                yield make_temporary_warning(name, variable, network, owner)


def _name_owners(addresses: Held) -> dict[str, str]:
    """Return the name of the host by its address, which is written as a network."""
    return {make_host_network(address): name for name, found in addresses for address in found}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Temporary IPv6 addresses as sources of a node: addresses that look temporary in the facts of a host."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import make_host_network
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.temporary import make_temporary_warning


def find_temporary_sources(drafts: Collection[Draft], others: Iterable[Host]) -> Iterator[Finding]:
    """Yield a warning for each source term that is a temporary address of a node or of another host of the inventory."""
    owners = {
        make_host_network(address): host.name
        for host in (*others, *(draft.node.host for draft in drafts))
        for address in host.temporary
    }
    for draft in drafts:
        given = {(terms.variable, network): None for terms in draft.terms.values() for network in terms.networks}
        for variable, network in given:
            if owner := owners.get(network):
                yield make_temporary_warning(draft.node.name, variable, network, owner)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses as sources of a listener that does not listen in their family."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import Family, find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import get_bind_variable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.sources import Terms
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_warning
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener


def find_other_families(drafts: Collection[Draft]) -> Iterator[Finding]:
    """Yield a warning for each port whose sources are addresses of another family only.

    Kong Manager and telemetry may have the sources of another listener. These sources are checked only for that listener.
    """
    for draft in drafts:
        for (name, port), terms in draft.terms.items():
            if terms.variable != f"kong_{name}_sources" or not _has_only_networks(terms):
                continue
            sockets = [listener for listener in draft.node.select_listeners(name) if listener.own_port == port]
            opened = {family for socket in sockets if not socket.is_loopback for family in socket.families}
            if opened and not any(find_family(network) in opened for network in terms.networks):
                yield _make_warning(draft.node, terms, sockets[0], min(opened))


def _has_only_networks(terms: Terms) -> bool:
    return bool(terms.networks) and not (terms.any or terms.members or terms.hosts or terms.groups)


def _make_warning(node: Node, terms: Terms, socket: Listener, opened: Family) -> Finding:
    named = find_family(terms.networks[0])
    message = (
        f"{socket.name} port {socket.port} is open for IPv{opened} only, so no host with these addresses can connect. Add an IPv{named} "
        f"entry to {get_bind_variable(socket)}, or name IPv{opened} addresses"
    )
    return make_host_warning("source-family", node.name, terms.variable, [*terms.networks], message)

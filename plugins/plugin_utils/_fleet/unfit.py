# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables that must not be set on a node, because other connections or nodes would then be an error.

They are no remedies for a missing path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import is_behind_nat, list_egress_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft

EGRESS, FLAT, VPN = "kong_nat_egress", "kong_flat_network", "kong_vpn_address"
# The variable must not be set on two members of a cluster.
PEER_VPN = f"{VPN} of peers"


def mark_unfit(drafts: Mapping[str, Draft]) -> dict[str, Draft]:
    """Return the nodes with the variables that must not be set on their hosts."""
    hosts = [draft.node.host for draft in drafts.values()]
    holders: dict[str, list[Host]] = {}
    for host in hosts:
        for address in host.address.list_all():
            holders.setdefault(address, []).append(host)
    outgoing = {
        (draft.node.cluster, draft.node.site) for draft in drafts.values() if _goes_out_to_private(draft.node.host)
    }
    bound = {draft.node.cluster for draft in drafts.values() if is_bound(draft)}
    on_vpn = {draft.node.cluster for draft in drafts.values() if draft.node.host.vpn}
    of_cluster = {cluster: VPN if cluster in on_vpn else PEER_VPN for cluster in bound}
    return {
        name: _with_unfit(draft, frozenset(_list_unfit(draft, holders, outgoing, of_cluster)))
        for name, draft in drafts.items()
    }


def is_placed(draft: Draft) -> bool:
    """Tell whether the bind address of gossip is fixed, by the inventory or by a published port."""
    return "kong_cluster_listen" in draft.given or draft.node.published is not None


def is_bound(draft: Draft) -> bool:
    """Tell whether the node must send its gossip from one address. On a VPN its peers would expect its VPN address."""
    gossip = draft.node.select_listeners("cluster") if draft.generation.gossip else ()
    return is_placed(draft) and any(listener.bound is not None for listener in gossip[:1])


def _with_unfit(draft: Draft, unfit: frozenset[str]) -> Draft:
    return replace(draft, node=replace(draft.node, host=replace(draft.node.host, unfit=unfit))) if unfit else draft


def _list_unfit(
    draft: Draft,
    holders: Mapping[str, Sequence[Host]],
    outgoing: Collection[tuple[str, str]],
    of_cluster: Mapping[str, str],
) -> Iterator[str]:
    host = draft.node.host
    sharing = (other for address in host.address.list_all() for other in holders[address])
    if any(other.site != host.site and other.flat is not False for other in sharing):
        yield FLAT
    is_dialled = draft.generation.gossip or draft.node.role == "control_plane"
    if is_dialled and any(cluster == draft.node.cluster and site != host.site for cluster, site in outgoing):
        # The connections of these nodes would end at its NAT.
        yield EGRESS
    if draft.generation.gossip and draft.node.cluster in of_cluster:
        yield of_cluster[draft.node.cluster]


def _goes_out_to_private(host: Host) -> bool:
    """Tell whether the host reaches private addresses outside its own NAT."""
    return any(
        is_behind_nat(host, family) and all(map(is_private, list_egress_networks(host, "", _EXAMPLES[family])))
        for family in FAMILIES
    )


_EXAMPLES = {4: "192.0.2.1", 6: "2001:db8::1"}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that must not be made to a host, because other connections or nodes would then be an error.

They are no remedies for a missing path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, Family, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import is_behind_nat, list_egress_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft

# A NAT of the host. Other hosts leave their own NAT to reach its private address.
NAT = "kong_nat, kong_nat_egress"
# A public outside address of the host. The host leaves its own NAT to reach private addresses.
PUBLIC = "a public kong_nat_egress"
# A flat network to the host, and the use of flat networks by the host. Other sites have the same address.
FLAT = "kong_flat_network"
USE_FLAT = "no kong_flat_network: false"


def mark_unfit(
    drafts: Mapping[str, Draft], others: Mapping[str, Host], groups: Mapping[str, Collection[str]]
) -> tuple[dict[str, Draft], dict[str, Host]]:
    """Return the nodes and the other hosts with the changes that must not be made to them."""
    nodes = {name: draft.node.host for name, draft in drafts.items()}
    unfit: dict[str, set[str]] = {}
    for caller, target in _find_private_connections(drafts, {**nodes, **others}, groups):
        unfit.setdefault(caller, set()).add(PUBLIC)
        unfit.setdefault(target, set()).add(NAT)
    for name, change in _find_shared_addresses(nodes.values()):
        unfit.setdefault(name, set()).add(change)
    off_vpn = _find_off_vpn(drafts)

    def mark(host: Host) -> Host:
        changes, names = frozenset(unfit.get(host.name, ())), off_vpn.get(host.name, frozenset())
        return replace(host, unfit=changes, off_vpn=names) if changes or names else host

    marked = {name: replace(draft, node=replace(draft.node, host=mark(nodes[name]))) for name, draft in drafts.items()}
    return marked, {name: mark(host) for name, host in others.items()}


def is_placed(draft: Draft) -> bool:
    """Tell whether the bind address of gossip is fixed, by the inventory or by a published port."""
    return "kong_cluster_listen" in draft.given or draft.node.published is not None


def _find_private_connections(
    drafts: Mapping[str, Draft], hosts: Mapping[str, Host], groups: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, str]]:
    """Yield the names of a caller and its target if the caller leaves its NAT to a private address of another site."""
    for family in FAMILIES:
        outgoing = [host for host in hosts.values() if _goes_out_to_private(host, family)]
        if not outgoing:
            continue
        names = {group: frozenset(members) for group, members in groups.items()}
        clusters = _name_clusters(drafts.values())
        for draft in drafts.values():
            target = draft.node.host
            own = target.address.select(family)
            if own and is_private(own) and not is_behind_nat(target, family):
                called_by = [*_list_callers(draft, clusters[draft.node.cluster], names)]
                for caller in outgoing:
                    if caller.site != target.site and any(caller.name in callers for callers in called_by):
                        yield caller.name, target.name


def _goes_out_to_private(host: Host, family: Family) -> bool:
    """Tell whether the host reaches private addresses outside its own NAT."""
    return is_behind_nat(host, family) and all(map(is_private, list_egress_networks(host, "", _EXAMPLES[family])))


_EXAMPLES: Mapping[Family, str] = {4: "192.0.2.1", 6: "2001:db8::1"}


def _name_clusters(drafts: Iterable[Draft]) -> dict[str, set[str]]:
    clusters: dict[str, set[str]] = {}
    for draft in drafts:
        clusters.setdefault(draft.node.cluster, set()).add(draft.node.name)
    return clusters


def _list_callers(
    draft: Draft, cluster: AbstractSet[str], groups: Mapping[str, AbstractSet[str]]
) -> Iterator[AbstractSet[str]]:
    """Yield the names of hosts that connect to a node."""
    is_dialled = draft.generation.gossip or draft.node.role == "control_plane"
    if is_dialled or any(terms.members for terms in draft.terms.values()):
        yield cluster
    for terms in draft.terms.values():
        yield frozenset(terms.hosts)
        yield from (groups[group] for group in terms.groups)


def _find_shared_addresses(hosts: Collection[Host]) -> Iterator[tuple[str, str]]:
    """Yield the names of hosts whose address other sites have, and the change after which it would be an overlap."""
    holders: dict[str, list[Host]] = {}
    for host in hosts:
        for address in host.address.list_all():
            holders.setdefault(address, []).append(host)
    for sharing in holders.values():
        for host in sharing if len(sharing) > 1 else ():
            others = [other.flat for other in sharing if other.site != host.site]
            if any(flat is not False for flat in others):
                yield host.name, FLAT
            if any(others):
                yield host.name, USE_FLAT


def _find_off_vpn(drafts: Mapping[str, Draft]) -> dict[str, frozenset[str]]:
    """Return the members of gossip clusters of which one must stay off the VPN, by member.

    If all members are on the VPN, sites send their gossip over it. The peers of a node that sends it from another address would
    then drop it.
    """
    clusters: dict[str, list[Draft]] = {}
    for draft in drafts.values():
        if draft.generation.gossip and draft.node.select_listeners("cluster"):
            clusters.setdefault(draft.node.cluster, []).append(draft)
    found: dict[str, frozenset[str]] = {}
    for members in clusters.values():
        if len({member.node.site for member in members}) > 1 and any(map(_is_bound_elsewhere, members)):
            lacking = frozenset(member.node.name for member in members if not member.node.host.vpn.ipv4)
            found |= dict.fromkeys(lacking, lacking)
    return found


def _is_bound_elsewhere(draft: Draft) -> bool:
    """Tell whether the node must send its gossip from one address that is not on the VPN."""
    bound = draft.node.select_listeners("cluster")[0].bound
    return is_placed(draft) and bound is not None and bound != draft.node.host.vpn.ipv4

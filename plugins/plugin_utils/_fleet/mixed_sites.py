# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that connect to each other, some with public and some with private addresses, without a site in the inventory."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import find_family, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST, Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_warning

SITE = "kong_site"


def find_mixed_sites(drafts: Collection[Draft]) -> Iterator[Finding]:
    """Yield a warning for each node with private addresses whose cluster has a node with public addresses only.

    The inventory states no site of the two nodes, and no flat network. So the plan assumes that they are at one site.
    """
    clusters: dict[str, list[Draft]] = {}
    for draft in drafts:
        connects = draft.generation.gossip or draft.node.role != "traditional"
        if connects and SITE not in draft.given and not draft.node.host.flat and draft.node.host.address.ipv4:
            clusters.setdefault(draft.node.cluster, []).append(draft)
    for members in clusters.values():
        private = [draft.node for draft in members if _list_kinds(draft) == {True}]
        public = [draft.node for draft in members if _list_kinds(draft) == {False}]
        for node in private:
            other = next((each for each in public if _is_pair(node.role, each.role)), None)
            if other:
                message = (
                    f"it is not set, so {THIS_HOST} and other nodes of its cluster count as one site and connect at their local "
                    "addresses, some public and some private. If they reach each other there, set kong_site of all to one name. "
                    "Otherwise give each network its own kong_site, and kong_nat or kong_vpn_address"
                )
                found = make_host_warning("site-mixed", node.name, SITE, None, message)
                yield found.with_detail(f"has {node.host.address.ipv4}, and {other.name} has {other.host.address.ipv4}")


def _list_kinds(draft: Draft) -> set[bool]:
    """Return whether the IPv4 addresses of a node are private; those on a VPN and of private bridges are left out."""
    local = draft.own_addresses - {*draft.node.host.vpn.list_all(), *draft.node.host.bridged}
    return {is_private(address) for address in local if find_family(address) == 4}


def _is_pair(role: str, other: str) -> bool:
    """Tell whether nodes of these roles connect to each other: peers, or a data plane and its control plane."""
    return role == other == "traditional" or {role, other} == {"control_plane", "data_plane"}

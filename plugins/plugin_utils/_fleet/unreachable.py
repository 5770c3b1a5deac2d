# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callers without a path, or whose path is in doubt: what it is, and the warnings that name them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, Family, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route, seen_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import VARIABLE as PUBLISHED_PORTS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import host_warning
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

# The ports of a listener that the same hosts of a term have no path to, by listener, term, their names, and their obstacle.
Stranded = dict[tuple[str, str, tuple[str, ...], str], tuple[list[int], list[Host]]]

# By site: the hosts whose source is in doubt, and the first of them with whom it dials, where, and its source.
Doubtful = dict[str, tuple[dict[str, None], tuple[str, str, str, str]]]


def unreachable_reason(caller: Host, target: Node, listeners: Sequence[Listener]) -> str:
    """Say what keeps a caller from a node whatever network lies between, so that no mapping and no VPN would help.

    Returns a sentence with the way out; empty where there is no such thing. ``listeners`` are the node's sockets that
    would do, at least one.
    """
    first = listeners[0]
    variable = PUBLISHED_PORTS if first.container_port else f"kong_{first.setting}"
    taken = {family for one in listeners if not one.is_loopback for family in one.families}
    if not taken:
        return f"It binds {first.address} only, where no other host reaches it; set {variable} of {target.name}"
    for host in (target.host, caller):
        if not taken & _families_of(host):
            here, other = min(taken), next(family for family in FAMILIES if family not in taken)
            return (
                f"It takes IPv{here} only, and {host.name} has no IPv{here} address; add an IPv{other} entry to {variable} "
                f"of {target.name}, or give {host.name} an IPv{here} address"
            )
    return ""


def _families_of(host: Host) -> set[Family]:
    return {family for family in FAMILIES if host.address.of(family) or host.vpn.of(family)}


def note_stranded(stranded: Stranded, hosts: Sequence[Host], term: str, node: Node, alike: Sequence[Listener]) -> None:
    """Add the hosts of a term that have no path to the sockets of one port, apart from the hosts for which a reason is known."""
    explained = [host for host in hosts if unreachable_reason(host, node, alike)]
    for same in (explained, [host for host in hosts if host not in explained]):
        if same:
            names = tuple(host.name for host in same)
            key = (alike[0].name, term, names, unreachable_reason(same[0], node, alike))
            stranded.setdefault(key, ([], same))[0].append(alike[0].port)


def stranded_warnings(node: Node, stranded: Stranded) -> Iterator[Finding]:
    """Yield a warning for the hosts of each term that have no path to a node."""
    for (listener, term, _names, reason), (ports, hosts) in stranded.items():
        named = ", ".join(f"{host.name} (site {host.site})" for host in hosts[:3])
        others = f" and {len(hosts) - 3} more" if len(hosts) > 3 else ""
        where = " and ".join(str(port) for port in dict.fromkeys(ports))
        ways_out = (
            f"Give {node.name} a kong_nat mapping to the port, or both a kong_vpn_address, set kong_flat_network: true, or "
            "name the address that the node sees"
        )
        message = (
            f"no path from {named}{others} to the {listener} port {where} of {node.name} (site {node.site}), so no rule is "
            f"made for it. {reason or ways_out}"
        )
        yield host_warning("source-no-path", node.name, f"kong_{listener}_sources", term, message)


def note_doubtful(doubtful: Doubtful, taken: Iterable[tuple[Sequence[Host], Route | None]], node: Node) -> None:
    """Add the hosts that would come from private addresses to a public one, which nobody can without a NAT in between."""
    for hosts, route in taken:
        if route is None or route.via != "nat" or is_private(route.dialled.address):
            continue
        for host in hosts:
            sources = seen_sources(route, host, node.host)
            if all(is_private(source) for source in sources):
                first = (
                    host.name,
                    node.name,
                    route.dialled.address,
                    sources[0].removesuffix("/32").removesuffix("/128"),
                )
                doubtful.setdefault(host.site, ({}, first))[0][host.name] = None


def doubtful_warnings(doubtful: Doubtful) -> Iterator[Finding]:
    """Yield a warning for the hosts of each site whose source is in doubt."""
    for hosts, (name, target, dialled, source) in doubtful.values():
        also = f"; likewise {_some(sorted(set(hosts) - {name}))}" if len(hosts) > 1 else ""
        message = (
            f"it reaches {target} at the public address {dialled}, and would come there from {source}, which is private. Give "
            f"it the address that its NAT has outside, or {target} will refuse it{also}"
        )
        yield host_warning("egress-private", name, "kong_nat_egress", None, message)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

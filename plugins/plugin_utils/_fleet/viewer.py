# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views: the source addresses of groups of hosts as a node sees them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Family,
    is_private,
    make_host_network,
    sort_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import CallerClass, Group
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.networks import Cells
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Route,
    find_route_to,
    list_dialled_addresses,
    list_route_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.selection import Callers, Selection
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.sets import Content, Shared
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import (
    Unknown,
    Unverified,
    note_unknown,
    note_unverified,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

GroupKey = tuple[str, str]
ListSources = Callable[[Route, Host, Host], tuple[str, ...]]
# The route to a node for each family.
Taken = tuple[Route | None, ...]


class _View(NamedTuple):
    """The callers of a group, a node, and the routes to it: of classes of other sites, and of classes of its own site."""

    callers: Group
    node: Node
    list_sources: ListSources
    remote: Mapping[CallerClass, Taken]
    near: Mapping[CallerClass, Taken]


@dataclass
class Viewer:
    """The sources of groups of hosts as nodes see them, computed once for all nodes with the same view.

    Nodes of different sites see callers of other sites with the same sources. So these are computed once for all sites, and
    only the callers of a site are computed for the nodes of this site.
    """

    members: Mapping[GroupKey, Sequence[Host]]
    named_sites: frozenset[str] = frozenset()
    unverified: Unverified = field(default_factory=dict)
    unknown: Unknown = field(default_factory=dict)
    _groups: dict[GroupKey, tuple[Group, Cells]] = field(default_factory=dict)
    _contents: dict[Hashable, Content] = field(default_factory=dict)
    _shared: dict[Hashable, Shared] = field(default_factory=dict)
    _noted: dict[Hashable, set[str]] = field(default_factory=dict)
    _callers: dict[Hashable, Callers] = field(default_factory=dict)

    def view(self, group: GroupKey, node: Node, listeners: Sequence[Listener], protocol: str) -> Content:
        """Return the sources of a group as the node sees them at the first of its listeners on one port.

        For a family that this listener does not have, the first listener with that family decides, so that the sockets of
        one port share a set.
        """
        callers, cells = self._find_group(group)
        first = {family: next((each for each in listeners if family in each.families), None) for family in FAMILIES}
        remote = {
            kind: _list_routes(host, node, first, protocol) for kind, host in callers.choose_remote(node.site).items()
        }
        near = {
            kind: _list_routes(hosts[0], node, first, protocol) for kind, hosts in callers.find_near(node.site).items()
        }
        signature = _make_signature(remote, cells)
        key = (group, node.site, signature, _make_signature(near, cells))
        if key not in self._contents:
            view = _View(
                callers, node, _list_gossip_sources if group[0] == "gossip" else list_route_sources, remote, near
            )
            elsewhere = (group, callers.find_scope(node.site), signature)
            if elsewhere not in self._shared:
                self._shared[elsewhere] = _count_shared(view)
            self._contents[key] = _make_content(view, self._shared[elsewhere])
            # A data plane connects to one control plane only. `connect` checks this connection when it chooses it.
            self._note(view, elsewhere, is_verified=group[0] == "data_planes")
        return self._contents[key]

    def _note(self, view: _View, elsewhere: Hashable, *, is_verified: bool) -> None:
        """Note unverified and unknown sources. Callers of another site are noted once for all nodes with the same view."""
        site, sites = view.node.site, self._noted.setdefault(elsewhere, set())
        hosts = _list_new(view.callers, site, sites)
        taken = [(members, view.remote[view.callers.find_remote_class(members[0])]) for members in hosts]
        sites.add(site)
        taken += [(members, view.near[kind]) for kind, members in view.callers.find_near(site).items()]
        for index, _family in enumerate(FAMILIES):
            if not is_verified:
                note_unverified(self.unverified, [(members, routes[index]) for members, routes in taken], view.node)
        for index, _family in enumerate(FAMILIES):
            note_unknown(self.unknown, [(members, routes[index]) for members, routes in taken], view.node)

    def select_unreachable(
        self, group: GroupKey, node: Node, listeners: Sequence[Listener], protocol: str
    ) -> Selection:
        """Return the hosts of a group that have no path to any of a node's listeners."""
        hosts, _cells = self._find_group(group)
        remote = [
            self._find_callers(group, kind, hosts.remote[kind], _get_site)
            for kind, caller in hosts.choose_remote(node.site).items()
            if caller and not _reaches_any(caller, node, listeners, protocol)
        ]
        near = [
            self._find_callers(group, kind, members, _get_name)
            for kind, members in hosts.find_near(node.site).items()
            if not _reaches_any(members[0], node, listeners, protocol)
        ]
        return Selection(node.host, tuple(callers for callers in (*remote, *near) if callers.count(node.host)))

    def _find_callers(
        self, group: GroupKey, kind: CallerClass, hosts: Sequence[Host], get_own: Callable[[Host], str]
    ) -> Callers:
        key = group, kind, get_own
        if key not in self._callers:
            self._callers[key] = Callers(hosts, get_own)
        return self._callers[key]

    def _find_group(self, group: GroupKey) -> tuple[Group, Cells]:
        if group not in self._groups:
            self._groups[group] = Group(self.members[group], self.named_sites), Cells(self.members[group])
        return self._groups[group]


def _get_site(host: Host) -> str:
    return host.site


def _get_name(host: Host) -> str:
    return host.name


def _list_new(callers: Group, site: str, sites: Collection[str]) -> Iterator[Sequence[Host]]:
    """Yield the classes of hosts of other sites that nodes of the sites before did not see as callers of another site."""
    if not sites:
        yield from (hosts for hosts in callers.classes.values() if hosts[0].site != site)
    elif len(sites) == 1 and site not in sites:
        yield from callers.find_near(*sites).values()


def _list_routes(caller: Host | None, node: Node, listeners: Mapping[Family, Listener | None], protocol: str) -> Taken:
    """Return the route of a caller to a listener of each family."""
    return tuple(
        find_route_to(caller, node, listener, protocol, family) if caller and listener else None
        for family, listener in listeners.items()
    )


def _reaches_any(caller: Host, node: Node, listeners: Sequence[Listener], protocol: str) -> bool:
    return any(
        find_route_to(caller, node, listener, protocol, family)
        for listener in listeners
        for family in FAMILIES
        if family in listener.families
    )


def _count_shared(view: _View) -> Shared:
    """Return the sources of all members of the remote classes, as a node sees them that is at another site than all of them."""
    counts: Counter[str] = Counter()
    for kind, hosts in view.callers.remote.items():
        for host in hosts:
            counts.update(_list_networks(view, host, view.remote[kind]))
    return Shared(counts)


def _make_content(view: _View, shared: Shared) -> Content:
    """Return the sources of all callers: the shared sources without those that only hosts of the node's site have, and theirs."""
    near: set[str] = set()
    counts: Counter[str] = Counter()
    for kind, hosts in view.callers.find_near(view.node.site).items():
        remote = view.remote[view.callers.find_remote_class(hosts[0])]
        for host in hosts:
            near |= _list_networks(view, host, view.near[kind])
            counts.update(_list_networks(view, host, remote))
    without = {network for network, count in counts.items() if count == shared.counts[network]} - near
    if len(without) == len(shared.counts):
        return Content(sort_networks(near))
    return Content(sort_networks(near - shared.counts.keys()), shared, sort_networks(without))


def _list_networks(view: _View, host: Host, routes: Taken) -> set[str]:
    """Return the networks that the node sees of a host, over the routes of both families."""
    return {network for route in routes if route for network in view.list_sources(route, host, view.node.host)}


def _make_signature(routes: Mapping[CallerClass, Taken], cells: Cells) -> Hashable:
    return tuple(make_route_kind(route, cells) for taken in routes.values() for route in taken)


def make_route_kind(route: Route | None, cells: Cells) -> Hashable:
    """Return the properties of a route, except its caller and the site of the node, on which its visible sources depend."""
    if route is None:
        return None
    hairpin = route.mapping.hairpin_source if route.via == "hairpin" and route.mapping else None
    return (
        route.via,
        hairpin,
        is_private(route.dialled.address),
        *(cells.select(address) for address in list_dialled_addresses(route)),
    )


def _list_gossip_sources(route: Route, caller: Host, target: Host) -> tuple[str, ...]:
    """Return the sources of a gossip peer: joins come from the network's address, but udp from the address that Serf binds."""
    bound = caller.address.ipv4 if route.via == "local" else None
    return (*list_route_sources(route, caller, target), *([make_host_network(bound)] if bound else []))

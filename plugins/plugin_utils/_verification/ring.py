# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The callers from which a port is probed in a sample: found by class, without a try of every caller.

Equivalent callers have the same routes. So the route of one member of a class decides for all, and only the sources of the
members differ, which are compared with the sets of the plan for all members together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator, Sequence
from hashlib import sha256

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import Group, list_named_sites
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.networks import Cells
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Route,
    list_dialled_addresses,
    list_route_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.caller_sources import CallerSources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    OPEN,
    Port,
    Probe,
    Target,
    find_endpoint_without_path,
    find_probed_route,
    is_held_at,
    list_ports,
    make_probe_to,
)


class _Members:
    """The callers of one class: their positions, the networks on which their sources depend, and their sources by route.

    Remote members call nodes of other sites, all other members call nodes of their own site.
    """

    def __init__(self, hosts: Sequence[Host], positions: Sequence[int], *, are_remote: bool) -> None:
        self.hosts = hosts
        self.are_remote = are_remote
        self.positions = positions
        self.cells = Cells(hosts)
        self.sources: dict[Hashable, CallerSources] = {}


class Ring:
    """All callers in an order that depends on their names only. For each node the order starts after the node itself."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        """Sort the callers."""
        self.hosts = sorted(hosts, key=lambda host: sha256(host.name.encode()).digest())
        self._positions = {host.name: position for position, host in enumerate(self.hosts)}
        self._group = Group(self.hosts, list_named_sites(self.hosts))
        self._remote = [self._make_members(hosts, are_remote=True) for hosts in self._group.remote.values()]
        self._near: dict[str, list[_Members]] = {}

    def take(self, target: str, turn: int) -> Host:
        """Return the caller of a node in a turn. The node itself has the last turn."""
        return self.hosts[(self._positions[target] + 1 + turn) % len(self.hosts)]

    def list_required(self, goal: Target) -> Iterator[Probe]:
        """Yield for each port a probe from an allowed caller and a probe from another caller, if there are such callers.

        If callers of other sites reach the port through NAT mappings, yield a probe from an allowed caller through each mapping.
        The node itself is not among the callers.
        """
        classes = self._list_classes(goal)
        for port in list_ports(goal.node):
            probes = (self._find_probe(classes, goal, port, is_open=is_open) for is_open in (True, False))
            found = [probe for probe in probes if probe]
            yield from found
            opened = (probe for probe in found if probe.expected == OPEN and self._is_remote(probe.caller, goal))
            dialled = {probe.dialled for probe in opened}
            yield from self._list_through_mappings(classes, goal, port, dialled)

    def _find_probe(self, classes: Iterable[_Members], goal: Target, port: Port, *, is_open: bool) -> Probe | None:
        """Return the first probe from a caller that is allowed, or from a caller that is not."""
        probes = (
            make_probe_to(host, goal, port)
            for members in classes
            for host in self._list_likely(members, goal, port, is_open=is_open)
        )
        return next((probe for probe in probes if probe and (probe.expected == OPEN) is is_open), None)

    def _list_through_mappings(
        self, classes: Iterable[_Members], goal: Target, port: Port, dialled: set[Endpoint]
    ) -> Iterator[Probe]:
        """Yield a probe from an allowed caller of another site to each outside endpoint that is not among the dialled."""
        for members in classes:
            if not members.are_remote:
                continue
            route = find_probed_route(self._find_first(members, goal), goal.node, port)
            if route is None or route.mapping is None or route.dialled in dialled:
                continue
            if probe := self._find_probe([members], goal, port, is_open=True):
                dialled.add(probe.dialled)
                yield probe

    def _is_remote(self, caller: str, goal: Target) -> bool:
        """Tell whether a caller is at another site than the node."""
        return self.hosts[self._positions[caller]].site != goal.node.site

    def _make_members(self, hosts: Sequence[Host], *, are_remote: bool) -> _Members:
        return _Members(hosts, [self._positions[host.name] for host in hosts], are_remote=are_remote)

    def _list_classes(self, goal: Target) -> list[_Members]:
        """Return the classes of callers for a node, the class whose first member is next to the node first."""
        site = goal.node.site
        if site not in self._near:
            near = self._group.find_near(site).values()
            self._near[site] = [self._make_members(hosts, are_remote=False) for hosts in near]
        firsts = {
            self._positions[host.name]: members
            for members in (*self._near[site], *self._remote)
            if (host := next(self._list_members(members.positions, members, goal), None))
        }
        return [firsts[position] for position in self._list_rotated(sorted(firsts), goal)]

    def _list_rotated(self, positions: Sequence[int], goal: Target) -> Iterator[int]:
        """Yield sorted positions, starting after the node."""
        start = bisect_left(positions, self._positions[goal.node.name])
        return (positions[(start + step) % len(positions)] for step in range(len(positions)))

    def _find_first(self, members: _Members, goal: Target) -> Host:
        """Return the first caller of a class after the node."""
        return next(self._list_members(members.positions, members, goal))

    def _list_members(self, positions: Sequence[int], members: _Members, goal: Target) -> Iterator[Host]:
        """Yield the callers of a class at sorted positions, starting after the node."""
        for position in self._list_rotated(positions, goal):
            host = self.hosts[position]
            if host.site != goal.node.site if members.are_remote else host.name != goal.node.name:
                yield host

    def _list_likely(self, members: _Members, goal: Target, port: Port, *, is_open: bool) -> Iterator[Host]:
        """Yield callers of a class among which are all whose probe is expected to be open, or all other callers."""
        callers = self._list_members(members.positions, members, goal)
        route = find_probed_route(self._find_first(members, goal), goal.node, port)
        allowed = goal.sources[port.listener, port.protocol]
        if route is None:
            dialled = None if is_open else find_endpoint_without_path(goal.node, port)
            return (host for host in callers if dialled and not is_held_at(host.site, dialled, goal))
        if isinstance(allowed, str):
            return callers if is_open else iter(())
        likely = self._find_sources(members, route, goal).list_likely(allowed, allowed=is_open)
        return (host for positions in likely for host in self._list_members(positions, members, goal))

    def _find_sources(self, members: _Members, route: Route, goal: Target) -> CallerSources:
        """Return the sources of all members on a route; the key has all on which they depend."""
        dialled = list_dialled_addresses(route)
        key = (
            route.via,
            find_family(route.lands),
            self._group.find_scope(goal.node.site),
            route.mapping and route.mapping.hairpin_source,
            tuple(map(members.cells.select, dialled)),
        )
        if key not in members.sources:
            sources = {
                position: list_route_sources(route, host, goal.node.host)
                for position, host in zip(members.positions, members.hosts, strict=True)
            }
            members.sources[key] = CallerSources(sources, goal.sets)
        return members.sources[key]

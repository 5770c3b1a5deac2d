# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callers of a large fleet in lists that the ports of many nodes share, so that a report grows with the sites, not the pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import Family, contains, find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import Group, list_named_sites
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.networks import Cells
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Route,
    find_route_to,
    list_route_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.viewer import make_route_kind
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.allowed import Networks, Sets
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

# Number of callers whose addresses are examples in a picture.
_EXAMPLES = 3
# The members of a list of at most this size are named in each place instead, without a list.
MOST_NAMED = 3

_Sources = Mapping[str, tuple[str, ...]]  # by name


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of callers, of which a port does not allow ``without``, and callers outside of the list that it allows too.

    ``further`` has these with their sources. Networks have no sources. ``number`` is 0 if there is no list.
    """

    number: int
    callers: int
    without: tuple[str, ...]
    further: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _CallerList:
    """Callers with the sources that a node sees. ``others`` are equivalent callers that are not in the list.

    All lists with these members have the same ``number``. It is 0 if there are few members.
    """

    number: int
    members: _Sources
    by_network: Mapping[str, Sequence[str]]
    others: _Sources
    by_source: Mapping[str, Sequence[str]]


class CallerLists:
    """The lists of a report, made when a port first needs them."""

    def __init__(self, sets: Mapping[str, Any], hosts: Sequence[Host]) -> None:
        """Classify the hosts of a plan with these sets."""
        self._plan_sets, self._sets = sets, Sets(sets)
        self._group, self._cells = Group(hosts, list_named_sites(hosts)), Cells(hosts)
        self._lists: dict[Hashable, _CallerList] = {}
        self._numbers: dict[Hashable, int] = {}
        self._sources: dict[int, Counter[str]] = {}
        self._shared: dict[tuple[str, ...], Networks] = {}

    @property
    def lists(self) -> dict[int, _Sources]:
        """The members of each list, by its number."""
        return {found.number: found.members for found in self._lists.values() if found.number}

    def list_callers(
        self, node: Node, listener: Listener, protocol: str, family: Family, sets: tuple[str, ...]
    ) -> Iterator[tuple[Route, str | None, Listed]]:
        """Yield the callers that these sets allow to a listener, with the route and the site of callers at the node's site."""
        near = self._group.find_near(node.site)
        neighbours = {host.name for members in near.values() for host in members}
        callers: list[tuple[Hashable, Host | None, Sequence[Host], set[str]]] = [
            ((kind, self._group.find_scope(node.site)), caller, self._group.remote[kind], neighbours)
            for kind, caller in self._group.choose_remote(node.site).items()
        ]
        for kind, hosts in near.items():
            callers.append((kind, next((host for host in hosts if host.name != node.name), None), hosts, {node.name}))
        for kind, caller, members, absent in callers:
            route = find_route_to(caller, node, listener, protocol, family) if caller else None
            if route:
                key = (kind, absent is neighbours, find_family(route.lands), make_route_kind(route, self._cells))
                found = self._find_list(key, members, route, node, sets)
                listed = self._describe(found, sets, absent)
                if listed.callers:
                    yield route, None if absent is neighbours else node.site, listed

    def list_networks(self, networks: tuple[str, ...]) -> Listed | None:
        """Return networks as a list, None without networks."""
        if not networks:
            return None
        if networks not in self._lists:
            members: _Sources = dict.fromkeys(networks, ())
            self._lists[networks] = _CallerList(self._assign_number(members), members, {}, {}, {})
        return _make_listed(self._lists[networks], (), {})

    def choose_examples(self, listed: Listed) -> tuple[tuple[str, ...], int]:
        """Return a few sources of the callers, and the number of their other sources."""
        members = self.lists.get(listed.number, {})
        left = Counter(self._count_sources(listed.number))
        left.subtract(source for name in listed.without for source in members[name] or (name,))
        left.update(source for name, sources in listed.further for source in sources or (name,))
        sources = [source for source, callers in left.items() if callers > 0]
        return tuple(sources[:_EXAMPLES]), len(sources[_EXAMPLES:])

    def _count_sources(self, number: int) -> Counter[str]:
        """Return the sources of a list, each with the number of its callers."""
        if number not in self._sources:
            members = self.lists.get(number, {})
            self._sources[number] = Counter(source for name, found in members.items() for source in found or (name,))
        return self._sources[number]

    def _find_list(
        self, key: Hashable, members: Sequence[Host], route: Route, node: Node, sets: tuple[str, ...]
    ) -> _CallerList:
        shared = tuple(map(self._sets.find_shared, sets))
        if (key, shared) not in self._lists:
            networks = self._read_shared(shared)
            own: dict[str, tuple[str, ...]] = {}
            others: dict[str, tuple[str, ...]] = {}
            by_network: dict[str, list[str]] = {}
            for host in sorted(members, key=lambda host: make_natural_key(host.name)):
                sources = list_route_sources(route, host, node.host)
                holding = [[*networks.list_containing(source)] for source in sources]
                if sources and all(holding):
                    own[host.name] = sources
                    for network in {network for found in holding for network in found}:
                        by_network.setdefault(network, []).append(host.name)
                elif sources:
                    others[host.name] = sources
            number = self._assign_number(own)
            self._lists[key, shared] = _CallerList(number, own, by_network, others, _group_by_source(others))
        return self._lists[key, shared]

    def _assign_number(self, members: _Sources) -> int:
        if len(members) <= MOST_NAMED:
            return 0
        return self._numbers.setdefault(tuple(members.items()), len(self._numbers) + 1)

    def _read_shared(self, names: tuple[str, ...]) -> Networks:
        if names not in self._shared:
            self._shared[names] = Networks(network for name in names for network in self._sets.list_own(name))
        return self._shared[names]

    def _describe(self, found: _CallerList, sets: tuple[str, ...], absent: set[str]) -> Listed:
        """Return the list as the callers of a port, of which the hosts ``absent`` are none."""
        changed = [name for name in sets if self._sets.find_shared(name) != name]
        excepted = {
            host
            for name in changed
            for network in self._sets.list_excepted(name)
            for host in found.by_network.get(network, ())
        }
        own = [network for name in changed for network in self._sets.list_own(name)]
        without = [host for host in (absent | excepted) & found.members.keys()
                   if host in absent or not self.allows(sets, found.members[host])]  # fmt: skip
        further = [host for host in _find_hosts(own, found) - absent if self.allows(sets, found.others[host])]
        return _make_listed(found, without, {host: found.others[host] for host in further})

    def allows(self, sets: tuple[str, ...], sources: Iterable[str]) -> bool:
        """Tell whether all of the sources are in one of the sets."""
        return all(self._sets.allow(sets, source) for source in sources)


def _make_listed(found: _CallerList, without: Collection[str], further: _Sources) -> Listed:
    """Return a list with its exceptions. Without a number its members are ``further`` callers."""
    members = {} if found.number else {name: found.members[name] for name in found.members if name not in without}
    named = sorted({**members, **further}.items(), key=lambda item: make_natural_key(item[0]))
    listed = len(found.members) - len(without) if found.number else 0
    excepted = tuple(sorted(without, key=make_natural_key)) if listed else ()
    return Listed(found.number if listed else 0, listed + len(named), excepted, tuple(named))


def _group_by_source(sources: _Sources) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, found in sources.items():
        for source in found:
            names.setdefault(source, []).append(name)
    return names


def _find_hosts(networks: Iterable[str], found: _CallerList) -> set[str]:
    """Return the hosts outside of a list of which a source is in one of the networks."""
    hosts: set[str] = set()
    for network in networks:
        if network in found.by_source:
            hosts.update(found.by_source[network])
        elif not network.endswith(("/32", "/128")):
            hosts.update(
                host for source, names in found.by_source.items() if contains(network, source) for host in names
            )
    return hosts

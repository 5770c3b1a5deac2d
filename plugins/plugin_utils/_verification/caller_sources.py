# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The source networks of many callers, and the callers whose sources a rule allows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import compute_bounds, find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.allowed import Sets


class CallerSources:
    """The source networks of callers on one kind of route, by the positions of the callers.

    Networks are looked up among the sources. So the time depends on the size of a set, not on the number of callers, and
    each combination of sets is looked up once.
    """

    def __init__(self, sources: Mapping[int, Sequence[str]], sets: Sets) -> None:
        """Keep the sources (CIDR text) of each position, and the sets of the plan."""
        self._sources = sources
        self._sets = sets
        self._positions: dict[str, list[int]] = {}
        for position, networks in sources.items():
            for network in networks:
                self._positions.setdefault(network, []).append(position)
        self._sorted = sorted((find_family(network), *compute_bounds(network), network) for network in self._positions)
        self._split: dict[tuple[str, ...], tuple[list[int], list[int]]] = {}

    def list_likely(self, names: Sequence[str], *, allowed: bool) -> tuple[list[int], list[int]]:
        """Return sorted positions among which are all callers that sets of these names allow, or all that they do not allow.

        A set that includes a shared set is looked up as the shared set, first. The second positions are those of the
        networks in which it differs from the shared set.
        """
        shared = tuple(dict.fromkeys(map(self._sets.find_shared, names)))
        if shared not in self._split:
            self._split[shared] = self._split_positions(shared)
        inside, outside = self._split[shared]
        including = [name for name in names if name not in shared]
        list_networks = self._sets.list_own if allowed else self._sets.list_excepted
        differing = self._find_within(network for name in including for network in list_networks(name))
        return inside if allowed else outside, sorted(self._find_positions(differing))

    def _split_positions(self, names: Iterable[str]) -> tuple[list[int], list[int]]:
        """Return the positions whose sources are all in the sets, and all other positions."""
        covered = self._find_within(network for name in names for network in self._sets.list_own(name))
        inside = {position for position in self._find_positions(covered) if covered.issuperset(self._sources[position])}
        return sorted(inside), sorted(self._sources.keys() - inside)

    def _find_positions(self, sources: Iterable[str]) -> set[int]:
        return {position for source in sources for position in self._positions[source]}

    def _find_within(self, networks: Iterable[str]) -> set[str]:
        """Return the sources that are within one of the networks."""
        return {source for network in networks for source in self._list_within(network)}

    def _list_within(self, network: str) -> Iterable[str]:
        family, (first, last) = find_family(network), compute_bounds(network)
        start = bisect_left(self._sorted, (family, first))
        end = bisect_left(self._sorted, (family, last + 1))
        return (source for _family, _first, highest, source in self._sorted[start:end] if highest <= last)

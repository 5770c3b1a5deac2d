# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks of hosts with several addresses: the networks that the fleet uses, and the networks of an address."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    BITS,
    compute_bounds,
    find_family,
    get_prefix_length,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Networks, Node


class Dialled:
    """The addresses at which hosts of the fleet reach its nodes."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Collect the addresses of the nodes."""
        found: dict[int, set[int]] = {4: set(), 6: set()}
        for node in nodes:
            outside = (mapping.outside for mapping in node.host.nat)
            bound = (listener.bound for listener in node.reachable if listener.bound)
            for address in {*node.host.list_addresses(), *outside, *bound}:
                found[find_family(address)].add(compute_bounds(address)[0])
        self._sorted = {family: sorted(numbers) for family, numbers in found.items()}

    def restrict(self, host: Host) -> Host:
        """Return the host without the networks in which no node is dialled, so that these do not change the plan."""
        kept = tuple(entry for entry in host.networks if self._is_dialled(entry[0]))
        own = {find_family(network): set[str | None]() for network, _source in kept}
        for network, source in kept:
            own[find_family(network)].add(source)
        plain = {family for family, sources in own.items() if not sources - {host.address.select(family)}}
        networks: Networks = tuple(entry for entry in kept if find_family(entry[0]) not in plain)
        return host if networks == host.networks else replace(host, networks=networks)

    def _is_dialled(self, network: str) -> bool:
        first, last = compute_bounds(network)
        numbers = self._sorted[find_family(network)]
        at = bisect_left(numbers, first)
        return at < len(numbers) and numbers[at] <= last


class Cells:
    """The networks of several hosts. All connections to addresses in the same networks have the same source addresses."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        """Collect the networks of the hosts."""
        self._firsts: dict[tuple[int, int], set[int]] = {}
        for network in {network for host in hosts for network, _source in host.networks}:
            self._firsts.setdefault((find_family(network), get_prefix_length(network)), set()).add(
                compute_bounds(network)[0]
            )

    def select(self, address: str) -> tuple[tuple[int, int], ...]:
        """Return the networks that contain an address: each first address with its prefix length."""
        if not self._firsts:
            return ()
        family, number = find_family(address), compute_bounds(address)[0]
        found = ((number >> BITS[family] - length << BITS[family] - length, length)
                 for known, length in self._firsts if known == family)  # fmt: skip
        return tuple(sorted(cell for cell in found if cell[0] in self._firsts[family, cell[1]]))

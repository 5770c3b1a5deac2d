# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proposed sources of a node's listeners: clients that were found, and that the rules of the host do not refuse. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.clients import (
    Clients,
    describe_clients,
    find_clients,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import Access, FoundHost
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key


class ProposedSources(NamedTuple):
    """The names or addresses of the sources of a listener, and their evidence."""

    listener: str
    names: list[str]
    evidence: str


@dataclass(frozen=True, slots=True)
class SourceFinder:
    """A node, all hosts, its open ports by listener without a default source, and its clients of earlier runs."""

    host: FoundHost
    hosts: Sequence[FoundHost]
    ports: Mapping[str, set[int]]
    earlier: Clients

    @property
    def clients(self) -> Clients:
        """The clients of each listener, also refused clients."""
        return find_clients(self.host, self.ports, self.earlier)

    def find_names(self) -> set[str]:
        """Return the names and addresses of all sources."""
        return {name for found in self._find_allowed().values() for name in map(self._name_source, found)}

    def list_sources(self) -> Iterator[ProposedSources]:
        """Yield the sources of each listener with a client."""
        for listener, found in self._find_allowed().items():
            if found:
                places = {self._name_source(address): found[address] for address in found}
                named = {name: places[name] for name in sorted(places, key=make_natural_key)}
                evidence = f"observed: {describe_clients(named)}.{self._describe_access(listener)}"
                yield ProposedSources(listener, [*named], evidence)

    def list_questions(self) -> Iterator[str]:
        """Yield the questions about listeners without a client, and about clients that the firewall would refuse."""
        allowed = self._find_allowed()
        for listener, clients in self.clients.items():
            if not allowed[listener]:
                yield (
                    f"no client of {listener} was found. kong_{listener}_sources is not set, so the plan allows no source; which "
                    f"hosts use it?{self._describe_access(listener)}"
                )
            for address in [address for address in clients if address not in allowed[listener]]:
                yield (
                    f"{self._name_source(address)} is a client of {listener}, but the host's firewall would refuse a new connection, so "
                    f"it was left out of kong_{listener}_sources; is it still needed?"
                )

    def _find_allowed(self) -> Clients:
        """Return the clients that the rules of the host do not refuse."""
        return {
            listener: {address: of[address] for address in of if not self._is_refused(listener, address)}
            for listener, of in self.clients.items()
        }

    def _list_access(self, listener: str) -> list[Access]:
        return [access for access in self.host.kongs[0].access if access.listens in self.ports[listener]]

    def _is_refused(self, listener: str, address: str) -> bool:
        """Tell whether the host's rules refuse an address at every port of a listener."""
        found = [access for access in self._list_access(listener) if access.family == f"ipv{find_family(address)}"]
        return bool(found) and all(access.refuses(address) for access in found)

    def _describe_access(self, listener: str) -> str:
        """Return a sentence about the sources that the host's rules allow now; empty if they were not read."""
        found = dict.fromkeys(
            f"{access} ({access.family} to {'published ' if access.inside else ''}{access.protocol} {access.port})"
            for access in self._list_access(listener)
        )
        return f" The host's firewall allows now: {'; '.join(found)}" if found else ""

    def _name_source(self, address: str) -> str:
        """Return the name of the only host of this network with an address, else the address, as this node sees it."""
        near = [host for host in self.hosts if host.network == self.host.network]
        names = [host.name for host in near if host.address == address]
        return names[0] if len(names) == 1 else address

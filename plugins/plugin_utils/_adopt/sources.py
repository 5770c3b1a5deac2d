# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proposed sources of a node's listeners. Pure.

They are the clients that were found, and that the rules of the host do not refuse. For listeners whose default is any source, they
are the networks that these rules allow now, if they do not allow every source.
"""

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
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import ANY, Access, FoundHost
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.sources import NOBODY
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

# A list of sources, or such a list for each port.
Value = list[str] | dict[int, list[str]]
_ALL = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}


class ProposedSources(NamedTuple):
    """The names, addresses or networks of the sources of a listener, and their evidence."""

    listener: str
    names: Value
    evidence: str


@dataclass(frozen=True, slots=True)
class SourceFinder:
    """A node, all hosts, its open ports by listener, and its clients of earlier runs.

    ``ports`` are those of listeners without a default source, ``wide`` those of listeners whose default is any source.
    """

    host: FoundHost
    hosts: Sequence[FoundHost]
    ports: Mapping[str, set[int]]
    wide: Mapping[str, set[int]]
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

    def list_limits(self) -> Iterator[ProposedSources]:
        """Yield the networks that the host's rules allow to each listener whose default is any source, if they are fewer."""
        for listener, ports in self.wide.items():
            known = {port: self._find_networks(port) or [ANY] for port in sorted(ports)}
            if any(networks != [ANY] for networks in known.values()):
                first, *others = known.values()
                value: Value = first if all(networks == first for networks in others) else known
                yield ProposedSources(listener, value, f"observed: the {self._list_allowed(listener)}")

    def list_questions(self) -> Iterator[str]:
        """Yield the questions about listeners without a client, and about clients that the firewall would refuse."""
        for listener, ports in self.wide.items():
            if unknown := [port for port in sorted(ports) if self._find_networks(port) is None]:
                yield (
                    f"the sources that the host's firewall allows to {listener} ({', '.join(map(str, unknown))}) cannot be a list, so the "
                    f"plan allows any source there; write kong_{listener}_sources if these are too many.{self._describe_access(listener)}"
                )
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
        ports = {**self.ports, **self.wide}[listener]
        return [access for access in self.host.kongs[0].access if access.listens in ports]

    def _find_networks(self, port: int) -> list[str] | None:
        """Return the networks that the host's rules allow to a port. None: they are unknown, or not the same for each socket.

        The rules for a port do not depend on the protocol and the address. A ban of some sources leaves any source.
        """
        found: dict[str, dict[str, list[str]]] = {}
        for access in self.host.kongs[0].access:
            if access.listens == port:
                of_protocol = found.setdefault(access.protocol, {})
                known = of_protocol.setdefault(access.family, [*access.sources])
                if access.unknown or known != [*access.sources]:
                    return None
        terms = [_join_families(of_protocol) for of_protocol in found.values()] or [[ANY]]
        return terms[0] if all(term == terms[0] for term in terms) else None

    def _is_refused(self, listener: str, address: str) -> bool:
        """Tell whether the host's rules refuse an address at every port of a listener."""
        found = [access for access in self._list_access(listener) if access.family == f"ipv{find_family(address)}"]
        return bool(found) and all(access.refuses(address) for access in found)

    def _describe_access(self, listener: str) -> str:
        """Return a sentence about the sources that the host's rules allow now; empty if they were not read."""
        found = self._list_allowed(listener)
        return f" The {found}" if found else ""

    def _list_allowed(self, listener: str) -> str:
        found = dict.fromkeys(
            f"{access} ({access.family} to {'published ' if access.inside else ''}{access.protocol} {access.port})"
            for access in self._list_access(listener)
        )
        return f"host's firewall allows now: {'; '.join(found)}" if found else ""

    def _name_source(self, address: str) -> str:
        """Return the name of the only host of this network with an address, else the address, as this node sees it."""
        near = [host for host in self.hosts if host.network == self.host.network]
        names = [host.name for host in near if host.address == address]
        return names[0] if len(names) == 1 else address


def _join_families(sources: Mapping[str, list[str]]) -> list[str]:
    """Return the networks of all families as terms of a variable for sources."""
    if all(networks == [ANY] for networks in sources.values()):
        return [ANY]
    parts = [[_ALL[family]] if networks == [ANY] else networks for family, networks in sources.items()]
    return [network for networks in parts for network in networks] or [NOBODY]

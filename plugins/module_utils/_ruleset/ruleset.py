# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ruleset of one host: the allowed sources of each port. It is the same for every firewall."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES, FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks

ANY = "any"
PROTOCOLS = ("tcp", "udp")
DEFAULT_DAYS = 14
WILDCARDS = {family.wildcard: name for name, family in FAMILY.items()}


@dataclass(frozen=True, order=True)
class Service:
    """The destination of packets: protocol, port, and the address to which the listener is bound.

    The address "0.0.0.0" means every IPv4 address, "::" every IPv6 address, None every address of both families.
    """

    protocol: str
    port: int
    address: str | None

    @property
    def families(self) -> tuple[str, ...]:
        """The address families of its packets."""
        if self.address is None:
            return FAMILIES
        return ("ipv6",) if ":" in self.address else ("ipv4",)

    @property
    def order(self) -> tuple[int, str, int, str]:
        """Sort key: the port first, because people look for ports."""
        return self.port, self.protocol, len(self.families), self.address or ""

    @property
    def breadth(self) -> int:
        """Number of addresses: 0 for a single address, 1 for all addresses of a family, 2 for all addresses.

        Rules are in this order, because the kernel delivers a packet to the socket with the most specific address.
        """
        return 2 if self.address is None else int(self.address in WILDCARDS)

    def __str__(self) -> str:
        words = {None: "every address", "0.0.0.0": "every IPv4 address", "::": "every IPv6 address"}
        return f"{self.protocol} {self.port} at {words.get(self.address, self.address)}"


@dataclass(frozen=True)
class Allow:
    """The port of a listener and its allowed sources: ANY, or names of sets (no set: only the host itself).

    The host translates packets to a published port and forwards them to a container.
    """

    listener: str
    service: Service
    sources: str | tuple[str, ...]
    published: bool = False

    @property
    def set_names(self) -> tuple[str, ...]:
        """Names of the sets of its sources; none for ANY."""
        return () if isinstance(self.sources, str) else self.sources


@dataclass(frozen=True)
class SourceSet:
    """A named set of sources of both families."""

    name: str
    ipv4: Networks
    ipv6: Networks

    def select_family(self, family: str) -> Networks:
        """Return the networks of one family."""
        return self.ipv4 if family == "ipv4" else self.ipv6


@dataclass(frozen=True)
class Ruleset:
    """The sources that a host allows on the listed ports. The order is fixed: equal rulesets have the same meaning.

    Packets of all other sources are dropped, unless the ruleset is `staged`: then the host's own rules decide about all
    packets, as without the ruleset. `count_days` is the number of days for which packets of other sources are counted by
    source, protocol and port; 0 if they are not counted. A staged ruleset always counts.
    """

    allow: tuple[Allow, ...] = ()
    sets: tuple[SourceSet, ...] = ()
    staged: bool = False
    count_days: int = 0


def select_entries(ruleset: Ruleset, family: str) -> list[Allow]:
    """Return the entries for a family in the order of their rules: single addresses before wildcards."""
    entries = (entry for entry in ruleset.allow if family in entry.service.families)
    return sorted(entries, key=lambda entry: (entry.service.breadth, entry.service.address or "", entry.service.order))


def make_ruleset(
    allow: Iterable[Allow], sets: Iterable[SourceSet], *, staged: bool = False, count_days: int = 0
) -> Ruleset:
    """Return a ruleset with its parts in order and without unused sets. A staged ruleset counts for 14 days by default."""
    entries = tuple(sorted(allow, key=lambda entry: entry.service.order))
    used = {name for entry in entries for name in entry.set_names}
    used_sets = (source_set for source_set in sets if source_set.name in used)
    days = count_days or (DEFAULT_DAYS if staged else 0)
    return Ruleset(entries, tuple(sorted(used_sets, key=lambda source_set: source_set.name)), staged, days)

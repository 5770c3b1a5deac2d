# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of a host's interfaces, from facts: the address to dial, and the source of connections."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Addresses,
    Family,
    contains,
    find_family,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.attached import (
    Attached,
    list_attached_to,
    list_interfaces,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import (
    list_fact_addresses,
    parse_fact_address,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Networks, sort_by_size
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.source_table import make_source_table


@dataclass(frozen=True)
class OwnAddresses:
    """The addresses in a host's facts that other hosts could dial, without virtual addresses and private bridges.

    ``usable`` are the addresses in the order of the facts. ``default`` has the source address of the default route by family.
    ``bridged`` are the addresses of private bridges.
    """

    usable: tuple[str, ...]
    attached: tuple[Attached, ...]
    default: Mapping[Family, str]
    bridged: tuple[str, ...]

    @classmethod
    def read(cls, facts: Mapping[str, Any], virtual: Collection[str]) -> OwnAddresses:
        """Return the addresses in facts."""
        interfaces = list(list_interfaces(facts))
        bridged = tuple(item.address for item in list_attached_to(interfaces, bridges=True))
        excluded = {*virtual, *bridged}
        attached = (item for item in list_attached_to(interfaces, bridges=False) if item.address not in excluded)
        defaults = {family: _find_default_source(facts, family) for family in FAMILIES}
        return cls(
            tuple(address for address in list_fact_addresses(facts) if address not in excluded),
            tuple(attached),
            {family: source for family, source in defaults.items() if source and source not in excluded},
            bridged,
        )

    @property
    def temporary(self) -> tuple[str, ...]:
        """The addresses that look temporary."""
        return tuple(item.address for item in self.attached if item.temporary)

    @property
    def permanent(self) -> tuple[str, ...]:
        """The usable addresses that do not look temporary."""
        temporary = {*self.temporary}
        return tuple(address for address in self.usable if address not in temporary)

    def choose_permanent_default(self, family: Family) -> str | None:
        """Return the address of the default route; if that looks temporary, the first address of its network."""
        default = self.default.get(family)
        network = next((item.network for item in self.attached if item.address == default and item.temporary), None)
        return next((item.address for item in self.attached if item.network == network), default)

    @property
    def temporary_sources(self) -> tuple[str, ...]:
        """The addresses that look temporary and that the kernel prefers, or may prefer, as source addresses.

        The source of the default route shows the preference of the kernel for its network.
        """
        default = self.default.get(6)
        decided = {item.network for item in self.attached if default and contains(item.network, default)}
        return tuple(
            item.address
            for item in self.attached
            if item.temporary and (item.address == default or item.network not in decided)
        )

    def list_networks(self, chosen: Addresses) -> Networks:
        """Return the source addresses by network, the smallest network first, None if the facts do not determine them.

        A family is left out if every connection has the chosen address as source, or if no network of it is known.
        """
        tables = {family: self._make_table(family) for family in FAMILIES}
        differing = (table for family, table in tables.items() if set(table.values()) - {chosen.select(family)})
        return sort_by_size(entry for table in differing for entry in table.items())

    def _make_table(self, family: Family) -> dict[str, str | None]:
        own = [item for item in self.attached if find_family(item.address) == family]
        usable = [address for address in self.usable if find_family(address) == family]
        return make_source_table(family, own, usable, self.default.get(family))


def _find_default_source(facts: Mapping[str, Any], family: Family) -> str | None:
    """Return the source address of connections over the default route, None if there is no such route."""
    default = facts.get(f"default_ipv{family}")
    address = parse_fact_address(default.get("address")) if isinstance(default, Mapping) else None
    return address if address and find_family(address) == family else None

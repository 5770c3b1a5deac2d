# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of a host's interfaces and their networks, from facts: the address to dial, and the source of connections.

Ansible's facts have no flags of an address. Measured with ansible-core 2.19 and Linux 6: the list `ipv6` of an interface has
temporary addresses (RFC 8981) after all other addresses, because the kernel's flags for temporary and secondary addresses are
one bit, and Ansible lists primary addresses first. `default_ipv6` has the temporary address if the kernel prefers it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    DEFAULT_ROUTE,
    FAMILIES,
    Addresses,
    Family,
    compute_network,
    contains,
    find_family,
    get_interface_id,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import (
    list_fact_addresses,
    parse_fact_address,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Networks, sort_by_size

# Bridges that programs for containers and virtual machines create. Only the host itself reaches their addresses.
_PRIVATE_BRIDGE = re.compile(r"docker\d+|br-[0-9a-f]{12}|podman\d+|cni\d+|virbr\d+|lxcbr\d+|lxdbr\d+")
_SINGLE = ("/32", "/128")  # not a /32 of IPv6: no interface has it


class Attached(NamedTuple):
    """An address of an interface, and its network as CIDR text.

    ``primary`` tells whether it is the first address of its network on the interface, from which the kernel connects.
    ``temporary`` is a guess, see `_looks_temporary`.
    """

    address: str
    network: str
    primary: bool
    temporary: bool


@dataclass(frozen=True)
class OwnAddresses:
    """The addresses in a host's facts that other hosts could dial, without virtual addresses and private bridges.

    ``usable`` are the addresses in the order of the facts. ``default`` has the source address of the default route by family.
    """

    usable: tuple[str, ...]
    attached: tuple[Attached, ...]
    default: Mapping[Family, str]

    @classmethod
    def read(cls, facts: Mapping[str, Any], virtual: Collection[str]) -> OwnAddresses:
        """Return the addresses in facts."""
        interfaces = list(_list_interfaces(facts))
        excluded = {*virtual, *(item.address for item in _list_attached_to(interfaces, bridges=True))}
        attached = (item for item in _list_attached_to(interfaces, bridges=False) if item.address not in excluded)
        defaults = {family: _find_default_source(facts, family) for family in FAMILIES}
        return cls(
            tuple(address for address in list_fact_addresses(facts) if address not in excluded),
            tuple(attached),
            {family: source for family, source in defaults.items() if source and source not in excluded},
        )

    @property
    def permanent(self) -> tuple[str, ...]:
        """The usable addresses that do not look temporary."""
        temporary = {item.address for item in self.attached if item.temporary}
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
        """Return the source by network. Two interfaces in one network leave it unknown, unless the default route decides.

        In the network of a single IPv6 address, as DHCP gives it, the kernel connects from the address that is most similar
        to the dialled one (rule 8 of RFC 6724), unless it prefers temporary addresses (rule 7). The single address is it, but
        if it is not the source of the default route either, it may be deprecated, as a virtual address is.
        """
        own = [item for item in self.attached if find_family(item.address) == family]
        default = self.default.get(family)
        table: dict[str, str | None] = {}
        for item in own:
            if not item.network.endswith(_SINGLE):
                rival = item.primary and item.network in table
                table[item.network] = None if rival else table.get(item.network, item.address)
        if own:
            usable = [address for address in self.usable if find_family(address) == family]
            decided: dict[str, str | None] = {item.network: item.address for item in own if item.address == default}
            if family == 6 and not any(item.temporary for item in own if item.address == default):
                decided |= _list_single_addresses(own, default)
            table |= {**decided, DEFAULT_ROUTE[family]: usable[0] if len(usable) == 1 else default}
        return table


def _list_single_addresses(own: Iterable[Attached], default: str | None) -> dict[str, str | None]:
    """Return the sources in the networks that contain a single IPv6 address; None if they are not known."""
    items = list(own)
    single = [item.address for item in items if item.network.endswith("/128")]
    networks = {item.network for item in items if not item.network.endswith("/128")}
    within = {network: [each for each in single if contains(network, each)] for network in networks}
    return {network: default if found == [default] else None for network, found in within.items() if found}


def _list_interfaces(facts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in map(str, _make_list(facts.get("interfaces"))):
        data = facts.get(name.replace("-", "_"))
        if isinstance(data, Mapping):
            yield name, data


def _make_list(value: Any) -> list[Any]:
    """Return a list in facts. The facts of Linux have a mapping, the facts of BSD a list of mappings."""
    return list(value) if isinstance(value, (list, tuple)) else [value] if isinstance(value, Mapping) else []


def _list_attached_to(interfaces: Iterable[tuple[str, Mapping[str, Any]]], *, bridges: bool) -> Iterator[Attached]:
    """Yield the addresses of private bridges, or of all other interfaces, each once.

    A label such as eth0:1 is an interface of its own in the facts, so the primary addresses of all interfaces are first.
    """
    chosen = [data for name, data in interfaces if bool(_PRIVATE_BRIDGE.fullmatch(name)) is bridges]
    known: set[str] = set()
    for key in ("ipv4", "ipv4_secondaries", "ipv6"):
        for data in chosen:
            for item in _list_attached(_make_list(data.get(key)), secondary=key == "ipv4_secondaries"):
                if item.address not in known:
                    yield item
                known.add(item.address)


def _list_attached(items: Iterable[Any], *, secondary: bool) -> Iterator[Attached]:
    networks: set[str] = set()
    for item in items:
        address = parse_fact_address(item.get("address")) if isinstance(item, Mapping) else None
        network = compute_network(address, str(item.get("prefix") or item.get("netmask"))) if address else None
        if address and network:
            follows = network in networks
            temporary = follows and _looks_temporary(address, network)
            yield Attached(address, network, primary=not follows and not secondary, temporary=temporary)
            networks.add(network)


def _looks_temporary(address: str, network: str) -> bool:
    """Tell whether an address that follows another address of its network has a random interface identifier.

    An identifier from a MAC address has ff:fe in its middle, and an identifier written by people rarely uses its first 32 bits.
    """
    identifier = get_interface_id(address) if network.endswith("/64") and ":" in network else 0
    return identifier >> 32 != 0 and (identifier >> 24) & 0xFFFF != 0xFFFE


def _find_default_source(facts: Mapping[str, Any], family: Family) -> str | None:
    """Return the source address of connections over the default route, None if there is no such route."""
    default = facts.get(f"default_ipv{family}")
    address = parse_fact_address(default.get("address")) if isinstance(default, Mapping) else None
    return address if address and find_family(address) == family else None

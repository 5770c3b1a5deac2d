# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The compiler's model: hosts, their NAT mappings, and nodes.

Plain immutable data. Addresses are canonical text (see ``_address``), ports are integers from 1 to 65535.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    NO_ADDRESSES,
    Addresses,
    Family,
    contains,
    find_family,
    get_prefix_length,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import join_words

PROTOCOLS = ("tcp", "udp")
Networks = tuple[tuple[str, str | None], ...]


def sort_by_size(networks: Iterable[tuple[str, str | None]]) -> Networks:
    """Return networks with their source addresses, the smallest network first."""
    return tuple(sorted(networks, key=lambda entry: (-get_prefix_length(entry[0]), entry[0])))


@dataclass(frozen=True, slots=True)
class NatMapping:
    """A mapping of a NAT device for a node: outside address[:port] to inside address[:port].

    If both ports are None, it is one-to-one NAT. If ``sites`` is empty, every other site uses it. Several ``devices`` share the outside
    address: one device at a time holds it (VRRP). ``inside`` is a virtual address of the node; None for its own address.
    If ``outside_interface`` is given, the outside address is that of the device's interface, and may change.
    """

    outside: str
    outside_port: int | None
    inside_port: int | None
    protocols: tuple[str, ...]
    sites: tuple[str, ...]
    devices: tuple[str, ...]
    hairpin_source: str | None
    inside: str | None = None
    outside_interface: str | None = None

    @property
    def family(self) -> Family:
        """The family of the outside address, and of the inside address."""
        return find_family(self.outside)

    @property
    def device(self) -> str:
        """The devices as one text."""
        return join_words(self.devices)

    def serves(self, site: str) -> bool:
        """Tell whether hosts of another site dial this mapping."""
        return not self.sites or site in self.sites

    def find_outside_port(self, protocol: str, inside_port: int) -> int | None:
        """Return the outside port that is forwarded to the inside port, or None."""
        if protocol not in self.protocols:
            return None
        if self.inside_port is None:
            return inside_port
        return self.outside_port if self.inside_port == inside_port else None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for the plan."""
        return {
            "outside": self.outside,
            "outside_port": self.outside_port,
            "inside_port": self.inside_port,
            "protocols": list(self.protocols),
            "sites": list(self.sites),
            "devices": list(self.devices),
            "hairpin_source": self.hairpin_source,
            **({"inside": self.inside} if self.inside else {}),
            **({"outside_interface": self.outside_interface} if self.outside_interface else {}),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> NatMapping:
        """Read the data of as_dict."""
        return cls(**{**data, **{key: tuple(data[key]) for key in ("protocols", "sites", "devices")}})


@dataclass(frozen=True, slots=True)
class Host:
    """A host as other hosts see it: a Kong node, or a host that is named as a source.

    ``egress`` are its source networks (CIDR text) at other sites. ``flat`` is ``kong_flat_network``, None if it is not set.
    ``virtual`` are the addresses that it may hold, but not always holds. ``networks`` are its source addresses by network
    (CIDR text), the smallest network first, None if a source is unknown. It is empty if ``address`` is always the source.

    The other fields are not in the plan. ``temporary`` are the addresses in its facts that look temporary, ``bridged`` those that
    only the host itself reaches. ``states_site`` tells whether the inventory states the site. ``unfit`` are the changes that would
    be an error elsewhere if they were made to the host, and ``off_vpn`` the names of hosts of which one must stay off the VPN, see
    _fleet/unfit.py.
    """

    name: str
    site: str
    address: Addresses
    vpn: Addresses = NO_ADDRESSES
    egress: tuple[str, ...] = ()
    nat: tuple[NatMapping, ...] = ()
    flat: bool | None = None
    virtual: tuple[str, ...] = ()
    networks: Networks = ()
    temporary: tuple[str, ...] = field(default=(), compare=False)
    bridged: tuple[str, ...] = field(default=(), compare=False)
    states_site: bool = field(default=True, compare=False)
    unfit: frozenset[str] = field(default=frozenset(), compare=False)
    off_vpn: frozenset[str] = field(default=frozenset(), compare=False)

    def find_inside(self, mapping: NatMapping) -> str | None:
        """Return the address to which a mapping forwards, None without an address of its family."""
        return mapping.inside or self.address.select(mapping.family)

    def find_known_source(self, dialled: str) -> str | None:
        """Return the source address of a connection without NAT and VPN, None if it is not known."""
        containing = (entry for entry in self.networks if contains(entry[0], dialled))
        return next(containing, ("", self.address.select(find_family(dialled))))[1]

    def choose_source(self, dialled: str) -> str | None:
        """Return the source address of a connection without NAT and VPN: if it is not known, the host's address."""
        return self.find_known_source(dialled) or self.address.select(find_family(dialled))

    def list_addresses(self) -> tuple[str, ...]:
        """Return every address that the host itself has or may hold."""
        return (*self.address.list_all(), *self.vpn.list_all(), *self.virtual)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for the plan, without the name, which is its key there."""
        return {
            "site": self.site,
            "address": self.address.as_dict(),
            "vpn_address": self.vpn.as_dict(),
            "egress": list(self.egress),
            "nat": [mapping.as_dict() for mapping in self.nat],
            "flat_network": self.flat,
            **({"virtual_addresses": list(self.virtual)} if self.virtual else {}),
            **({"networks": dict(self.networks)} if self.networks else {}),
        }

    @classmethod
    def from_dict(cls, name: str, data: dict[str, Any]) -> Host:
        """Read the data of as_dict, and ignore other keys of the plan's node."""
        return cls(
            name=name,
            site=data["site"],
            address=Addresses.from_dict(data["address"]),
            vpn=Addresses.from_dict(data["vpn_address"]),
            egress=tuple(data["egress"]),
            nat=tuple(NatMapping.from_dict(mapping) for mapping in data["nat"]),
            flat=data["flat_network"],
            virtual=tuple(data.get("virtual_addresses", ())),
            networks=sort_by_size(data.get("networks", {}).items()),
        )


class Endpoint(NamedTuple):
    """An address and a port that a caller dials."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Node:
    """A host that runs Kong, with its listeners and settings.

    ``advertised`` is the endpoint that a node of Kong 0.6 to 0.10 advertises to its peers, None for every other node.
    ``config`` are the names of the settings of ``kong_config``, without their values, which may be secrets. ``published``
    are the ports of the host that are translated to a Kong in a container, None if Kong runs on the host itself. ``connection``
    are the variables with which Ansible connects, without secrets. If it is ``staged``, its firewall drops nothing.
    ``count_days`` is the number of days for which packets of unauthorised sources are counted, 0 if they are not counted.
    """

    host: Host
    cluster: str
    version: str
    role: str
    generation: str
    settings: dict[str, str]
    settings_file: dict[str, Any]
    listeners: tuple[Listener, ...]
    advertised: Endpoint | None = None
    config: tuple[str, ...] = ()
    published: tuple[Listener, ...] | None = None
    connection: tuple[tuple[str, str], ...] = ()
    staged: bool = False
    count_days: int = 0

    @property
    def name(self) -> str:
        """The inventory name."""
        return self.host.name

    @property
    def site(self) -> str:
        """The site of its host."""
        return self.host.site

    @property
    def reachable(self) -> tuple[Listener, ...]:
        """The listeners that other hosts can dial: Kong's listeners, or the published ports of a Kong in a container."""
        return self.listeners if self.published is None else self.published

    def select_listeners(self, name: str) -> tuple[Listener, ...]:
        """Return the reachable listeners with a name, in the order of the settings."""
        return tuple(listener for listener in self.reachable if listener.name == name)

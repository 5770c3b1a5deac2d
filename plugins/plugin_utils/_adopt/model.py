# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of hosts, as the playbook adopt found it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    compute_network,
    contains,
    find_family,
    make_host_network,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import make_plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.attached import (
    list_attached_to,
    list_interfaces,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import parse_fact_address
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import list_setting_names
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun

# The settings that the variables of the collection have, and the settings with the role, the paths of the cluster and the portal.
SETTINGS = (*list_setting_names(), "role", "cluster_control_plane", "cluster.advertise", "portal")

ANY = "any"
TRADITIONAL, CONTROL_PLANE, DATA_PLANE = "traditional", "control_plane", "data_plane"
_SHOWN_NETWORKS = 20
_LEFT = "left"


class Stated(NamedTuple):
    """The effective value of a setting, and its origin: ``file``, ``environment``, ``started``, ``outdated`` or ``unknown``.

    With ``unknown``, neither the file nor a variable has the setting, so it is Kong's default or was given at the start.
    """

    value: str
    origin: str
    place: str


class Secret(NamedTuple):
    """The name of a secret setting, and the place on the host that has its value."""

    name: str
    place: str


class Client(NamedTuple):
    """A client of a port, and how the host knows it: ``connected``, or ``tracked`` by the kernel."""

    port: int
    source: str
    found: str


class Link(NamedTuple):
    """An open tcp connection between a control plane and a data plane, as the host at one end sees both ends."""

    address: str
    port: int
    peer: str
    peer_port: int


class DataPlane(NamedTuple):
    """A data plane as its control plane knows it: its id, the name of its host, and the source address that it sees."""

    id: str
    hostname: str
    ip: str


class Published(NamedTuple):
    """A published port: a port of the host, its address (empty: every address), and the port in the container."""

    address: str
    port: int
    inside: int
    protocol: str

    def __str__(self) -> str:
        """The port in the form of ``kong_published_ports``."""
        address = f"[{self.address}]:" if ":" in self.address else f"{self.address}:" if self.address else ""
        return f"{address}{self.port}:{self.inside}{'' if self.protocol == 'tcp' else f'/{self.protocol}'}"


class Member(NamedTuple):
    """A member of a Serf cluster: its name, its advertised address and port, and its status: ``alive``, ``failed`` or ``left``."""

    name: str
    address: str
    port: int
    status: str


class Ring(NamedTuple):
    """The name of a host's Serf agent, and all members that it knows; empty if there is no agent or if it did not answer."""

    name: str
    members: tuple[Member, ...]

    @property
    def own(self) -> Member | None:
        """The host's own entry."""
        return next((member for member in self.members if member.name == self.name), None)

    @property
    def present(self) -> frozenset[str]:
        """The names of the members that did not leave."""
        return frozenset(member.name for member in self.members if member.status != _LEFT)


@dataclass(frozen=True, slots=True)
class Access:
    """The sources of one family that the host's rules allow to a port, with exceptions.

    ``unknown`` are the sources for which the rules do not tell it, because of ``reason``. ``any`` means every source.
    ``inside`` is the port in the container if ``port`` is a published port, else 0.
    """

    protocol: str
    port: int
    family: str
    sources: Sequence[str]
    excepted: Sequence[str]
    unknown: Sequence[str]
    reason: str
    inside: int = 0

    @property
    def listens(self) -> int:
        """The port on which Kong listens."""
        return self.inside or self.port

    def refuses(self, address: str) -> bool:
        """Tell whether the rules certainly drop new connections of an address."""
        network = make_host_network(address)
        if f"ipv{find_family(network)}" != self.family or _has(self.unknown, network):
            return False
        return _has(self.excepted, network) or not _has(self.sources, network)

    def __str__(self) -> str:
        """The sources, for people."""
        shown = _join(self.sources) or "no source"
        shown += f", except {_join(self.excepted)}" if self.excepted else ""
        return f"{shown}; {_join(self.unknown)}: not known, because of {self.reason}" if self.unknown else shown


def _has(networks: Sequence[str], network: str) -> bool:
    return any(known == ANY or contains(known, network) for known in networks)


def _join(networks: Sequence[str]) -> str:
    """Return networks as text, without the length of a single address, at most a few."""
    shown = [
        "any source" if network == ANY else network.removesuffix("/32").removesuffix("/128") for network in networks
    ]
    more = len(shown) - _SHOWN_NETWORKS
    return ", ".join([*shown[:_SHOWN_NETWORKS], *([count_noun(more, "more network")] if more > 0 else [])])


@dataclass(frozen=True, slots=True)
class Kong:
    """A running Kong. ``unit``, ``container`` and ``starter`` (a user other than root) are empty if it has none.

    ``logged`` are the addresses in the access log of its Admin API. ``answers`` tells whether its Admin API answered, so that
    ``version`` is the running version. ``hostname`` is the name of its host, ``id`` that of a data plane, else empty.
    ``mounted`` is the file of the host that the container has at ``path``, else empty. ``published`` are the ports of a container
    with a network of its own, None if it has none or if its engine does not know it.
    """

    version: str
    answers: bool
    hostname: str
    id: str
    data_planes: Sequence[DataPlane]
    prefix: str
    unit: str
    container: str
    shares_network: bool
    starter: str
    path: str
    mounted: str
    published: Sequence[Published] | None
    format: str
    settings: Mapping[str, Stated]
    secrets: Sequence[Secret]
    clients: Sequence[Client]
    links: Sequence[Link]
    ring: Ring
    logged: Sequence[str]
    access: Sequence[Access]

    @property
    def role(self) -> str:
        """The role: ``traditional`` if no setting names another."""
        return self.settings["role"].value if "role" in self.settings else TRADITIONAL

    @property
    def start(self) -> str:
        """How it was started, for people."""
        if self.container:
            return f"container {self.container}"
        return self.unit or f"by hand{f' by {self.starter}' if self.starter else ''}"


@dataclass(frozen=True, slots=True)
class FoundHost:
    """A host: its address and the network of that address, both empty if they are unknown, and its Kongs.

    ``addresses`` are all addresses in its facts. ``error`` is the reason why it was not read, else empty.
    """

    name: str
    address: str
    network: str
    addresses: frozenset[str]
    kongs: tuple[Kong, ...]
    error: str = ""


def read_found_hosts(variables: Mapping[str, Any], registered: str) -> list[FoundHost]:
    """Return all hosts of the inventory from the variables of a task, with the results in the variable ``registered``."""
    hostvars = variables["hostvars"]
    return [
        read_found_host(
            str(make_plain(name)),
            hostvars[name].get("ansible_facts") or {},
            make_plain(hostvars[name].get(registered)),
        )
        for name in variables["groups"]["all"]
    ]


def read_found_host(name: str, facts: Mapping[str, Any], result: Mapping[str, Any] | None) -> FoundHost:
    """Return a host from its facts and its result of the module kong_adopt_info, None without a result."""
    networks = _read_networks(facts)
    address = _choose_address(facts, networks)
    kongs = tuple(map(_read_kong, (result or {}).get("kongs", ())))
    error = "" if result and "kongs" in result else str((result or {}).get("msg") or "it did not answer")
    return FoundHost(name, address, networks.get(address, ""), frozenset(networks), kongs, error)


def _read_networks(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the network of each address of a host that other hosts could dial."""
    found: dict[str, str] = {}
    for name in facts.get("interfaces", ()):
        interface = facts.get(name.replace("-", "_")) or {}
        ipv4 = interface.get("ipv4") or {}
        for entry in (ipv4, *interface.get("ipv4_secondaries", ()), *interface.get("ipv6", ())):
            address = parse_fact_address(entry.get("address", ""))
            length = str(entry.get("netmask") or entry.get("prefix") or "")
            if address:
                found[address] = compute_network(address, length) or ""
    return found


def _choose_address(facts: Mapping[str, Any], networks: Mapping[str, str]) -> str:
    """Return the address on the network of the default route, else the only address; empty if there are several.

    Only the host itself reaches addresses of bridges for containers, so these addresses do not count.
    """
    for family in ("default_ipv4", "default_ipv6"):
        address = parse_fact_address((facts.get(family) or {}).get("address", ""))
        if address:
            return address
    bridged = {item.address for item in list_attached_to(list_interfaces(facts), bridges=True)}
    outer = [address for address in networks if address not in bridged]
    return outer[0] if len(outer) == 1 else ""


def _read_kong(data: Mapping[str, Any]) -> Kong:
    return Kong(
        **{
            name: data[name]
            for name in (
                *("version", "answers", "hostname", "id", "prefix", "unit", "container"),
                *("shares_network", "starter", "path", "mounted", "format"),
            )
        },
        settings={name: Stated(**found) for name, found in data["settings"].items()},
        secrets=tuple(Secret(**found) for found in data["secrets"]),
        clients=tuple(Client(**found) for found in data["clients"]),
        data_planes=tuple(DataPlane(**found) for found in data["data_planes"]),
        links=tuple(Link(**found) for found in data["links"]),
        published=None if data["published"] is None else tuple(Published(**found) for found in data["published"]),
        ring=Ring(data["ring"]["name"], tuple(Member(**found) for found in data["ring"]["members"])),
        logged=tuple(data["logged"]),
        access=tuple(
            Access(**{("excepted" if name == "except" else name): value for name, value in found.items()})
            for found in data["access"]
        ),
    )

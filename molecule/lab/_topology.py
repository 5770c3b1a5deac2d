# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab.yml says: networks, hosts, and what the routers among them do.

All addresses are text, checked with `ipaddress`; a host or network that does not exist is a TopologyError.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


class TopologyError(Exception):
    """lab.yml is wrong; the message names the place and the value."""


@dataclass(frozen=True)
class Forward:
    """One port forward of a router: what arrives at the outside address goes to the inside one."""

    outside: str
    outside_port: int
    protocols: tuple[str, ...]
    inside: str
    inside_port: int
    hairpin: tuple[str, ...] = ()  # inside networks whose hosts may dial the outside address, too


@dataclass(frozen=True)
class Masquerade:
    """Source NAT: what comes from one network and leaves to the other carries the router's address there."""

    inside: str
    outside: str


@dataclass(frozen=True)
class Host:
    name: str
    addresses: dict[str, tuple[str, ...]]  # by network
    init: str = "none"  # "systemd": a whole system; "none": a network namespace with a shell and Python
    gateways: tuple[str, ...] = ()  # default routes, one for each family at most
    suite: str = "bookworm"  # of Debian
    routes: dict[str, str] = field(default_factory=dict)  # other routes, by destination
    more: dict[str, list[str]] = field(default_factory=dict)  # other addresses, by interface
    forwarding: bool = False  # passes packets on, without any NAT
    kong: dict[str, str] = field(default_factory=dict)  # environment of the Kong placeholder; empty: not a node
    forwards: tuple[Forward, ...] = ()
    masquerades: tuple[Masquerade, ...] = ()

    @property
    def is_router(self) -> bool:
        return bool(self.forwards or self.masquerades)


@dataclass(frozen=True)
class Topology:
    scenario: str
    networks: dict[str, tuple[str, ...]]  # name -> subnets
    hosts: tuple[Host, ...]

    def network_of(self, address: str) -> str:
        """The network whose subnet holds the address."""
        for name, subnets in self.networks.items():
            if any(ipaddress.ip_address(address) in ipaddress.ip_network(subnet) for subnet in subnets):
                return name
        raise TopologyError(f"no network of lab.yml holds the address {address!r}")

    def host(self, name: str) -> Host:
        for host in self.hosts:
            if host.name == name:
                return host
        raise TopologyError(f"no host {name!r} in lab.yml; there are {', '.join(h.name for h in self.hosts)}")


def load(scenario: Path) -> Topology:
    """Read lab.yml of a scenario folder; the folder's name is the scenario's name."""
    data = yaml.safe_load((scenario / "lab.yml").read_text(encoding="utf-8"))
    networks = {name: tuple(subnets) for name, subnets in data["networks"].items()}
    topology = Topology(
        scenario=scenario.resolve().name,
        networks=networks,
        hosts=tuple(_host(name, value) for name, value in data["hosts"].items()),
    )
    _check(topology)
    return topology


def _host(name: str, value: dict[str, Any]) -> Host:
    router = value.get("router", {})
    return Host(
        name=name,
        addresses={network: tuple(addresses) for network, addresses in value["addresses"].items()},
        init=value.get("init", "none"),
        gateways=tuple(value.get("gateways", [])),
        suite=value.get("suite", "bookworm"),
        routes=value.get("routes", {}),
        more=value.get("more", {}),
        forwarding=value.get("forwarding", False),
        kong={key: str(text) for key, text in value.get("kong", {}).items()},
        forwards=tuple(_forward(forward) for forward in router.get("forwards", [])),
        masquerades=tuple(Masquerade(**masquerade) for masquerade in router.get("masquerade", [])),
    )


def _forward(value: dict[str, Any]) -> Forward:
    return Forward(**{**value, "protocols": tuple(value["protocols"]), "hairpin": tuple(value.get("hairpin", []))})


def _check(topology: Topology) -> None:
    for host in topology.hosts:
        if host.init not in ("systemd", "none"):
            raise TopologyError(f"host {host.name}: init {host.init!r} is neither 'systemd' nor 'none'")
        for network, addresses in host.addresses.items():
            for address in addresses:
                if topology.network_of(address) != network:
                    raise TopologyError(f"host {host.name}: {address!r} is not in network {network!r}")
        for gateway in (*host.gateways, *host.routes.values()):
            if topology.network_of(gateway) not in host.addresses:
                raise TopologyError(f"host {host.name}: its gateway {gateway!r} is on no network of its own")

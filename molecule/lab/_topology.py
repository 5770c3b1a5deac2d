# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The content of a lab.yml: networks and hosts.

All addresses are text, checked with `ipaddress`. A missing host or network raises TopologyError.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


class TopologyError(Exception):
    """lab.yml is invalid; the message has the place and the value."""


@dataclass(frozen=True)
class Host:
    name: str
    addresses: dict[str, tuple[str, ...]]  # by network
    init: str = "none"  # "systemd": a whole system; "none": a network namespace with a shell and Python
    gateways: tuple[str, ...] = ()  # default routes, at most one for each address family
    suite: str = "bookworm"  # release of Debian
    routes: dict[str, str] = field(default_factory=dict)  # other routes, by destination
    more: dict[str, list[str]] = field(default_factory=dict)  # other addresses, by interface
    forwarding: bool = False  # forwards packets; the lab makes no rule for them
    boots_before_others: bool = False  # the hosts that lab.yml lists after it are created when it has booted
    kong: dict[str, str] = field(default_factory=dict)  # environment of the Kong placeholder; empty: not a node


@dataclass(frozen=True)
class Topology:
    scenario: str
    networks: dict[str, tuple[str, ...]]  # name -> subnets
    hosts: tuple[Host, ...]

    def find_network(self, address: str) -> str:
        """Return the network whose subnet contains the address. Raises TopologyError if there is none."""
        for name, subnets in self.networks.items():
            if any(_has_any(ipaddress.ip_network(subnet), (address,)) for subnet in subnets):
                return name
        raise TopologyError(f"no network of lab.yml contains the address {address!r}")

    def find_host(self, name: str) -> Host:
        for host in self.hosts:
            if host.name == name:
                return host
        raise TopologyError(f"no host {name!r} in lab.yml; its hosts are {', '.join(host.name for host in self.hosts)}")

    def list_links(self, host: Host) -> dict[str, tuple[str, ...]]:
        """Return the addresses of a host by network: those of lab.yml, and one near the end of each subnet without one.

        podman gives a container an address of every subnet, and would choose one that lab.yml has for another host.
        """
        position = -3 - self.hosts.index(host)
        return {
            network: (
                *addresses,
                *(str(subnet[position]) for subnet in self._list_subnets(network) if not _has_any(subnet, addresses)),
            )
            for network, addresses in host.addresses.items()
        }

    def _list_subnets(self, network: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        return [ipaddress.ip_network(subnet) for subnet in self.networks[network]]


def _has_any(subnet: ipaddress.IPv4Network | ipaddress.IPv6Network, addresses: tuple[str, ...]) -> bool:
    return any(ipaddress.ip_address(address) in subnet for address in addresses)


def load(scenario: Path) -> Topology:
    """Read lab.yml of a scenario folder; the folder's name is the scenario's name."""
    data = yaml.safe_load((scenario / "lab.yml").read_text(encoding="utf-8"))
    networks = {name: tuple(subnets) for name, subnets in data["networks"].items()}
    topology = Topology(
        scenario=scenario.resolve().name,
        networks=networks,
        hosts=tuple(_read_host(name, value) for name, value in data["hosts"].items()),
    )
    _check(topology)
    return topology


def _read_host(name: str, value: dict[str, Any]) -> Host:
    if unknown := value.keys() - (Host.__dataclass_fields__.keys() - {"name"}):
        raise TopologyError(f"host {name}: unknown keys: {', '.join(sorted(unknown))}")
    return Host(
        name=name,
        addresses={network: tuple(addresses) for network, addresses in value["addresses"].items()},
        init=value.get("init", "none"),
        gateways=tuple(value.get("gateways", [])),
        suite=value.get("suite", "bookworm"),
        routes=value.get("routes", {}),
        more=value.get("more", {}),
        forwarding=value.get("forwarding", False),
        boots_before_others=value.get("boots_before_others", False),
        kong={key: _expand(str(text)) for key, text in value.get("kong", {}).items()},
    )


def _expand(text: str) -> str:
    """Replace ${NAME:-default} by the variable of the environment, or by the default if it is unset or empty."""
    return _VARIABLE.sub(lambda found: os.environ.get(found[1]) or found[2], text)


def _check(topology: Topology) -> None:
    for host in topology.hosts:
        if host.init not in ("systemd", "none"):
            raise TopologyError(f"host {host.name}: init {host.init!r} is neither 'systemd' nor 'none'")
        for network, addresses in host.addresses.items():
            for address in addresses:
                if topology.find_network(address) != network:
                    raise TopologyError(f"host {host.name}: {address!r} is not in network {network!r}")
        for gateway in (*host.gateways, *host.routes.values()):
            if topology.find_network(gateway) not in host.addresses:
                raise TopologyError(f"host {host.name}: its gateway {gateway!r} is not on a network of the host")

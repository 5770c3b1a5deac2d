# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ingress policy of nodes that share a cloud firewall: their rules together, each port once. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import find_family, merge_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import is_loopback
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import list_rules

_EVERY = {4: "0.0.0.0/0", 6: "::/0"}


@dataclass(frozen=True, slots=True)
class Ingress:
    """A port with its allowed networks (CIDR), at least one, and the name of its listener on the first of the nodes."""

    protocol: str
    port: int
    listener: str
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the rule, unique on the firewall: listener, protocol and port."""
        return f"{self.listener}-{self.protocol}-{self.port}".replace("_", "-")

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks of both families."""
        return self.ipv4 + self.ipv6


def list_ingress(plan: Mapping[str, Any], hosts: Sequence[str]) -> tuple[Ingress, ...]:
    """Return the ports that the nodes open for other hosts, by port. Raises PlanError for a host that is no node.

    A port of several nodes has the sources of all. A port without a source has no rule: for some providers a rule without
    sources allows everyone.
    """
    ports: dict[tuple[int, str], set[str]] = {}
    listeners: dict[tuple[int, str], str] = {}
    for rule in (rule for host in hosts for rule in list_rules(plan, host)):
        key = rule["port"], rule["protocol"]
        ports.setdefault(key, set()).update(_list_networks(rule["address"], rule["sources"]))
        listeners.setdefault(key, rule["listener"])
    return tuple(
        Ingress(key[1], key[0], listeners[key], _select(ports[key], 4), _select(ports[key], 6))
        for key in sorted(ports)
        if ports[key]
    )


def _list_networks(address: str | None, sources: str | Sequence[str]) -> list[str]:
    """Return the allowed networks of the families that can reach an address; None is every address of both families."""
    if address is not None and is_loopback(address):
        return []
    families = (4, 6) if address is None else (find_family(address),)
    if isinstance(sources, str):
        return [_EVERY[family] for family in families]
    return [network for network in sources if find_family(network) in families]


def _select(networks: set[str], family: int) -> tuple[str, ...]:
    return merge_networks(network for network in networks if find_family(network) == family)

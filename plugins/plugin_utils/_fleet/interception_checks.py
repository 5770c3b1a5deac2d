# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no node may intercept: SSH to any node, and the ports by which the fleet is run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import contains
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.interception import (
    REDIRECT,
    TPROXY,
    VARIABLE,
    Catch,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import host_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import parse_version
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener, Report

# Listeners that clients are meant to come to; everything else is how the fleet is run.
_FOR_CLIENTS = ("proxy", "stream")
_PORT_MAPS_SINCE = (2, 1)


@dataclass(frozen=True, slots=True)
class Protected:
    """Ports of a node that nobody may catch, by what they are for."""

    node: str
    addresses: tuple[str, ...]
    ports: tuple[tuple[int, str], ...]


def protected(node: Node, ssh_port: int) -> Iterator[Protected]:
    """Yield what must reach a node itself: SSH, and every listener but those for clients, as they are dialled."""
    mappings = [mapping for mapping in node.host.nat if mapping.outside_port is None]
    addresses = {*node.host.address.all(), *node.host.vpn.all(), *(mapping.outside for mapping in mappings)}
    ports = {(ssh_port, "SSH")}
    ports |= {(one.port, one.name) for one in node.reachable if one.name not in _FOR_CLIENTS and not one.is_loopback}
    yield Protected(node.name, tuple(sorted(addresses)), tuple(sorted(ports)))
    for mapping in node.host.nat:
        names = [name for port, name in sorted(ports) if port == mapping.inside_port]
        if names and mapping.outside_port:
            yield Protected(node.name, (mapping.outside,), tuple((mapping.outside_port, name) for name in names))


def catches_of_protected(node: Node, catches: Collection[Catch], guarded: Collection[Protected]) -> Iterator[Finding]:
    """Yield an error for each catch that takes what must reach a node of the fleet itself."""
    for catch in catches:
        for one in guarded:
            for address in one.addresses:
                network = next((wide for wide in catch.destinations if contains(wide, address)), None)
                named = [f"{port} ({name})" for port, name in one.ports if port in catch.ports]
                if network and named:
                    message = (
                        f"it would catch {', '.join(named)} of {one.node} ({address}), by which the fleet is run; "
                        "leave out the port, or name narrower destinations"
                    )
                    yield host_error("interception-protected", node.name, VARIABLE, network, message)


def catches_beside_listeners(node: Node, catches: Collection[Catch]) -> Iterator[Finding]:
    """Yield an error for each caught port that another listener of the node has, where the two would be mixed up.

    A packet caught by TPROXY keeps its port, so the rules for a listener on that port would judge it. A packet to the
    node's own address goes to the listener that is there.
    """
    for catch in catches:
        for listener in node.reachable:
            mixed = listener.bound is None if catch.method == TPROXY else catch.own
            same = (listener.name, listener.port) == (catch.listener.name, catch.listener.port)
            if mixed and listener.port in catch.ports and not listener.is_loopback and (catch.own or not same):
                message = (
                    f"{listener.name} of this node listens on port {listener.port} at {listener.address} itself, and "
                    "its sources would decide about what is caught; catch another port, or bind that listener to one "
                    "address"
                )
                yield host_error("interception-port-taken", node.name, VARIABLE, listener.port, message)


def remarks(node: Node, catches: Collection[Catch]) -> list[Finding]:
    """Return what Kong does not see of redirected packets, and what mends a part of it."""
    report = Report(node.name)
    redirected = [catch for catch in catches if catch.method == REDIRECT]
    if redirected:
        text = f"Kong {node.version} sees its own address and port in place of those that the client dialled"
        text += _mended(node, redirected)
        report.info("interception-hidden", VARIABLE, list(redirected[0].destinations), text)
    return report.findings


def _mended(node: Node, redirected: Collection[Catch]) -> str:
    ports: dict[Listener, set[int]] = {}
    for catch in redirected:
        ports.setdefault(catch.listener, set()).update(catch.ports)
    single = {one.port: next(iter(published)) for one, published in ports.items() if len(published) == 1}
    maps = ", ".join(f"{published}:{port}" for port, published in sorted(single.items()) if published != port)
    known = parse_version(node.version).line >= _PORT_MAPS_SINCE
    if not maps or not known or "port_maps" in node.config:
        return ""
    return f'; with kong_config: {{port_maps: "{maps}"}} it takes the port for the one dialled'

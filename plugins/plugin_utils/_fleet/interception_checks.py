# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of intercept rules: no node may intercept SSH to a node, or the ports that the fleet itself needs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import contains
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.interception import (
    REDIRECT,
    TPROXY,
    VARIABLE,
    InterceptRule,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import parse_version
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener, Report
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first, make_natural_key

# Listeners for clients. The fleet itself needs all other listeners.
_FOR_CLIENTS = ("proxy", "stream")
_PORT_MAPS_SINCE = (2, 1)
_SHOWN = 2


@dataclass(frozen=True, slots=True)
class Protected:
    """Ports of a node that no node may intercept, each with its purpose."""

    node: str
    addresses: tuple[str, ...]
    ports: tuple[tuple[int, str], ...]


def find_protected(node: Node, ssh_port: int) -> Iterator[Protected]:
    """Yield the protected ports of a node as other hosts dial them: SSH, and all listeners that are not for clients."""
    mappings = [mapping for mapping in node.host.nat if mapping.outside_port is None]
    addresses = {*node.host.list_addresses(), *(mapping.outside for mapping in mappings)}
    ports = {(ssh_port, "SSH")}
    ports |= {
        (listener.port, listener.name)
        for listener in node.reachable
        if listener.name not in _FOR_CLIENTS and not listener.is_loopback
    }
    yield Protected(node.name, tuple(sorted(addresses, key=make_natural_key)), tuple(sorted(ports)))
    for mapping in node.host.nat:
        names = [name for port, name in sorted(ports) if port == mapping.inside_port]
        if names and mapping.outside_port:
            yield Protected(node.name, (mapping.outside,), tuple((mapping.outside_port, name) for name in names))


def check_protected(
    node: Node, intercept_rules: Collection[InterceptRule], all_protected: Collection[Protected]
) -> Iterator[Finding]:
    """Yield an error for each intercept rule and the protected ports that it matches, with the first nodes."""
    for rule in intercept_rules:
        matched: dict[tuple[str, str], list[str]] = {}
        for protected in all_protected:
            for address in protected.addresses:
                network = next((wide for wide in rule.destinations if contains(wide, address)), None)
                named = ", ".join(f"port {port} ({name})" for port, name in protected.ports if port in rule.ports)
                if network and named:
                    matched.setdefault((network, named), []).append(f"{protected.node} ({address})")
        for (network, named), hosts in matched.items():
            message = (
                f"it would intercept {named} of {list_first(hosts, _SHOWN)}, which the fleet needs; remove the port, or "
                "give narrower destinations"
            )
            yield make_host_error("interception-protected", node.name, VARIABLE, network, message)


def check_taken_ports(node: Node, intercept_rules: Collection[InterceptRule]) -> Iterator[Finding]:
    """Yield an error for each intercepted port on which another listener of the node would receive or filter packets.

    A packet intercepted with TPROXY keeps its port, so the rules for a listener on that port would match it. A packet to
    the node's own address goes to the listener at that address.
    """
    for rule in intercept_rules:
        for listener in node.reachable:
            conflicts = listener.bound is None if rule.method == TPROXY else rule.own
            same = (listener.name, listener.port) == (rule.listener.name, rule.listener.port)
            if conflicts and listener.port in rule.ports and not listener.is_loopback and (rule.own or not same):
                fix = "bind that listener to one address"
                if rule.method != TPROXY:
                    fix = "give that listener another port"
                message = (
                    f"{listener.name} of this node listens on port {listener.port} at {listener.address}, so its sources "
                    f"would also apply to intercepted packets; intercept another port, or {fix}"
                )
                yield make_host_error("interception-port-taken", node.name, VARIABLE, listener.port, message)


def make_redirect_notes(node: Node, intercept_rules: Collection[InterceptRule]) -> list[Finding]:
    """Return a note that Kong does not see the original destination of redirected packets, and a partial remedy."""
    report = Report(node.name)
    redirected = [rule for rule in intercept_rules if rule.method == REDIRECT]
    if redirected:
        text = (
            f"Kong {node.version} sees its own address and port instead of the address and port that the client dialled"
        )
        text += _suggest_port_maps(node, redirected)
        report.add_info("interception-hidden", VARIABLE, list(redirected[0].destinations), text)
    return report.findings


def _suggest_port_maps(node: Node, redirected: Collection[InterceptRule]) -> str:
    ports: dict[Listener, set[int]] = {}
    for rule in redirected:
        ports.setdefault(rule.listener, set()).update(rule.ports)
    single = {listener.port: next(iter(published)) for listener, published in ports.items() if len(published) == 1}
    maps = ", ".join(f"{published}:{port}" for port, published in sorted(single.items()) if published != port)
    known = parse_version(node.version).line >= _PORT_MAPS_SINCE
    if not maps or not known or "port_maps" in node.config:
        return ""
    return f'; with kong_config: {{port_maps: "{maps}"}} it sees the dialled port'

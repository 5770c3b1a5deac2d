# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NAT forwards: what each NAT device must do, and mappings that cannot be right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.policy import Allow
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import (
    PROTOCOLS,
    Endpoint,
    NatMapping,
    Node,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import host_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener


@dataclass(frozen=True, slots=True)
class Forward:
    """One forward of a NAT device; ``allow`` says who comes through it, ``hairpin`` that its own site does too."""

    mapping: NatMapping
    outside_port: int
    inside: str
    allow: Allow
    hairpin: bool


def forwards(node: Node, allows: Sequence[Allow]) -> list[Forward]:
    """Return the forwards that a node's listeners need, in the order of its mappings and listeners.

    A listener that nobody may reach needs none.
    """
    return [
        Forward(mapping, outside_port, inside, allow, hairpin=_is_advertised(node, mapping, outside_port, allow))
        for mapping in node.host.nat
        if (inside := node.host.address.of(mapping.family))
        for allow in allows
        if (allow.everybody or allow.sets) and _arrives_at(mapping, inside, allow.listener)
        if (outside_port := mapping.outside_port_of(allow.protocol, allow.listener.port))
    ]


def _is_advertised(node: Node, mapping: NatMapping, port: int, allow: Allow) -> bool:
    return allow.listener.name == "cluster" and node.advertised == Endpoint(mapping.outside, port)


def _arrives_at(mapping: NatMapping, inside: str, listener: Listener) -> bool:
    """Tell whether a listener hears what a mapping forwards to the inside address."""
    if listener.is_loopback or mapping.family not in listener.families:
        return False
    return listener.bound in (None, inside)


Claim = tuple[str, str, int]  # what a mapping takes of its device: outside address, protocol, port
Claims = dict[Claim, list[tuple[Node, NatMapping, int]]]  # who claims it, by which mapping, for which inside port


def check_mappings(nodes: Iterable[Node]) -> Iterator[Finding]:
    """Yield an error for each mapping that leads nowhere, forwards half of gossip, or contradicts another."""
    claims: Claims = {}
    for node in nodes:
        for mapping in node.host.nat:
            yield from _check_mapping(node, mapping)
            yield from _conflicts(node, mapping, claims)


def _check_mapping(node: Node, mapping: NatMapping) -> Iterator[Finding]:
    inside = node.host.address.of(mapping.family)
    shown = _shown(mapping)
    if inside is None:
        message = f"the node has no IPv{mapping.family} address that this could lead to; give it one in kong_address"
        yield host_error("nat-family", node.name, "kong_nat", shown, message)
        return
    if mapping.inside_port is None:
        return
    hearing = [one for one in _hearing(node, mapping, inside) if one.port == mapping.inside_port]
    if not hearing:
        opened = ", ".join(dict.fromkeys(f"{one.name} {one.address}:{one.port}" for one in node.reachable)) or "nothing"
        message = (
            f"nothing of Kong listens on {inside} {_words(mapping)} port {mapping.inside_port}; the node opens {opened}. Correct "
            "inside_port or the listen setting, or remove the mapping"
        )
        yield host_error("nat-no-listener", node.name, "kong_nat", shown, message)
    for listener in hearing:
        missing = [protocol for protocol in listener.protocols if protocol not in mapping.protocols]
        if missing and len(listener.protocols) > 1:
            message = (
                f"it does not forward {' and '.join(missing)}, and {listener.setting} {listener.port} needs tcp and udp: "
                "joins go over tcp, gossip over udp. Add it to protocols here and on the device"
            )
            yield host_error("nat-protocol", node.name, "kong_nat", shown, message)


def _hearing(node: Node, mapping: NatMapping, inside: str) -> list[Listener]:
    """Return the listeners that hear something of what a mapping forwards to the inside address."""
    return [
        one
        for one in node.reachable
        if _arrives_at(mapping, inside, one) and not set(one.protocols).isdisjoint(mapping.protocols)
    ]


def _claimed(node: Node, mapping: NatMapping) -> Iterator[tuple[Claim, int]]:
    """Yield what a mapping takes of its device, each with the inside port it leads to."""
    if mapping.outside_port is not None and mapping.inside_port is not None:
        for protocol in mapping.protocols:
            yield (mapping.outside, protocol, mapping.outside_port), mapping.inside_port
        return
    yield (mapping.outside, "", 0), 0  # the address as a whole
    for listener in _hearing(node, mapping, node.host.address.of(mapping.family) or ""):
        for protocol in listener.protocols:
            yield (mapping.outside, protocol, listener.port), listener.port


def _may_be_one_device(first: NatMapping, second: NatMapping) -> bool:
    """Tell whether two mappings of one outside address can be on one device; nobody needs to name it."""
    return first.device == second.device or first.outside in (first.device, second.device)


def _conflicts(node: Node, mapping: NatMapping, claims: Claims) -> Iterator[Finding]:
    """Yield an error where an outside address and port leads elsewhere already."""
    rival = None
    for claim, inside_port in _claimed(node, mapping):
        holders = claims.setdefault(claim, [])
        for other, others_mapping, others_port in holders:
            leads_elsewhere = other is not node or others_port != inside_port
            if leads_elsewhere and _may_be_one_device(mapping, others_mapping):
                rival = rival or other
        holders.append((node, mapping, inside_port))
    if rival:
        message = (
            f"{'another mapping of it' if rival is node else rival.name} has the same outside address and port, so one of "
            "the two is never reached. Give each its own, or name the devices (device) where they are different ones"
        )
        yield host_error("nat-conflict", node.name, "kong_nat", _shown(mapping), message)


def _words(mapping: NatMapping) -> str:
    return "+".join(protocol for protocol in PROTOCOLS if protocol in mapping.protocols)


def _shown(mapping: NatMapping) -> str:
    if mapping.outside_port is None:
        return f"{mapping.outside} one-to-one"
    return f"{Endpoint(mapping.outside, mapping.outside_port)} {_words(mapping)} to port {mapping.inside_port}"

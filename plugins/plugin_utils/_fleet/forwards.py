# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NAT forwards that each NAT device needs, and errors in NAT mappings."""

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
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first


@dataclass(frozen=True, slots=True)
class Forward:
    """A forward of a NAT device. ``allow`` has its sources. With ``hairpin`` hosts of its own site use it as well."""

    mapping: NatMapping
    outside_port: int
    inside: str
    allow: Allow
    hairpin: bool


def list_forwards(node: Node, allows: Sequence[Allow]) -> list[Forward]:
    """Return the forwards that a node's listeners need, in the order of its mappings and listeners.

    A listener without allowed sources needs no forward.
    """
    return [
        Forward(mapping, outside_port, inside, allow, hairpin=_is_advertised(node, mapping, outside_port, allow))
        for mapping in node.host.nat
        if (inside := node.host.find_inside(mapping))
        for allow in allows
        if (allow.any_source or allow.sets) and _arrives_at(mapping, inside, allow.listener)
        if (outside_port := mapping.find_outside_port(allow.protocol, allow.listener.port))
    ]


def _is_advertised(node: Node, mapping: NatMapping, port: int, allow: Allow) -> bool:
    return allow.listener.name == "cluster" and node.advertised == Endpoint(mapping.outside, port)


def _arrives_at(mapping: NatMapping, inside: str, listener: Listener) -> bool:
    """Tell whether a listener receives packets that a mapping forwards to the inside address."""
    if listener.is_loopback or mapping.family not in listener.families:
        return False
    return listener.bound in (None, inside)


Claim = tuple[str, str, int]  # the outside address, protocol and port that a mapping uses on its device
Claims = dict[Claim, list[tuple[Node, NatMapping, int]]]  # the node, mapping and inside port that use it


def check_mappings(nodes: Iterable[Node]) -> Iterator[Finding]:
    """Yield an error for each mapping without a listener, with one protocol of gossip only, or in conflict with another."""
    claims: Claims = {}
    for node in nodes:
        for mapping in node.host.nat:
            yield from _check_mapping(node, mapping)
            yield from _find_conflicts(node, mapping, claims)


def _check_mapping(node: Node, mapping: NatMapping) -> Iterator[Finding]:
    inside = node.host.find_inside(mapping)
    shown = format_mapping(mapping)
    if inside is None:
        message = f"the node has no IPv{mapping.family} address as inside address; add one to kong_address"
        yield make_host_error("nat-family", node.name, "kong_nat", shown, message)
        return
    if mapping.inside_port is None:
        return
    receiving = [*_list_receiving(node, mapping, inside)]
    if not receiving:
        sockets = list(
            dict.fromkeys(f"{opened.name} {Endpoint(opened.address, opened.port)}" for opened in node.reachable)
        )
        # A mapping has tcp, udp or both, so at most one protocol is missing.
        missing = next(
            (
                protocol
                for listener in node.reachable
                if listener.port == mapping.inside_port and _arrives_at(mapping, inside, listener)
                for protocol in listener.protocols
            ),
            None,
        )
        fix = f"Add {missing} to protocols" if missing else "Correct inside_port, inside or the listen setting"
        message = (
            f"no listener of Kong is on {_describe_mapping(mapping)} port {mapping.inside_port} of the inside address. {fix}, or "
            "remove the mapping"
        )
        detail = f"has the inside address {inside} and opens {list_first(sockets, 6) or 'no port'}"
        yield make_host_error("nat-no-listener", node.name, "kong_nat", shown, message).with_detail(detail)
    for listener in receiving:
        for protocol in listener.protocols:
            if protocol not in mapping.protocols:
                message = (
                    f"it does not forward {protocol}, but {listener.setting} {listener.port} needs tcp (for joins) and udp (for "
                    "gossip). Add the protocol here and on the device"
                )
                yield make_host_error("nat-protocol", node.name, "kong_nat", shown, message)


def _list_receiving(node: Node, mapping: NatMapping, inside: str) -> Iterator[Listener]:
    """Yield the listeners that receive packets that a mapping forwards to the inside address."""
    for listener in node.reachable:
        if (
            mapping.inside_port in (None, listener.port)
            and _arrives_at(mapping, inside, listener)
            and not set(listener.protocols).isdisjoint(mapping.protocols)
        ):
            yield listener


def _list_claims(node: Node, mapping: NatMapping) -> Iterator[tuple[Claim, int]]:
    """Yield the claims of a mapping on its device, each with the inside port."""
    if mapping.outside_port is not None and mapping.inside_port is not None:
        for protocol in mapping.protocols:
            yield (mapping.outside, protocol, mapping.outside_port), mapping.inside_port
        return
    yield (mapping.outside, "", 0), 0  # the address as a whole
    for listener in _list_receiving(node, mapping, node.host.find_inside(mapping) or ""):
        for protocol in listener.protocols:
            yield (mapping.outside, protocol, listener.port), listener.port


def _may_be_one_device(first: NatMapping, second: NatMapping) -> bool:
    """Tell whether two mappings of one outside address can be on one device. The key device is optional."""
    shared = {*first.devices} & {*second.devices}
    return bool(shared) or first.outside in (*first.devices, *second.devices)


def _is_shared(first: NatMapping, second: NatMapping, node: Node, other: Node) -> bool:
    """Tell whether the mappings of two nodes are one mapping to a virtual address that both nodes may hold."""
    shared = {*node.host.virtual} & {*other.host.virtual} if node.site == other.site else set()
    return first.inside == second.inside and first.inside in shared


def _find_conflicts(node: Node, mapping: NatMapping, claims: Claims) -> Iterator[Finding]:
    """Yield an error if another mapping has the same outside address and port, and another destination."""
    rival = None
    for claim, inside_port in _list_claims(node, mapping):
        holders = claims.setdefault(claim, [])
        for other, others_mapping, others_port in holders:
            one_destination = other is node or _is_shared(mapping, others_mapping, node, other)
            leads_elsewhere = not one_destination or others_port != inside_port
            if leads_elsewhere and _may_be_one_device(mapping, others_mapping):
                rival = rival or other
        holders.append((node, mapping, inside_port))
    if rival:
        message = (
            f"{'another mapping of this node' if rival is node else rival.name} has the same outside address and port, so "
            "only one of them works. Give each its own port, or set device if they are on different devices"
        )
        yield make_host_error("nat-conflict", node.name, "kong_nat", format_mapping(mapping), message)


def _describe_mapping(mapping: NatMapping) -> str:
    return "+".join(protocol for protocol in PROTOCOLS if protocol in mapping.protocols)


def format_mapping(mapping: NatMapping) -> str:
    """Return a mapping as text: its outside and inside port, or that it is one-to-one."""
    if mapping.outside_port is None:
        return f"{mapping.outside} one-to-one"
    return (
        f"{Endpoint(mapping.outside, mapping.outside_port)} {_describe_mapping(mapping)} to port {mapping.inside_port}"
    )

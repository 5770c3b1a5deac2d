# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths: what A dials to reach a listener of B, which source B sees, and through what.

One function, ``routes``, knows how hosts reach each other. Everything else asks it. It is asked tens of times for each
node, which is why routes are named tuples: those are made three times as fast as frozen dataclasses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Family,
    family_of,
    host_network,
    is_private,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, NatMapping, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

Via = Literal["local", "vpn", "nat", "hairpin"]


class Route(NamedTuple):
    """One way from a caller to a port of a target.

    ``dialled`` is what the caller dials, ``lands`` the target's own address at which the packets arrive, on local port
    ``port``. ``mapping`` is the NAT mapping in between, if any.
    """

    via: Via
    dialled: Endpoint
    lands: str
    port: int
    mapping: NatMapping | None = None


class Service(NamedTuple):
    """What is to be reached: one protocol and port of a target, at a bind address if it has one of its own.

    ``bound`` is None where every address of the target will do.
    """

    protocol: str
    port: int
    bound: str | None = None


def service_of(listener: Listener, protocol: str) -> Service:
    """Return what a caller must reach to reach the listener over the protocol."""
    return Service(protocol, listener.port, listener.bound)


def routes(caller: Host, target: Host, service: Service, family: Family) -> Iterator[Route]:
    """Yield the ways of one family from caller to the service of target, the preferred one first.

    Within a site by local addresses; both on the VPN by VPN addresses; between sites through the target's NAT mapping, on
    a flat network by local addresses, or out through the caller's own NAT to a target that has none; last, within a
    site, through the NAT device's hairpin.
    """
    yield from (
        route for route in _all_routes(caller, target, service, family) if _arrives(route, caller, target, service)
    )


def _arrives(route: Route, caller: Host, target: Host, service: Service) -> bool:
    return service.bound in (None, route.lands) and bool(seen_sources(route, caller, target))


def _all_routes(caller: Host, target: Host, service: Service, family: Family) -> Iterator[Route]:
    local = _local_address(target, service, family)
    together = caller.site == target.site
    if together and local:
        yield Route("local", Endpoint(local, service.port), local, service.port)
    vpn = target.vpn.of(family)
    if vpn and caller.vpn.of(family):
        yield Route("vpn", Endpoint(vpn, service.port), vpn, service.port)
    if not together:
        yield from _mapped_routes("nat", caller, target, service, family)
        if local and is_flat(caller, target):
            yield Route("local", Endpoint(local, service.port), local, service.port)
        if local and _goes_out_to(caller, target, local):
            yield Route("nat", Endpoint(local, service.port), local, service.port)
    else:
        yield from _mapped_routes("hairpin", caller, target, service, family)


def _mapped_routes(via: Via, caller: Host, target: Host, service: Service, family: Family) -> Iterator[Route]:
    inside = target.address.of(family)
    for mapping in target.nat:
        port = mapping.outside_port_of(service.protocol, service.port)
        if inside and port and mapping.family == family and (via == "hairpin" or mapping.serves(caller.site)):
            yield Route(via, Endpoint(mapping.outside, port), inside, service.port, mapping)


def _local_address(target: Host, service: Service, family: Family) -> str | None:
    """Return the local address to dial: the bind address, which may be another than the node's first, or the node's."""
    if service.bound and service.bound != target.vpn.of(family):
        return service.bound if family_of(service.bound) == family else None
    return target.address.of(family)


def is_flat(caller: Host, target: Host) -> bool:
    """Tell whether another site's caller dials the target's local address: the target must say so, the caller may refuse."""
    return bool(target.flat) and caller.flat is not False


def _goes_out_to(caller: Host, target: Host, local: str) -> bool:
    """Tell whether the caller's own NAT leads to the local address of a target that is behind none.

    Outside its NAT the caller is a host like any other there: it reaches public addresses, and private ones where its
    outside address is a private one as well, in the network that the target is in.
    """
    family = family_of(local)
    if _is_behind_nat(target, family) or not _is_behind_nat(caller, family):
        return False
    return not is_private(local) or all(is_private(source) for source in egress_networks(caller, target.site, family))


def _is_behind_nat(host: Host, family: Family) -> bool:
    return any(family_of(network) == family for network in host.egress) or any(
        mapping.family == family for mapping in host.nat
    )


def seen_sources(route: Route, caller: Host, target: Host) -> tuple[str, ...]:
    """Return the networks (CIDR text) from which the target sees the caller on this route; empty if it cannot come."""
    family = family_of(route.lands)
    if route.via == "vpn":
        return _as_networks(caller.vpn.of(family))
    if route.via == "nat":
        return egress_networks(caller, target.site, family)
    own = caller.address.of(family)
    if own and route.via == "hairpin" and route.mapping and route.mapping.hairpin_source:
        return _as_networks(route.mapping.hairpin_source)
    return _as_networks(own)


def egress_networks(caller: Host, site: str, family: Family) -> tuple[str, ...]:
    """Return what another site sees as the caller's source: egress, outside addresses, or its own without NAT."""
    if given := tuple(network for network in caller.egress if family_of(network) == family):
        return given
    mappings = [mapping for mapping in caller.nat if mapping.family == family]
    outside = {mapping.outside for mapping in mappings if mapping.serves(site)} or {m.outside for m in mappings}
    return tuple(host_network(address) for address in sorted(outside)) or _as_networks(caller.address.of(family))


def _as_networks(address: str | None) -> tuple[str, ...]:
    return (host_network(address),) if address else ()


def find_route(caller: Host, target: Host, service: Service, family: Family) -> Route | None:
    """Return the route that a caller free to choose takes, or None where there is no path."""
    return next(routes(caller, target, service, family), None)


def dial(caller: Host, target: Host, service: Service, endpoint: Endpoint) -> Route | None:
    """Return the route on which the caller reaches the service by dialling this very endpoint, or None."""
    family = family_of(endpoint.address)
    dialling = (route for route in _all_routes(caller, target, service, family) if route.dialled == endpoint)
    return next((route for route in dialling if _arrives(route, caller, target, service)), None)


def route_to(caller: Host, target: Node, listener: Listener, protocol: str, family: Family) -> Route | None:
    """Return the route of a caller to a node's listener: peers of a gossip cluster dial what the node advertises."""
    service = service_of(listener, protocol)
    if listener.name == "cluster" and target.advertised:
        return dial(caller, target.host, service, target.advertised) if family == 4 else None
    return find_route(caller, target.host, service, family)


@dataclass(frozen=True, slots=True)
class Path:
    """The answer for an ordered pair and a listener: what is dialled, which sources are seen, which port is hit."""

    caller: str
    target: str
    listener: str
    protocol: str
    dialled: Endpoint
    sources: tuple[str, ...]
    address: str
    port: int
    via: Via


def find_paths(caller: Host, target: Node, listener: Listener) -> tuple[Path, ...]:
    """Return the paths of a caller to one listener of a node, one for each family and protocol that has one."""
    return tuple(
        Path(
            caller.name,
            target.name,
            listener.name,
            protocol,
            route.dialled,
            seen_sources(route, caller, target.host),
            route.lands,
            route.port,
            route.via,
        )
        for family in FAMILIES
        if family in listener.families and not listener.is_loopback
        for protocol in listener.protocols
        if (route := route_to(caller, target, listener, protocol, family))
    )

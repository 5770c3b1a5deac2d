# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths: the address that A dials to reach a listener of B, the source that B sees, and the NAT mapping in between.

The function ``list_routes`` determines how hosts reach each other. All other code uses it. It is called tens of times for each
node, so routes are named tuples, which are created three times as fast as frozen dataclasses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Family,
    find_family,
    is_private,
    make_host_network,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, NatMapping, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

Via = Literal["local", "vpn", "nat", "hairpin"]


class Route(NamedTuple):
    """A route from a caller to a port of a target.

    ``dialled`` is the endpoint that the caller dials. Packets arrive at the target's own address ``lands``, on its local
    port ``port``. ``mapping`` is the NAT mapping in between, if any. ``virtual`` are further addresses of the target that
    the caller may dial.
    """

    via: Via
    dialled: Endpoint
    lands: str
    port: int
    mapping: NatMapping | None = None
    virtual: tuple[str, ...] = ()


class Service(NamedTuple):
    """A protocol and port of a target, and its bind address.

    ``bound`` is None if it listens on every address of the target.
    """

    protocol: str
    port: int
    bound: str | None = None


def make_service(listener: Listener, protocol: str) -> Service:
    """Return the service of a listener over a protocol."""
    return Service(protocol, listener.port, listener.bound)


def list_routes(caller: Host, target: Host, service: Service, family: Family) -> Iterator[Route]:
    """Yield the routes of one family from caller to the service of target, the preferred route first.

    Within a site: the local address. If both are on the VPN: the VPN address. Between sites: the target's NAT mapping, the
    local address on a flat network, or out through the caller's own NAT to a target without NAT. Last, within a site: the
    hairpin of the NAT device.
    """
    yield from (
        route for route in _list_all_routes(caller, target, service, family) if _arrives(route, caller, target, service)
    )


def _arrives(route: Route, caller: Host, target: Host, service: Service) -> bool:
    return service.bound in (None, route.lands) and bool(list_route_sources(route, caller, target))


def _list_all_routes(caller: Host, target: Host, service: Service, family: Family) -> Iterator[Route]:
    local = choose_local_address(target, service, family)
    same_site = caller.site == target.site
    if same_site and local:
        yield _make_local_route("local", local, target, service)
    vpn = target.vpn.select(family)
    if vpn and caller.vpn.select(family):
        yield Route("vpn", Endpoint(vpn, service.port), vpn, service.port)
    if not same_site:
        yield from _list_mapped_routes("nat", caller, target, service, family)
        if local and is_flat(caller, target):
            yield _make_local_route("local", local, target, service)
        if local and _goes_out_to(caller, target, local):
            yield _make_local_route("nat", local, target, service)
    else:
        yield from _list_mapped_routes("hairpin", caller, target, service, family)


def _list_mapped_routes(via: Via, caller: Host, target: Host, service: Service, family: Family) -> Iterator[Route]:
    for mapping in target.nat:
        inside = target.find_inside(mapping)
        port = mapping.find_outside_port(service.protocol, service.port)
        if inside and port and mapping.family == family and (via == "hairpin" or mapping.serves(caller.site)):
            yield Route(via, Endpoint(mapping.outside, port), inside, service.port, mapping)


def _make_local_route(via: Via, local: str, target: Host, service: Service) -> Route:
    family = find_family(local)
    virtual = () if service.bound else tuple(address for address in target.virtual if find_family(address) == family)
    return Route(via, Endpoint(local, service.port), local, service.port, virtual=virtual)


def choose_local_address(target: Host, service: Service, family: Family) -> str | None:
    """Return the local address to dial: the bind address if there is one, else the address of the node."""
    if service.bound and service.bound != target.vpn.select(family):
        return service.bound if find_family(service.bound) == family else None
    return target.address.select(family)


def is_flat(caller: Host, target: Host) -> bool:
    """Tell whether a caller of another site dials the target's local address: set on the target, and not off on the caller."""
    return bool(target.flat) and caller.flat is not False


def _goes_out_to(caller: Host, target: Host, local: str) -> bool:
    """Tell whether a caller behind a NAT reaches the local address of a target without NAT.

    Outside its NAT the caller is like any other host there. It reaches public addresses. It reaches private addresses if
    its outside address is private as well, because it is then in that private network.
    """
    family = find_family(local)
    if is_behind_nat(target, family) or not is_behind_nat(caller, family):
        return False
    return not is_private(local) or all(
        is_private(source) for source in list_egress_networks(caller, target.site, local)
    )


def is_behind_nat(host: Host, family: Family) -> bool:
    """Tell whether the inventory names a NAT of the host: an egress, or a mapping."""
    return any(find_family(network) == family for network in host.egress) or any(
        mapping.family == family for mapping in host.nat
    )


def list_route_sources(route: Route, caller: Host, target: Host) -> tuple[str, ...]:
    """Return the source networks (CIDR text) that the target sees on this route, empty if the caller cannot use it."""
    if route.via == "vpn":
        return _as_networks(caller.vpn.select(find_family(route.lands)))
    dialled = list_dialled_addresses(route)
    if route.via == "nat":
        found = [list_egress_networks(caller, target.site, address) for address in dialled]
    else:
        found = [_as_networks(caller.choose_source(address)) for address in dialled]
        if found[0] and route.via == "hairpin" and route.mapping and route.mapping.hairpin_source:
            return _as_networks(route.mapping.hairpin_source)
    # Most routes have a single address, and its networks have no duplicates.
    return found[0] if len(found) == 1 else tuple(dict.fromkeys(chain.from_iterable(found)))


def list_dialled_addresses(route: Route) -> tuple[str, ...]:
    """Return all addresses that the caller may dial on a route, the preferred address first."""
    return (route.dialled.address, *route.virtual)


def find_unknown_source(route: Route, caller: Host) -> str | None:
    """Return a dialled address for which the source of the caller is not known, so that list_route_sources has its own address."""
    family = find_family(route.lands)
    given = route.mapping.hairpin_source if route.via == "hairpin" and route.mapping else None
    if not caller.networks or given or route.via == "vpn" or (route.via == "nat" and is_behind_nat(caller, family)):
        return None
    return next(
        (address for address in list_dialled_addresses(route) if caller.find_known_source(address) is None), None
    )


def list_egress_networks(caller: Host, site: str, dialled: str) -> tuple[str, ...]:
    """Return the source networks that another site sees: egress, outside addresses, or without NAT the local address."""
    family = find_family(dialled)
    if given := tuple(network for network in caller.egress if find_family(network) == family):
        return given
    mappings = [mapping for mapping in caller.nat if mapping.family == family]
    serving = [mapping for mapping in mappings if mapping.serves(site)] or mappings
    outside = {mapping.outside for mapping in serving}
    return tuple(make_host_network(address) for address in sorted(outside, key=make_natural_key)) or _as_networks(
        caller.choose_source(dialled)
    )


def _as_networks(address: str | None) -> tuple[str, ...]:
    return (make_host_network(address),) if address else ()


def find_route(caller: Host, target: Host, service: Service, family: Family) -> Route | None:
    """Return the preferred route, or None if there is no path."""
    return next(list_routes(caller, target, service, family), None)


def dial(caller: Host, target: Host, service: Service, endpoint: Endpoint) -> Route | None:
    """Return the route on which the caller reaches the service when it dials this endpoint, or None."""
    family = find_family(endpoint.address)
    dialling = (route for route in _list_all_routes(caller, target, service, family) if route.dialled == endpoint)
    return next((route for route in dialling if _arrives(route, caller, target, service)), None)


def find_route_to(caller: Host, target: Node, listener: Listener, protocol: str, family: Family) -> Route | None:
    """Return the route of a caller to a node's listener. Peers of a gossip cluster dial the advertised endpoint."""
    service = make_service(listener, protocol)
    if listener.name == "cluster" and target.advertised:
        return dial(caller, target.host, service, target.advertised) if family == 4 else None
    return find_route(caller, target.host, service, family)


@dataclass(frozen=True, slots=True)
class Path:
    """A path from a caller to a listener: the dialled endpoint, the sources that the target sees, and the local port."""

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
    """Return the paths of a caller to a listener of a node, at most one for each family and protocol."""
    return tuple(
        Path(
            caller.name,
            target.name,
            listener.name,
            protocol,
            route.dialled,
            list_route_sources(route, caller, target.host),
            route.lands,
            route.port,
            route.via,
        )
        for family in FAMILIES
        if family in listener.families and not listener.is_loopback
        for protocol in listener.protocols
        if (route := find_route_to(caller, target, listener, protocol, family))
    )

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gateways: NAT devices that are hosts of the inventory, so that the collection itself makes their translations.

A mapping names its device in the key ``device``. A device without a name, or the node itself, is no gateway. Neither is a host
with ``ansible_network_os``, which modules of other collections configure.

If the outside address is the host's own address, the gateway only forwards, without a translation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    Family,
    find_family,
    make_host_network,
    sort_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.fleet import Fleet
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.forwards import Forward, format_mapping
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.sets import SetKey
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.gateway_hosts import NETWORK_OS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, NatMapping, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    Inventory,
    make_host_error,
    make_host_warning,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first, make_natural_key

Forwards = Mapping[str, Sequence[Forward]]  # by the name of the node


@dataclass(frozen=True, slots=True)
class Hairpin:
    """Connections of the node's own site to a forward: the networks of their callers, and the source that the node sees."""

    callers: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class GatewayForward:
    """A forward that a gateway makes, and the nodes that share it. ``sets`` are its sources, unless any source is allowed."""

    forward: Forward
    nodes: tuple[str, ...]
    any_source: bool
    sets: tuple[SetKey, ...]
    hairpin: Hairpin | None


@dataclass(frozen=True, slots=True)
class Egress:
    """The source NAT of a host behind a gateway: its own address, and the address that other sites see."""

    inside: str
    outside: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """A host of the inventory that is a NAT device, and its translations. Another device may hold the ``shared`` outside addresses.

    ``interfaces`` has the outside addresses that may change, each with its interface.
    """

    name: str
    forwards: tuple[GatewayForward, ...]
    egress: tuple[Egress, ...]
    shared: tuple[str, ...]
    interfaces: tuple[tuple[str, str], ...]


def find_gateways(fleet: Fleet, inventory: Inventory) -> frozenset[str]:
    """Return the names of the hosts that are gateways."""
    devices = {device for host in _list_hosts(fleet) for mapping in host.nat for device in mapping.devices}
    hosts = (device for device in devices if ("host", device) in fleet.members)
    return frozenset(host for host in hosts if NETWORK_OS not in inventory.read_variables(host))


def list_gateways(fleet: Fleet, forwards: Forwards, names: frozenset[str]) -> list[Gateway]:
    """Return the gateways with these names in natural order. ``forwards`` has the forwards of each node (list_forwards)."""
    shared: dict[str, dict[tuple[str, int, str], list[tuple[Node, Forward]]]] = {}
    for name, node in fleet.nodes.items():
        for forward in forwards[name]:
            key = (forward.mapping.outside, forward.outside_port, forward.allow.protocol)
            for gateway in _list_gateways(names, node.host, forward.mapping):
                shared.setdefault(gateway, {}).setdefault(key, []).append((node, forward))
    egress: dict[str, list[Egress]] = {}
    for host in _list_hosts(fleet):
        for family in _list_families_behind(names, host):
            inside, found = host.address.select(family), _find_egress(host, family)
            if inside and found and found.outside != inside:
                for gateway in _list_gateways(names, host, found):
                    egress.setdefault(gateway, []).append(Egress(inside, found.outside))
    return [
        Gateway(
            name,
            tuple(
                _join_forwards(fleet, shared[name][key])
                for key in sorted(shared.get(name, ()), key=lambda key: make_natural_key(*map(str, key)))
            ),
            tuple(sorted(egress.get(name, ()), key=lambda entry: make_natural_key(entry.inside))),
            _list_shared(fleet, name),
            _list_interfaces(fleet, name),
        )
        for name in sorted({*shared, *egress}, key=make_natural_key)
    ]


def check_gateways(fleet: Fleet, forwards: Forwards, names: frozenset[str]) -> Iterator[Finding]:
    """Yield an error for each hairpin without a source, and a warning for each host without a single source at other sites.

    A mapping whose outside interface contradicts another mapping is an error too.
    """
    yield from _check_interfaces(fleet, names)
    for name, node in fleet.nodes.items():
        refused = {
            forward.mapping: forward.outside_port
            for forward in forwards[name]
            if forward.hairpin
            and not forward.mapping.hairpin_source
            and _list_gateways(names, node.host, forward.mapping)
        }
        for mapping, port in refused.items():
            message = (
                f"hosts of its own site dial {Endpoint(mapping.outside, port)} (hairpin), and their answers must return through "
                f"{mapping.device} of the inventory. Set hairpin_source to the address of {mapping.device} on the network of this host"
            )
            yield make_host_error("gateway-hairpin", name, "kong_nat", format_mapping(mapping), message)
    for host in _list_hosts(fleet):
        for family in _list_families_behind(names, host):
            if _find_egress(host, family) is None:
                outside = sorted(
                    {mapping.outside for mapping in host.nat if mapping.family == family}, key=make_natural_key
                )
                message = (
                    "other sites may see this host with different sources, so its gateway makes no source NAT for it. Set "
                    "kong_nat_egress to the outside address of one mapping"
                )
                detail = f"has the outside addresses {list_first(outside, 4)}"
                yield make_host_warning(
                    "gateway-egress", host.name, "kong_nat_egress", list(host.egress) or None, message
                ).with_detail(detail)


def _check_interfaces(fleet: Fleet, names: frozenset[str]) -> Iterator[Finding]:
    """Yield an error for each mapping that gives an interface of a gateway another address than the mappings before it."""
    addresses: dict[tuple[str, str, Family], str] = {}
    interfaces: dict[tuple[str, str], str] = {}
    for host in _list_hosts(fleet):
        for mapping in host.nat:
            outside, interface = mapping.outside, mapping.outside_interface
            if interface is None:
                continue
            for gateway in _list_gateways(names, host, mapping):
                address = addresses.setdefault((gateway, interface, mapping.family), outside)
                other = interfaces.setdefault((gateway, outside), interface)
                if address != outside:
                    reason = f"{interface} of {gateway} has the outside address {address} in another mapping"
                elif other != interface:
                    reason = f"{outside} is on {other} of {gateway} in another mapping"
                elif outside in _list_shared(fleet, gateway):
                    reason = f"{gateway} shares {outside} with another device in another mapping, so it does not change"
                else:
                    continue
                message = (
                    f"outside_interface is {interface}, but {reason}. Correct outside, outside_interface or device"
                )
                yield make_host_error("gateway-interface", host.name, "kong_nat", format_mapping(mapping), message)


def _list_gateways(names: frozenset[str], host: Host, mapping: NatMapping) -> list[str]:
    """Return the devices of a host's mapping that have a name, and are gateways other than the host itself."""
    return [device for device in mapping.devices if device in names and device not in (mapping.outside, host.name)]


def _list_shared(fleet: Fleet, name: str) -> tuple[str, ...]:
    """Return the outside addresses of a gateway that another device may hold."""
    mappings = (mapping for host in _list_hosts(fleet) for mapping in host.nat if name in mapping.devices)
    shared = {mapping.outside for mapping in mappings if len(mapping.devices) > 1}
    return tuple(sorted(shared, key=make_natural_key))


def _list_interfaces(fleet: Fleet, name: str) -> tuple[tuple[str, str], ...]:
    """Return the outside addresses of a gateway that may change, with their interfaces."""
    mappings = (mapping for host in _list_hosts(fleet) for mapping in host.nat if name in mapping.devices)
    found = {(mapping.outside, mapping.outside_interface) for mapping in mappings if mapping.outside_interface}
    return tuple(sorted(found, key=lambda pair: make_natural_key(*pair)))


def _list_hosts(fleet: Fleet) -> list[Host]:
    return [*(node.host for node in fleet.nodes.values()), *fleet.hosts.values()]


def _list_families_behind(names: frozenset[str], host: Host) -> list[Family]:
    """Return the families of which a gateway has a mapping of the host."""
    behind = {mapping.family for mapping in host.nat if _list_gateways(names, host, mapping)}
    return [family for family in FAMILIES if family in behind]


def _find_egress(host: Host, family: Family) -> NatMapping | None:
    """Return the mapping whose outside address is the only source of the host at other sites, or None."""
    mappings = [mapping for mapping in host.nat if mapping.family == family]
    given = {network for network in host.egress if find_family(network) == family}
    sources = given or {make_host_network(mapping.outside) for mapping in mappings}
    found = [mapping for mapping in mappings if sources == {make_host_network(mapping.outside)}]
    return found[0] if len({mapping.devices for mapping in found}) == 1 else None


def _join_forwards(fleet: Fleet, shared: Sequence[tuple[Node, Forward]]) -> GatewayForward:
    """Return the forwards with one destination outside as one. Several nodes have it if they share a virtual address."""
    first = shared[0][1]
    callers = {
        make_host_network(source)
        for node, forward in shared
        if forward.hairpin
        for host in fleet.members["gossip", node.cluster]
        if host.site == node.site and (source := host.choose_source(forward.mapping.outside))
    }
    source = next((forward.mapping.hairpin_source for _node, forward in shared if forward.hairpin), None)
    return GatewayForward(
        first,
        tuple(dict.fromkeys(node.name for node, _forward in shared)),
        any_source=any(forward.allow.any_source for _node, forward in shared),
        sets=tuple(dict.fromkeys(key for _node, forward in shared for key in forward.allow.sets)),
        hairpin=Hairpin(sort_networks(callers), source) if source else None,
    )

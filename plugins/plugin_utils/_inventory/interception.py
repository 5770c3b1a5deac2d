# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Intercept rules of a node: packets to other hosts or other ports are sent to a listener of Kong.

Kong 0.15 to 1.5 has the flag ``transparent`` (PR #3884, removed for 2.0.0). With TPROXY it sees the original destination
of a packet. All other versions receive packets with a rewritten destination.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    BITS,
    DEFAULT_ROUTE,
    FAMILIES,
    AddressError,
    Family,
    canonicalise_network,
    contains,
    explain_unusable,
    find_family,
    get_prefix_length,
    make_host_network,
    parse_port,
    sort_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import Generation
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first, make_natural_key, quote_value

VARIABLE = "kong_transparent"
KEYS = frozenset({"destinations", "ports", "listen_port", "interfaces"})
TPROXY, REDIRECT = "tproxy", "redirect"
FLAG = "transparent"

_TARGETS = ("proxy", "stream")
# IFNAMSIZ in linux/if.h. A name has no blanks or slashes, and here no character that is a pattern for a firewall.
_INTERFACE = re.compile(r"[A-Za-z0-9._-]{1,15}")


@dataclass(frozen=True, slots=True)
class InterceptRule:
    """A rule that sends packets of one family to a listener instead of their destination.

    ``own`` tells whether the destinations are addresses of the node itself; only REDIRECT can intercept those. ``entry`` is
    the index of its entry in the variable.
    """

    method: str
    family: Family
    destinations: tuple[str, ...]
    ports: tuple[int, ...]
    interfaces: tuple[str, ...]
    listener: Listener
    own: bool
    entry: int


class _EntryError(ValueError):
    """An error in an entry of the variable."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def read_interception(
    variables: HostVariables,
    generation: Generation,
    listeners: Sequence[Listener],
    read_own: Callable[[], frozenset[str]],
    *,
    in_container: bool,
) -> tuple[InterceptRule, ...]:
    """Read the intercept rules of a node. Errors are added to the findings of ``variables``.

    ``read_own`` returns the addresses of the node. It is called if the destinations of an entry have a single address.
    """
    items = variables.list_items(VARIABLE)
    if items and in_container:
        message = "Kong is in a container with published ports (kong_published_ports); run it in the network of the host instead"
        variables.add_error("interception-listener", VARIABLE, None, message)
        return ()
    found: list[InterceptRule] = []
    for place, item in enumerate(items):
        try:
            found += _read_entry(item, place, generation, listeners, read_own)
        except _EntryError as error:
            variables.add_error(error.code, VARIABLE, item, str(error))
    for first, second in combinations(found, 2):
        if first.entry != second.entry and _is_overlap(first, second):
            both = f"entries {first.entry + 1} and {second.entry + 1}"
            message = f"{both} select the same packets; give each destination and port one listener"
            variables.add_error("interception-overlap", VARIABLE, list(second.destinations), message)
    return tuple(found)


def choose_method(generation: Generation) -> str:
    """Return the method of a version: TPROXY if it has the flag, else REDIRECT."""
    setting = generation.find_setting("proxy_listen")
    return TPROXY if setting is not None and FLAG in setting.flags else REDIRECT


def _read_entry(
    item: Any,
    place: int,
    generation: Generation,
    listeners: Sequence[Listener],
    read_own: Callable[[], frozenset[str]],
) -> Iterator[InterceptRule]:
    if (
        not isinstance(item, Mapping)
        or not set(item) <= KEYS
        or not {"destinations", "ports", "listen_port"} <= set(item)
    ):
        raise _EntryError(
            "interception-invalid", "an entry has destinations, ports and listen_port, and may have interfaces"
        )
    method = choose_method(generation)
    targets = _find_targets(_parse_port(item["listen_port"]), listeners)
    ports, interfaces = tuple(sorted({_parse_port(port) for port in _list(item["ports"])})), _parse_interfaces(item)
    if not ports:
        raise _EntryError("interception-invalid", "ports is empty; name the ports that packets are addressed to")
    networks = _parse_networks(item["destinations"], targets)
    own_networks = _list_own_networks(networks, read_own)
    for family in FAMILIES:
        chosen = [network for network in networks if find_family(network) == family]
        for is_own in (True, False):
            part = tuple(network for network in chosen if (network in own_networks) == is_own)
            if part:
                listener = _choose_target(targets, family, part)
                _check(method, listener, part, own=is_own)
                yield InterceptRule(method, family, part, ports, interfaces, listener, is_own, place)


def _list_own_networks(networks: Sequence[str], read_own: Callable[[], frozenset[str]]) -> set[str]:
    """Return the networks of the node's own addresses, or none if no given network is a single address."""
    if all(get_prefix_length(network) < BITS[find_family(network)] for network in networks):
        return set()
    return {make_host_network(address) for address in read_own()}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _parse_port(value: Any) -> int:
    port = parse_port(value)
    if port is None:
        raise _EntryError("interception-invalid", f"{quote_value(value)} is not a port; write a number from 1 to 65535")
    return port


def _parse_interfaces(item: Mapping[str, Any]) -> tuple[str, ...]:
    names = _list(item.get("interfaces") or [])
    for name in names:
        if not isinstance(name, str) or not _INTERFACE.fullmatch(name):
            raise _EntryError("interception-invalid", f"{quote_value(name)} is not a name of a network interface")
    return tuple(sorted({str(name) for name in names}, key=make_natural_key))


def _parse_networks(value: Any, targets: Sequence[Listener]) -> tuple[str, ...]:
    if value == "any":
        return tuple(
            DEFAULT_ROUTE[family] for family in FAMILIES if any(family in target.families for target in targets)
        )
    try:
        networks = sort_networks(canonicalise_network(str(text).strip()) for text in _list(value))
    except AddressError as exc:
        raise _EntryError("interception-invalid", f"{exc}; destinations are addresses and networks, or any") from exc
    if not networks:
        raise _EntryError("interception-invalid", "destinations is empty; name addresses and networks, or any")
    for network in networks:
        if reason := explain_unusable(network):
            raise _EntryError("interception-invalid", f"destinations: {network} is {reason}; name addresses of servers")
    return networks


def _find_targets(port: int, listeners: Sequence[Listener]) -> list[Listener]:
    """Return the proxy and stream listeners on a port."""
    found = [listener for listener in listeners if listener.name in _TARGETS and "tcp" in listener.protocols]
    targets = [listener for listener in found if listener.port == port]
    if not targets:
        ports = list_first([str(port) for port in sorted({listener.port for listener in found})], 8) or "none"
        reason = f"this node has no proxy_listen or stream_listen on port {port} over tcp; it has {ports}"
        raise _EntryError("interception-listener", reason)
    return targets


def _choose_target(targets: Sequence[Listener], family: Family, part: Sequence[str]) -> Listener:
    """Return the listener on the port with the family, preferably a listener on every address."""
    fitting = sorted(
        (target for target in targets if family in target.families), key=lambda target: not target.is_wildcard
    )
    if not fitting:
        reason = (
            f"port {targets[0].port} has no IPv{family} listener, so packets to {part[0]} would be dropped; add such a "
            f"listener to kong_{targets[0].setting}, or remove IPv{family}"
        )
        raise _EntryError("interception-listener", reason)
    return fitting[0]


def _check(method: str, listener: Listener, part: Sequence[str], *, own: bool) -> None:
    """Raise _EntryError for a rule that would drop every packet, or would match no packet."""
    where = f"port {listener.port} at {listener.address}"
    if method == TPROXY and FLAG not in listener.flags:
        reason = f"{where} lacks the flag: add `{FLAG}` to this entry of kong_{listener.setting}"
        raise _EntryError("interception-flag-missing", reason)
    if method == TPROXY and own:
        reason = (
            f"{part[0]} is an address of the node itself, which TPROXY does not intercept; let Kong listen on the port"
        )
        raise _EntryError("interception-own-address", reason)
    if method == REDIRECT and listener.is_loopback:
        reason = f"{where} is on loopback, and packets cannot be redirected to it; bind another address"
        raise _EntryError("interception-listener", reason)
    if listener.bound is None and len(listener.families) > 1 and not listener.is_wildcard:
        raise _EntryError("interception-listener", f"{where} is bound by a host name; write its address")


def _is_overlap(first: InterceptRule, second: InterceptRule) -> bool:
    interfaces = not first.interfaces or not second.interfaces or {*first.interfaces} & {*second.interfaces}
    return bool(
        interfaces
        and first.own == second.own
        and {*first.ports} & {*second.ports}
        and any(
            contains(network, other) or contains(other, network)
            for network in first.destinations
            for other in second.destinations
        )
    )

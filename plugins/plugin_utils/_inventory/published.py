# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports: ports of a host that it translates to listeners of a Kong in a container.

The grammar is that of Docker and podman (docker-run(1), podman-run(1), option --publish), without ports that they would
choose themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonicalise_address,
    find_family,
    parse_port,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import PROTOCOLS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first

VARIABLE = "kong_published_ports"

_GRAMMAR = re.compile(
    r"(?:(?:\[(?P<ipv6>[^]]+)\]|(?P<ipv4>[0-9.]+)):)?(?P<port>[0-9]{1,5}):(?P<inside>[0-9]{1,5})(?:/(?P<protocol>tcp|udp))?"
)
_FORM = "give [ADDRESS:]PORT:CONTAINER_PORT[/PROTOCOL], such as 80:8000, 192.0.2.1:8001:8001 or 7946:7946/udp"


class Publication(NamedTuple):
    """An item of the variable: a port of the host, its address (None: every address), and the port in the container."""

    address: str | None
    port: int
    inside: int
    protocol: str

    def __str__(self) -> str:
        address = f"[{self.address}]:" if ":" in (self.address or "") else f"{self.address}:" if self.address else ""
        return f"{address}{self.port}:{self.inside}/{self.protocol}"


def read_published(variables: HostVariables, listeners: Sequence[Listener]) -> tuple[Listener, ...] | None:
    """Read the published ports as listeners, None if Kong listens on the host itself.

    Errors are added to the findings of ``variables``.
    """
    if variables.read_value(VARIABLE) is None:
        return None
    found = [publication for item in variables.list_items(VARIABLE) if (publication := _read(variables, item))]
    for first, second in combinations(found, 2):
        if _is_overlap(first, second):
            message = f"{first} already uses this port of the host; publish each at its own port"
            variables.add_error("published-duplicate", VARIABLE, str(second), message)
    published = tuple(_make_published_listeners(variables, found, listeners))
    for listener in published:
        _check_protocols(variables, listener, listeners)
    return published


def check_in_container(variables: HostVariables, listeners: Sequence[Listener], own: frozenset[str]) -> None:
    """Add an error for each listener in a container that binds an address of the host, which the container lacks.

    ``own`` are the addresses of the host.
    """
    for listener in listeners:
        if listener.bound in own:
            message = (
                f"{listener.setting} binds {listener.address}, an address of the host, and Kong is in a container "
                f"({VARIABLE}), which does not have it. Remove the variable, or bind 0.0.0.0"
            )
            name = f"kong_{listener.setting}"
            variables.add_error("bind-in-container", name, variables.read_value(name), message)


def make_published(
    name: str, setting: str, address: str | None, port: int, container_port: int, protocols: Iterable[str]
) -> Listener:
    """Return a published port as a listener. An address of None is every address of the host, of both families."""
    ordered = tuple(protocol for protocol in PROTOCOLS if protocol in protocols)
    bound, flags = (address, ()) if address else ("::", ("ipv6only=off",))
    return Listener(name, setting, bound, port, ordered, flags, container_port)


def get_bind_variable(listener: Listener) -> str:
    """Return the variable with the bind address of a listener of a host."""
    return VARIABLE if listener.container_port else f"kong_{listener.setting}"


def find_published_address(listener: Listener) -> str | None:
    """Return the address from which ``make_published`` made the listener."""
    return None if len(listener.families) > 1 else listener.address


def _read(variables: HostVariables, item: str) -> Publication | None:
    match = _GRAMMAR.fullmatch(item)
    if match is None:
        variables.add_error("published-invalid", VARIABLE, item, f"{_FORM}; write each port of a range as its own item")
        return None
    try:
        address = canonicalise_address(match["ipv6"] or match["ipv4"]) if match["ipv6"] or match["ipv4"] else None
    except AddressError as exc:
        variables.add_error("published-invalid", VARIABLE, item, f"{exc}; {_FORM}")
        return None
    port, inside = parse_port(match["port"]), parse_port(match["inside"])
    if port is None or inside is None:
        variables.add_error("published-invalid", VARIABLE, item, "ports are numbers from 1 to 65535")
        return None
    return Publication(address, port, inside, match["protocol"] or "tcp")


def _is_overlap(first: Publication, second: Publication) -> bool:
    if (first.port, first.protocol) != (second.port, second.protocol):
        return False
    addresses = {first.address, second.address}
    families = {":" in address for address in addresses if address}
    wildcard = not addresses.isdisjoint({None, "0.0.0.0", "::"})
    return len(addresses) == 1 or None in addresses or (wildcard and len(families) == 1)


def _make_published_listeners(
    variables: HostVariables, publications: Sequence[Publication], listeners: Sequence[Listener]
) -> Iterator[Listener]:
    """Yield one listener for each port of the host, with all its published protocols."""
    found: dict[tuple[str | None, int, int, str], tuple[Listener, list[str]]] = {}
    for publication in publications:
        receiving = [
            listener
            for listener in listeners
            if listener.port == publication.inside and publication.protocol in listener.protocols
        ]
        reachable = [listener for listener in receiving if _is_reachable(listener, publication)]
        if not reachable:
            message = _explain_no_listener(publication, receiving, listeners)
            variables.add_error("published-no-listener", VARIABLE, str(publication), message)
            continue
        key = (publication.address, publication.port, publication.inside, reachable[0].name)
        found.setdefault(key, (reachable[0], []))[1].append(publication.protocol)
    for (address, port, inside, name), (listener, protocols) in found.items():
        yield make_published(name, listener.setting, address, port, inside, protocols)


def _is_reachable(listener: Listener, publication: Publication) -> bool:
    """Tell whether packets to a published port reach a listener.

    Netfilter translates addresses within a family, so a port that is published for IPv4 leads to an IPv4 address.
    """
    is_for_ipv4 = publication.address is None or find_family(publication.address) == 4
    return not listener.is_loopback and (4 in listener.families or not is_for_ipv4)


def _explain_no_listener(publication: Publication, receiving: Sequence[Listener], listeners: Sequence[Listener]) -> str:
    if receiving:
        setting, address = receiving[0].setting, receiving[0].address
        start = f"in the container {setting} binds {address}"
        if receiving[0].is_loopback:
            return f"{start}, which no packet from outside reaches; set kong_{setting}"
        return (
            f"{start}, and this port leads to the container's IPv4 address. Add an IPv4 entry to kong_{setting}, or publish "
            f"the port for IPv6 only: [::]:{publication.port}:{publication.inside}/{publication.protocol}"
        )
    opened = (
        list_first(list(dict.fromkeys(f"{listener.name} {listener.port}" for listener in listeners)), 6) or "no port"
    )
    return (
        f"no listener of Kong is on port {publication.inside} {publication.protocol} in the container; it opens {opened}. "
        "The first port is that of the host, the second that of the container"
    )


def _check_protocols(variables: HostVariables, published: Listener, listeners: Sequence[Listener]) -> None:
    """Add an error if only one protocol of gossip is published: joins use tcp, gossip uses udp."""
    needed = next(
        listener.protocols
        for listener in listeners
        if (listener.name, listener.port) == (published.name, published.own_port)
    )
    for protocol in needed:
        if protocol not in published.protocols:
            shown = f"{published.port}:{published.own_port}/{published.protocols[0]}"
            message = (
                f"{published.setting} {published.own_port} needs {' and '.join(needed)}; publish {protocol} as well"
            )
            variables.add_error("published-protocol", VARIABLE, shown, message)

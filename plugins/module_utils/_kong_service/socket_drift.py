# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The differences between the sockets of a host and the planned listeners."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (
    ANY4,
    ANY6,
    Listener,
    Place,
    Socket,
    Sockets,
)

_WILDCARDS = {"*": "0.0.0.0"}


@dataclass(frozen=True)
class SocketDrift:
    """The missing listeners, and the sockets of Kong or on its ports that are not in the plan."""

    missing: tuple[Listener, ...]
    unexpected: tuple[Socket, ...]


def compare_listeners(listeners: Sequence[Listener], sockets: Sockets) -> SocketDrift:
    """Compare the planned listeners with the sockets.

    Sockets on a loopback address are never unexpected. Sockets of other programs are unexpected only on ports of Kong.
    """
    present, unit = sockets.all, sockets.unit
    kongs = {(sock.protocol, sock.port, sock.address) for sock in present if _may_be_kongs(sock, unit)}
    kongs |= {
        (sock.protocol, sock.port, ANY4) for sock in present if _may_be_kongs(sock, unit) and sock.has_both_families
    }
    wanted = {
        listener: {(listener.protocol, listener.port, address) for address in _resolve(listener)}
        for listener in listeners
    }
    known = {place for places in wanted.values() for place in places}
    own = {place for listener, places in wanted.items() if listener.has_own_socket for place in places}
    missing = [listener for listener, places in wanted.items()
               if not all(_is_present(place, known, kongs, own) for place in places)]  # fmt: skip
    ports = {(listener.protocol, listener.port) for listener in listeners}
    unexpected = [
        sock
        for sock in present
        if not (_may_be_kongs(sock, unit) and (sock.protocol, sock.port, sock.address) in known)
        and (sock.unit == unit or (sock.protocol, sock.port) in ports)
        and not sock.is_loopback
        and not (_may_be_kongs(sock, unit) and _serves_ipv4(sock, known))
    ]
    return SocketDrift(tuple(missing), tuple(unexpected))


def find_bound(listeners: Sequence[Listener]) -> list[Listener]:
    """Return the listeners whose address nginx binds, without those that share the socket of a wildcard."""
    known = {(listener.protocol, listener.port, address) for listener in listeners for address in _resolve(listener)}
    return [listener for listener in listeners if listener.has_own_socket or not _uses_wildcard(listener, known)]


def _uses_wildcard(listener: Listener, known: set[Place]) -> bool:
    places = [(listener.protocol, listener.port, address) for address in _resolve(listener)]
    return any(_find_wildcard(place) in known - {place} for place in places)


def report_drift(drift: SocketDrift, *, is_running: bool = True) -> list[str]:
    """Return a readable line for each difference; if Kong is not running, one line for all missing listeners."""
    lines = [f"{listener.name}: no process listens on {listener}" for listener in drift.missing]
    if lines and not is_running:
        which = f"none of its {len(lines)} listeners is open" if len(lines) > 1 else "its listener is not open"
        lines = [f"Kong is not running: {which}"]
    return lines + [f"{sock} ({sock.process or 'unknown program'}) is not in the plan" for sock in drift.unexpected]


def find_kong_sockets(sockets: Sockets) -> list[Socket]:
    """Return the sockets of Kong; none if no Kong was found, even if another nginx runs."""
    return [sock for sock in sockets.all if sockets.unit and sock.unit == sockets.unit]


def find_others(listeners: Iterable[Listener], sockets: Sockets) -> list[Socket]:
    """Return the sockets of other programs on the ports of the listeners."""
    ports = {(listener.protocol, listener.port) for listener in listeners}
    return [
        sock for sock in sockets.all if (sock.protocol, sock.port) in ports and not _may_be_kongs(sock, sockets.unit)
    ]


def find_taken(listeners: Sequence[Listener], sockets: Sockets) -> list[Socket]:
    """Return the tcp sockets of other programs that certainly keep Kong from opening a listener.

    An address and the wildcard of its family exclude each other on a port, because both listen (bind(2)). A socket at [::] may
    exclude IPv4 too.
    """
    wanted = {(listener.port, address) for listener in listeners for address in _resolve(listener)}
    return [
        sock
        for sock in find_others(listeners, sockets)
        if sock.protocol == "tcp"
        and any(sock.port == port and _exclude(sock.address, address) for port, address in wanted)
    ]


def _exclude(address: str, other: str) -> bool:
    return address == other or ((":" in address) == (":" in other) and bool({address, other} & {ANY4, ANY6}))


def _resolve(listener: Listener) -> tuple[str, ...]:
    """Return the address of a listener as a tuple, which is empty if this host cannot resolve its name."""
    text = _WILDCARDS.get(listener.address, listener.address).strip("[]")
    with suppress(ValueError):
        return (str(ipaddress.ip_address(text)),)
    with suppress(OSError):
        return (str(socket.getaddrinfo(text, None)[0][4][0]),)
    return ()


def _is_present(place: Place, known: set[Place], present: set[Place], own: set[Place]) -> bool:
    """Tell whether a planned place is open. `own` are the places with a socket of their own next to a wildcard."""
    wildcard = _find_wildcard(place)
    if place in present or place == wildcard or place in own:
        return place in present
    return wildcard in known and wildcard in present


def _find_wildcard(place: Place) -> Place:
    """Return the wildcard of a place. If it is planned too, nginx opens only the wildcard (measured with nginx 1.22)."""
    protocol, port, address = place
    return protocol, port, ANY6 if ":" in address else ANY4


def _may_be_kongs(sock: Socket, unit: str) -> bool:
    """Tell whether a socket belongs to Kong or to an unknown program."""
    return sock.process is None or bool(unit and sock.unit == unit)


def _serves_ipv4(sock: Socket, known: set[Place]) -> bool:
    """Tell whether a socket at [::] accepts the packets of a listener at 0.0.0.0."""
    return sock.has_both_families and (sock.protocol, sock.port, ANY4) in known

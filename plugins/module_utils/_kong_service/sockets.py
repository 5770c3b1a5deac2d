# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the open sockets of a host with their programs, and compares them with the listeners of a plan.

The source is /proc (proc_net_tcp in the kernel's documentation, proc(5)), so no program is needed.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import find_kongs
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import (
    PROC,
    find_descendants,
    find_started_by_hand,
    find_unit,
    list_processes,
    read_program,
)

_FILES = {"tcp": ("tcp", "tcp6"), "udp": ("udp", "udp6")}
_OPEN = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN; the state of a udp socket is "closed" until it has a peer
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_WILDCARDS = {"*": "0.0.0.0"}
_ANY4, _ANY6 = "0.0.0.0", "::"
_Place = tuple[str, int, str]  # protocol, port, address


@dataclass(frozen=True)
class Socket:
    """An open socket; `process` is the program's name and `unit` its systemd unit, None if unknown.

    If Kong runs without a unit, `unit` is Kong's prefix.
    """

    protocol: str
    port: int
    address: str
    process: str | None = None
    unit: str | None = None

    def __str__(self) -> str:
        where = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol} {where}:{self.port}"


@dataclass(frozen=True)
class Listener:
    """A planned listener. Its address is written as in Kong's setting: an address, `*`, or a name of this host."""

    name: str
    protocol: str
    port: int
    address: str

    def __str__(self) -> str:
        return str(Socket(self.protocol, self.port, self.address))


@dataclass(frozen=True)
class SocketDrift:
    """The missing listeners, and the sockets of Kong or on its ports that are not in the plan."""

    missing: tuple[Listener, ...]
    unexpected: tuple[Socket, ...]


@dataclass(frozen=True)
class Sockets:
    """The sockets of a host, and the `unit` of Kong's sockets; empty if no Kong was found."""

    all: tuple[Socket, ...]
    unit: str


def read_sockets(unit: str = "", prefix: str = "", proc: Path = PROC) -> Sockets:
    """Return the sockets of this network namespace. Raises OSError for an unreadable /proc.

    The sockets of `unit` belong to Kong. Without a unit, the sockets of the Kong with this prefix belong to Kong, and if there is
    none, those of every other Kong.
    """
    by_hand = _find_by_hand(prefix, proc) if prefix and not unit else frozenset()
    owners = _read_owners(proc, dict.fromkeys(by_hand, prefix))
    found = {
        Socket(protocol, port, address, *owners.get(inode, (None, None)))
        for protocol, names in _FILES.items()
        for name in names
        for address, port, inode in _read_table(proc / "net" / name, _OPEN[protocol])
    }
    ordered = sorted(found, key=lambda sock: (sock.port, sock.protocol, sock.address, sock.process or ""))
    return Sockets(tuple(ordered), unit or (prefix if by_hand else ""))


def _find_by_hand(prefix: str, proc: Path) -> frozenset[str]:
    return find_started_by_hand(prefix, proc) or find_descendants(find_kongs(proc), proc)


def compare(listeners: Sequence[Listener], sockets: Sockets) -> SocketDrift:
    """Compare the planned listeners with the sockets.

    Sockets on a loopback address are never unexpected. Sockets of other programs are unexpected only on ports of Kong.
    """
    present, unit = sockets.all, sockets.unit
    kongs = {(sock.protocol, sock.port, sock.address) for sock in present if _may_be_kongs(sock, unit)}
    wanted = {
        listener: {(listener.protocol, listener.port, address) for address in _resolve(listener)}
        for listener in listeners
    }
    known = {place for places in wanted.values() for place in places}
    missing = [listener for listener, places in wanted.items()
               if not all(_is_present(place, known, kongs) for place in places)]  # fmt: skip
    ports = {(listener.protocol, listener.port) for listener in listeners}
    unexpected = [
        sock
        for sock in present
        if not (_may_be_kongs(sock, unit) and (sock.protocol, sock.port, sock.address) in known)
        and (sock.unit == unit or (sock.protocol, sock.port) in ports)
        and not _is_loopback(sock.address)
        and not (_may_be_kongs(sock, unit) and _serves_ipv4(sock, known))
    ]
    return SocketDrift(tuple(missing), tuple(unexpected))


def report(drift: SocketDrift, *, is_running: bool = True) -> list[str]:
    """Return a readable line for each difference; if Kong is not running, one line for all missing listeners."""
    lines = [f"{listener.name}: no process listens on {listener}" for listener in drift.missing]
    if lines and not is_running:
        lines = [f"Kong is not running: none of its {len(lines)} listeners is open"]
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


def _exclude(one: str, other: str) -> bool:
    return one == other or ((":" in one) == (":" in other) and bool({one, other} & {_ANY4, _ANY6}))


def _resolve(listener: Listener) -> tuple[str, ...]:
    """Return the address of a listener as a tuple, which is empty if this host cannot resolve its name."""
    text = _WILDCARDS.get(listener.address, listener.address).strip("[]")
    with suppress(ValueError):
        return (str(ipaddress.ip_address(text)),)
    with suppress(OSError):
        return (str(socket.getaddrinfo(text, None)[0][4][0]),)
    return ()


def _is_present(place: _Place, known: set[_Place], present: set[_Place]) -> bool:
    protocol, port, address = place
    if place in present:
        return True
    if address == _ANY4:
        # A socket at [::] accepts IPv4 too. If that is disabled, Kong has another socket for IPv4.
        return (protocol, port, _ANY6) in present
    # If a wildcard and an address of its family are planned, nginx opens only the wildcard (measured with nginx 1.22).
    wildcard = (protocol, port, _ANY6 if ":" in address else _ANY4)
    return address != _ANY6 and wildcard in known and _is_present(wildcard, known, present)


def _may_be_kongs(sock: Socket, unit: str) -> bool:
    """Tell whether a socket belongs to Kong or to an unknown program."""
    return sock.process is None or bool(unit and sock.unit == unit)


def _serves_ipv4(sock: Socket, known: set[_Place]) -> bool:
    """Tell whether a socket at [::] accepts the packets of a listener at 0.0.0.0."""
    return sock.address == _ANY6 and (sock.protocol, sock.port, _ANY4) in known


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _read_table(path: Path, state: str) -> Iterator[tuple[str, int, str]]:
    """Yield address, port and inode of the sockets in a state; a kernel without IPv6 has no file for it."""
    with suppress(FileNotFoundError):
        for line in path.read_text(encoding="ascii").splitlines()[1:]:
            words = line.split()
            if words[3] == state:
                address, _colon, port = words[1].partition(":")
                yield _parse_address(address), int(port, 16), words[9]


def _parse_address(digits: str) -> str:
    """Return the address from the kernel's format: words of 32 bits, each in the byte order of the host."""
    words = (bytes.fromhex(digits[start : start + 8]) for start in range(0, len(digits), 8))
    packed = b"".join(word[::-1] if _LITTLE else word for word in words)
    return str(ipaddress.ip_address(packed))


_LITTLE = socket.htons(1) != 1


def _read_owners(proc: Path, by_hand: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Return program and unit by the inode of each socket of a process. Processes that end during the call are ignored."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for process in list_processes(proc):
        with suppress(OSError):
            inodes = list(_read_inodes(process))
            owner = (read_program(process), by_hand.get(process.name) or find_unit(process))
            found.update(dict.fromkeys(inodes, owner) if inodes else {})
    return found


def _read_inodes(process: Path) -> Iterator[str]:
    for handle in (process / "fd").iterdir():
        with suppress(OSError):
            match = _SOCKET.fullmatch(str(handle.readlink()))
            if match:
                yield match[1]


def socket_to_data(sock: Socket) -> dict[str, t.Any]:
    """Return a socket as plain data."""
    return {
        "protocol": sock.protocol,
        "address": sock.address,
        "port": sock.port,
        "process": sock.process,
        "unit": sock.unit,
    }


def parse_listeners(data: Iterable[Mapping[str, t.Any]]) -> tuple[Listener, ...]:
    """Return the listeners of a plan, with a listener for each protocol."""
    return tuple(
        Listener(entry["name"], protocol, entry["port"], entry["address"])
        for entry in data
        for protocol in entry["protocols"]
    )


def socket_to_listener(sock: Socket) -> dict[str, t.Any]:
    """Return a socket in the form of a plan's listeners."""
    name = sock.process or "unknown program"
    return {"name": name, "protocols": [sock.protocol], "port": sock.port, "address": sock.address}

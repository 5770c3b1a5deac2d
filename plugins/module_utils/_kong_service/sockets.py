# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which sockets of a host take connections or packets, and whose they are; and how they differ from a plan's listeners.

Read from /proc (proc_net_tcp in the kernel's documentation, proc(5)), so no program is needed.
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

from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import (
    PROC,
    PROGRAMS,
    processes,
    program,
    started_by_hand,
    unit_of,
)

_FILES = {"tcp": ("tcp", "tcp6"), "udp": ("udp", "udp6")}
_TAKES = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN; udp is "closed" until it is connected to one peer
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_WILDCARDS = {"*": "0.0.0.0"}
_ANY4, _ANY6 = "0.0.0.0", "::"


@dataclass(frozen=True)
class Socket:
    """A socket that anybody may address; `process` is the program's name and `unit` its systemd unit, where known.

    Of a Kong that runs without a unit, `unit` is its prefix.
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
    """What should listen: address as in Kong's setting, that is an address, `*`, or a name of this host."""

    name: str
    protocol: str
    port: int
    address: str

    def __str__(self) -> str:
        return str(Socket(self.protocol, self.port, self.address))


@dataclass(frozen=True)
class SocketDrift:
    """Listeners that nothing listens for, and sockets of Kong's, or on its ports, that the plan does not have."""

    missing: tuple[Listener, ...]
    unexpected: tuple[Socket, ...]


@dataclass(frozen=True)
class Sockets:
    """The sockets of a host, and by which `unit` Kong's are known; empty where nothing but the program's name tells."""

    all: tuple[Socket, ...]
    unit: str


def read_sockets(unit: str = "", prefix: str = "", proc: Path = PROC) -> Sockets:
    """The sockets of this network namespace; OSError where /proc cannot be read.

    Kong's are those of its unit. Where it has none, they are those of the Kong that runs with this prefix.
    """
    by_hand = started_by_hand(prefix, proc) if prefix and not unit else frozenset()
    owners = _owners(proc, dict.fromkeys(by_hand, prefix))
    found = {
        Socket(protocol, port, address, *owners.get(inode, (None, None)))
        for protocol, names in _FILES.items()
        for name in names
        for address, port, inode in _open(proc / "net" / name, _TAKES[protocol])
    }
    ordered = sorted(found, key=lambda one: (one.port, one.protocol, one.address, one.process or ""))
    return Sockets(tuple(ordered), unit or (prefix if by_hand else ""))


def compare(listeners: Sequence[Listener], sockets: Sockets) -> SocketDrift:
    """Compare what should listen with what does.

    Sockets on a loopback address are not unexpected, and neither is what other programs have on ports that are not Kong's.
    """
    present, unit = sockets.all, sockets.unit
    kongs = tuple(one for one in present if _may_be_kongs(one, unit))
    wanted = {listener: _addresses(listener) for listener in listeners}
    missing = [listener for listener, addresses in wanted.items()
               if not all(_is_there(listener, address, kongs) for address in addresses)]  # fmt: skip
    known = {(listener.protocol, listener.port, address) for listener, them in wanted.items() for address in them}
    ports = {(listener.protocol, listener.port) for listener in listeners}
    unexpected = [
        one
        for one in present
        if not (_may_be_kongs(one, unit) and (one.protocol, one.port, one.address) in known)
        and (one.unit == unit or (one.protocol, one.port) in ports)
        and not _is_loopback(one.address)
        and not (_may_be_kongs(one, unit) and _stands_in(one, known))
    ]
    return SocketDrift(tuple(missing), tuple(unexpected))


def report(drift: SocketDrift) -> list[str]:
    """The differences, a line each, for people."""
    lines = [f"{one.name}: nothing listens on {one}" for one in drift.missing]
    return lines + [f"{one} ({one.process or 'unknown program'}) is not in the plan" for one in drift.unexpected]


def kongs(sockets: Sockets) -> list[Socket]:
    """The sockets that Kong has now: those of its unit, or without one those of the programs that it is made of."""
    unit = sockets.unit
    return [one for one in sockets.all if (one.unit == unit if unit else one.process in PROGRAMS)]


def overridden(settings: Mapping[str, str], variables: Mapping[str, str]) -> list[str]:
    """The names of variables that outrank settings of the file with another value."""
    wanted = {f"KONG_{name.upper()}": value for name, value in settings.items()}
    return sorted(name for name, value in variables.items() if name in wanted and value != wanted[name])


def _addresses(listener: Listener) -> tuple[str, ...]:
    """The addresses that a listener's name stands for; none where this host does not know the name."""
    text = _WILDCARDS.get(listener.address, listener.address).strip("[]")
    with suppress(ValueError):
        return (str(ipaddress.ip_address(text)),)
    with suppress(OSError):
        return (str(socket.getaddrinfo(text, None)[0][4][0]),)
    return ()


def _is_there(listener: Listener, address: str, present: tuple[Socket, ...]) -> bool:
    at_port = {one.address for one in present if (one.protocol, one.port) == (listener.protocol, listener.port)}
    # A socket at [::] takes IPv4 too, unless it is told not to; then there is another one for IPv4.
    return address in at_port or (address == _ANY4 and _ANY6 in at_port)


def _may_be_kongs(one: Socket, unit: str) -> bool:
    """Whether it is a socket of Kong's unit, without one of a program that Kong is made of, or of nobody known."""
    return one.process is None or (one.unit == unit if unit else one.process in PROGRAMS)


def _stands_in(one: Socket, known: set[tuple[str, int, str]]) -> bool:
    """Whether it is the socket at [::] that takes what should come to 0.0.0.0."""
    return one.address == _ANY6 and (one.protocol, one.port, _ANY4) in known


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _open(path: Path, state: str) -> Iterator[tuple[str, int, str]]:
    """Address, port and inode of the sockets in a state; a kernel without IPv6 has no files for it."""
    with suppress(FileNotFoundError):
        for line in path.read_text(encoding="ascii").splitlines()[1:]:
            words = line.split()
            if words[3] == state:
                address, _colon, port = words[1].partition(":")
                yield _address(address), int(port, 16), words[9]


def _address(digits: str) -> str:
    """An address as the kernel writes it: in words of 32 bits, each in the host's order of bytes."""
    words = (bytes.fromhex(digits[at : at + 8]) for at in range(0, len(digits), 8))
    packed = b"".join(word[::-1] if _LITTLE else word for word in words)
    return str(ipaddress.ip_address(packed))


_LITTLE = socket.htons(1) != 1


def _owners(proc: Path, by_hand: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Program and unit by the inode of each socket that a process holds; processes that end meanwhile hold none."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for process in processes(proc):
        with suppress(OSError):
            inodes = list(_inodes(process))
            who = (program(process), by_hand.get(process.name) or unit_of(process))
            found.update(dict.fromkeys(inodes, who) if inodes else {})
    return found


def _inodes(process: Path) -> Iterator[str]:
    for handle in (process / "fd").iterdir():
        with suppress(OSError):
            match = _SOCKET.fullmatch(str(handle.readlink()))
            if match:
                yield match[1]


def as_data(one: Socket) -> dict[str, t.Any]:
    """A socket as plain data."""
    return {
        "protocol": one.protocol,
        "address": one.address,
        "port": one.port,
        "process": one.process,
        "unit": one.unit,
    }


def listeners_of(data: Iterable[Mapping[str, t.Any]]) -> tuple[Listener, ...]:
    """Listeners as a plan holds them, one for each protocol."""
    return tuple(
        Listener(one["name"], protocol, one["port"], one["address"]) for one in data for protocol in one["protocols"]
    )


def as_listener(one: Socket) -> dict[str, t.Any]:
    """A socket in the form of a plan's listeners."""
    name = one.process or "unknown program"
    return {"name": name, "protocols": [one.protocol], "port": one.port, "address": one.address}

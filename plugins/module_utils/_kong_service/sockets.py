# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the open sockets of a host with their programs, and compares them with the listeners of a plan.

The source is /proc (proc_net_tcp in the kernel's documentation, proc(5)), so no program is needed.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import typing as t
from collections.abc import Iterable, Iterator, Mapping
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
# Flags of a listener that nginx sets on a socket (`bind` of ngx_http_listen_opt_t in src/http/ngx_http_core_module.c, and that of
# the stream module; measured with nginx 1.22).
_OWN_SOCKET = ("bind", "reuseport", "deferred", "transparent", "backlog=", "ipv6only=", "so_keepalive=")
ANY4, ANY6 = "0.0.0.0", "::"
Place = t.Tuple[str, int, str]  # protocol, port, address


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

    @property
    def is_loopback(self) -> bool:
        """True if only programs on the host can connect to the socket."""
        return ipaddress.ip_address(self.address).is_loopback

    @property
    def has_both_families(self) -> bool:
        """True if it accepts IPv4 at [::]. Sockets of Serf do; nginx sets ipv6only by default (ngx_http_core_listen)."""
        return self.address == ANY6 and self.process != "nginx"

    def __str__(self) -> str:
        where = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol} {where}:{self.port}"


@dataclass(frozen=True)
class Listener:
    """A planned listener. Its address is written as in Kong's setting: an address, `*`, or a name of this host.

    With `has_own_socket`, nginx opens a socket for its address even if a wildcard of its family is on the same port.
    """

    name: str
    protocol: str
    port: int
    address: str
    has_own_socket: bool = False

    def __str__(self) -> str:
        return str(Socket(self.protocol, self.port, self.address))


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
        Socket(protocol, row.port, row.address, *owners.get(row.inode, (None, None)))
        for protocol, names in _FILES.items()
        for name in names
        for row in read_table(proc / "net" / name, _OPEN[protocol])
    }
    ordered = sorted(found, key=lambda sock: (sock.port, sock.protocol, sock.address, sock.process or ""))
    return Sockets(tuple(ordered), unit or (prefix if by_hand else ""))


def _find_by_hand(prefix: str, proc: Path) -> frozenset[str]:
    return find_started_by_hand(prefix, proc) or find_descendants(find_kongs(proc), proc)


@dataclass(frozen=True)
class Row:
    """A row of a table of sockets: address and port of the own end and of the other end, and the inode."""

    address: str
    port: int
    peer: str
    peer_port: int
    inode: str


def read_table(path: Path, state: str) -> Iterator[Row]:
    """Yield the sockets in a state, a number of the kernel; a kernel without IPv6 has no file for it. Raises OSError."""
    with suppress(FileNotFoundError):
        for line in path.read_text(encoding="ascii").splitlines()[1:]:
            words = line.split()
            if words[3] == state:
                own, peer = words[1], words[2]
                yield Row(*_parse_end(own), *_parse_end(peer), words[9])


def _parse_end(text: str) -> t.Tuple[str, int]:
    """Return the address and the port of an end of a socket."""
    address, _colon, port = text.partition(":")
    return _parse_address(address), int(port, 16)


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
            match = _SOCKET.fullmatch(os.readlink(handle))
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
        Listener(entry["name"], protocol, entry["port"], entry["address"], _has_own_socket(entry.get("flags") or ()))
        for entry in data
        for protocol in entry["protocols"]
    )


def _has_own_socket(flags: Iterable[str]) -> bool:
    return any(flag.startswith(_OWN_SOCKET) for flag in flags)


def listener_to_data(listener: Listener) -> dict[str, t.Any]:
    """Return a planned listener as plain data."""
    return {
        "name": listener.name,
        "protocol": listener.protocol,
        "port": listener.port,
        "address": listener.address,
    }


def socket_to_listener(sock: Socket) -> dict[str, t.Any]:
    """Return a socket in the form of a plan's listeners."""
    name = sock.process or "unknown program"
    return {"name": name, "protocols": [sock.protocol], "port": sock.port, "address": sock.address}

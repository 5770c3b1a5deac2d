# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the kernel over netlink (netlink(7)), in the network namespace of whoever calls: that takes no process."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

NETFILTER, SOCK_DIAG, ROUTE = 12, 4, 0
EXCLUSIVE = 0x200  # refuse what is there already

_SECONDS = 30
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_NESTED = 0x8000
_KIND = 0x3FFF  # what of an attribute's type is its type
_UNKNOWN = {errno.EOPNOTSUPP, errno.ENOENT, errno.EINVAL}


def connect(protocol: int) -> socket.socket:
    """Return a socket to one part of the kernel, which has to answer in time."""
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    link.settimeout(_SECONDS)
    return link


def command(link: socket.socket, kind: int, body: bytes, flags: int = 0) -> None:
    """Have the kernel do something; OSError where it refuses."""
    _ask(link, kind, _ACK | flags, body)


def answered(link: socket.socket, kind: int, body: bytes) -> list[bytes]:
    """What the kernel answers to a question that is not for a list; OSError where it refuses."""
    return _ask(link, kind, _ACK, body)


def listed(link: socket.socket, kind: int, body: bytes) -> list[bytes]:
    """What the kernel lists; nothing where it keeps no such list, as without connection tracking."""
    try:
        return _ask(link, kind, _DUMP, body)
    except OSError as error:
        if error.errno in _UNKNOWN:
            return []
        raise


def _ask(link: socket.socket, kind: int, flags: int, body: bytes) -> list[bytes]:
    """What the kernel answers to one request; OSError where it refuses."""
    link.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | flags, 1, 0) + body)
    found: list[bytes] = []
    while True:
        data = link.recv(1 << 20)
        while data:
            length, answer, _flags, _sequence, _port = _HEADER.unpack_from(data)
            if answer == _ERROR:
                number = -struct.unpack_from("=i", data, _HEADER.size)[0]
                if number:
                    raise OSError(number, os.strerror(number))
            if answer in (_ERROR, _DONE):
                return found
            found.append(data[_HEADER.size : length])
            data = data[length + 3 & ~3 :]


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in a message, by type."""
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        yield kind & _KIND, data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3


def packed(kind: int, value: bytes, *, nested: bool = False) -> bytes:
    """An attribute for a message."""
    head = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind | (_NESTED if nested else 0))
    return head + value + bytes(-len(value) % 4)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A netlink client (netlink(7)). It queries the kernel in the caller's network namespace, without another process."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

NETFILTER, SOCK_DIAG, ROUTE = 12, 4, 0

_SECONDS = 30
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_KIND = 0x3FFF  # the bits of an attribute's type without its flags
_UNKNOWN = {errno.EOPNOTSUPP, errno.ENOENT, errno.EINVAL}


def connect(protocol: int) -> socket.socket:
    """Return a netlink socket for a protocol, with a time limit."""
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    link.settimeout(_SECONDS)
    return link


def query(link: socket.socket, kind: int, body: bytes) -> list[bytes]:
    """Return the kernel's answer to a request for a single object. An error of the kernel raises OSError."""
    return _ask(link, kind, _ACK, body)


def dump_objects(link: socket.socket, kind: int, body: bytes) -> list[bytes]:
    """Return the objects in a dump; none if the kernel does not know the kind, for example without connection tracking."""
    try:
        return _ask(link, kind, _DUMP, body)
    except OSError as error:
        if error.errno in _UNKNOWN:
            return []
        raise


def _ask(link: socket.socket, kind: int, flags: int, body: bytes) -> list[bytes]:
    """Return the messages that answer a request. An error of the kernel raises OSError."""
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


def parse_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the value of each attribute in a message."""
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        yield kind & _KIND, data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of the kernel's connection tracking, over netlink (linux/netfilter/nfnetlink_conntrack.h)."""

from __future__ import annotations

import ipaddress
import struct
import typing as t
from collections.abc import Callable
from contextlib import closing, suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._host.netlink import (
    NETFILTER,
    connect,
    dump_objects,
    parse_attributes,
    query,
)

_GET, _DELETE = 0x101, 0x102
_MESSAGE = struct.Struct("=BBH")  # family, version, resource
_ORIGINAL, _REPLY = 1, 2
_NESTED = 0x8000
_IP, _PROTOCOL = 1, 2
_SOURCES, _DESTINATIONS = (1, 3), (2, 4)
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_NAMES = {6: "tcp", 17: "udp"}
_HEADER = struct.Struct("=HH")  # length, type


class Flow(t.NamedTuple):
    """A tracked flow over tcp or udp: the dialled address and port, and the address and port that reply."""

    protocol: str
    dialled: tuple[str, int]
    replies: tuple[str, int]


def end_flows(is_stale: Callable[[Flow], bool]) -> int:
    """End the tracked flows for which the function is true, and return their number. An error of the kernel raises OSError."""
    ended = 0
    with closing(connect(NETFILTER)) as link:
        for message in dump_objects(link, _GET, _MESSAGE.pack(0, 0, 0)):
            family, _version, _resource = _MESSAGE.unpack_from(message)
            parts = dict(parse_attributes(message[_MESSAGE.size :]))
            flow = _parse_flow(parts)
            if flow and is_stale(flow):
                with suppress(FileNotFoundError):  # it has ended in between
                    query(link, _DELETE, _MESSAGE.pack(family, 0, 0) + _make_nested(_ORIGINAL, parts[_ORIGINAL]))
                    ended += 1
    return ended


def _parse_flow(parts: t.Mapping[int, bytes]) -> Flow | None:
    """Return the flow of a message, None for other protocols."""
    original, reply = (
        {kind: dict(parse_attributes(value)) for kind, value in parse_attributes(parts[direction])}
        for direction in (_ORIGINAL, _REPLY)
    )
    protocol = _NAMES.get(original[_PROTOCOL][_NUMBER][0])
    if protocol is None:
        return None
    return Flow(
        protocol,
        (_select(original[_IP], _DESTINATIONS), _parse_port(original[_PROTOCOL][_DESTINATION_PORT])),
        (_select(reply[_IP], _SOURCES), _parse_port(reply[_PROTOCOL][_SOURCE_PORT])),
    )


def _select(addresses: t.Mapping[int, bytes], kinds: tuple[int, int]) -> str:
    """Return the address of one of two kinds, for IPv4 and IPv6."""
    return str(ipaddress.ip_address(next(addresses[kind] for kind in kinds if kind in addresses)))


def _parse_port(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _make_nested(kind: int, value: bytes) -> bytes:
    """Return a nested attribute."""
    return _HEADER.pack(_HEADER.size + len(value), kind | _NESTED) + value

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listing and changing ipsets over netlink instead of ipset (linux/netfilter/ipset/ip_set.h), with the lines of ipset(8).

Only the kind of set that this collection creates is supported. If a set with one of our names is of another kind, `save_sets`
returns None, and the caller must run ipset.
"""

from __future__ import annotations

import os
import socket
import struct
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.netlink import (
    EXCLUSIVE,
    NETFILTER,
    connect,
    dump_objects,
    pack,
    parse_attributes,
    send_command,
)

_CREATE, _DESTROY, _SWAP, _LIST, _ADD = (6 << 8 | kind for kind in (2, 3, 6, 7, 9))
_NETWORK_ORDER = 0x4000
_PROTOCOL, _NAME, _TYPE, _REVISION, _FAMILY, _FLAGS, _DATA, _ENTRIES, _LINE = range(1, 10)
_OTHER_NAME = _TYPE  # of a swap
_ADDRESS, _LENGTH, _MAXELEM = 1, 3, 19
_NAMES_ONLY = 2
_KIND = "hash:net"
# The protocol of Linux 2.6.39, and the revision of hash:net in Linux 3.19. All versions of ipset support them.
_SIX, _HASH_NET_SIX = b"\6", b"\6"
_FAMILIES = {family.inet: family.number for family in FAMILY.values()}
# Attributes of a set: maxelem, and attributes that do not affect its content (hashsize, bucketsize, initval, statistics).
_KNOWN = {17, 18, _MAXELEM, 21, 24, 25, 26}
_TOGETHER = 1000  # entries in a message, whose size is limited to 64 KiB
_BUSY = 4100
_ERRORS = {4099: "there are too many sets", _BUSY: "it is in use by a kernel component", 4103: "it exists already"}


class SetsError(Exception):
    """A line that the kernel rejected. The lines before it were executed."""

    def __init__(self, number: int, line: str, code: int) -> None:
        super().__init__(f"the kernel rejects `{line}`: {_ERRORS.get(code) or os.strerror(code)}")
        self.number = number
        self.busy = code == _BUSY


def save_sets(prefixes: t.Sequence[str]) -> str | None:
    """Return the output of `ipset save` for sets with these prefixes; None if a set is not of the supported kind."""
    with connect(NETFILTER) as link:
        messages = dump_objects(
            link, _LIST, _pack_message(pack(_FLAGS | _NETWORK_ORDER, struct.pack("!I", _NAMES_ONLY)))
        )
        names = [_parse_text(dict(parse_attributes(message[4:]))[_NAME]) for message in messages]
        texts = [
            _parse_set(dump_objects(link, _LIST, _pack_message(_pack_name(name))))
            for name in names
            if name.startswith(tuple(prefixes))
        ]
    return None if None in texts else "".join(text for text in texts if text)


def change(lines: t.Sequence[str]) -> None:
    """Execute lines as `ipset restore` does: create, add, swap and destroy. Raises SetsError."""
    with connect(NETFILTER) as link:
        for number, kind, body in _parse_commands(lines):
            try:
                send_command(link, kind, _pack_message(body), EXCLUSIVE)
            except OSError as error:
                raise SetsError(number, lines[number], error.errno or 0) from error


def _parse_commands(lines: t.Sequence[str]) -> t.Iterator[tuple[int, int, bytes]]:
    """Yield the first line, the kind and the attributes of each command. Successive `add` lines become one command."""
    entries: list[bytes] = []
    for number, line in enumerate(lines):
        word, name, *rest = line.split()
        if word == "add":
            entries.append(pack(_DATA, _pack_entry(rest[0]), nested=True))
            continues = number + 1 < len(lines) and lines[number + 1].startswith(f"add {name} ")
            if not continues or len(entries) == _TOGETHER:
                place = pack(_LINE | _NETWORK_ORDER, bytes(4))
                yield (
                    number + 1 - len(entries),
                    _ADD,
                    _pack_name(name) + place + pack(_ENTRIES, b"".join(entries), nested=True),
                )
                entries.clear()
        elif word == "create":
            _kind, _word, family, _maxelem, limit = rest
            limits = pack(_MAXELEM | _NETWORK_ORDER, struct.pack("!I", int(limit)))
            kind = pack(_TYPE, _KIND.encode() + b"\0") + pack(_REVISION, _HASH_NET_SIX)
            yield (
                number,
                _CREATE,
                b"".join(
                    (
                        _pack_name(name),
                        kind,
                        pack(_FAMILY, bytes([_FAMILIES[family]])),
                        pack(_DATA, limits, nested=True),
                    )
                ),
            )
        elif word == "swap":
            yield number, _SWAP, _pack_name(name) + pack(_OTHER_NAME, rest[0].encode() + b"\0")
        else:
            yield number, _DESTROY, _pack_name(name)


def _pack_message(body: bytes) -> bytes:
    return struct.pack("!BBH", socket.AF_INET, 0, 0) + pack(_PROTOCOL, _SIX) + body


def _pack_name(name: str) -> bytes:
    return pack(_NAME, name.encode() + b"\0")


def _pack_entry(network: str) -> bytes:
    address, _slash, length = network.partition("/")
    number, family = (2, socket.AF_INET6) if ":" in address else (1, socket.AF_INET)
    inner = pack(number | _NETWORK_ORDER, socket.inet_pton(family, address))
    return pack(_ADDRESS, inner, nested=True) + (pack(_LENGTH, bytes([int(length)])) if length else b"")


# The bytes before an address, by its size. Comparing them is ten times faster than parsing them.
_BEFORE = {size: pack(_ADDRESS, pack(number, bytes(size)), nested=True)[:8] for size, number in ((4, 1), (16, 2))}
_BETWEEN = pack(_LENGTH, b"\0")[:4]
_AROUND_ADDRESS = 16


def _parse_set(messages: t.Iterable[bytes]) -> str | None:
    """Return the lines of a set, or None. A set can have several messages; the first has its options."""
    lines = []
    for message in messages:
        values = dict(parse_attributes(message[4:]))
        name = _parse_text(values[_NAME])
        if _DATA in values:
            head = dict(parse_attributes(values[_DATA]))
            family = next((word for word, number in _FAMILIES.items() if values[_FAMILY] == bytes([number])), None)
            if _parse_text(values[_TYPE]) != _KIND or not family or not {*head} <= _KNOWN:
                return None
            lines.append(f"create {name} {_KIND} family {family} maxelem {struct.unpack('!I', head[_MAXELEM])[0]}\n")
        for _data, entry in parse_attributes(values.get(_ENTRIES, b"")):
            network = _parse_network(entry)
            if network is None:
                return None
            lines.append(f"add {name} {network}\n")
    return "".join(lines)


def _parse_network(entry: bytes) -> str | None:
    """Return the network of an entry; None if the entry has more attributes, such as `nomatch`."""
    size = len(entry) - _AROUND_ADDRESS
    if entry[:8] != _BEFORE.get(size) or entry[8 + size : 12 + size] != _BETWEEN:
        return None
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    return f"{socket.inet_ntop(family, entry[8 : 8 + size])}/{entry[12 + size]}"


def _parse_text(value: bytes) -> str:
    return value.rstrip(b"\0").decode()

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of systemd on its private socket, with the messages of D-Bus."""

from __future__ import annotations

import os
import socket
import struct
import typing as t

_OBJECT = "/org/freedesktop/systemd1"
_CALL, _ANSWER, _ERROR = 1, 2, 3
# Longer than systemd's own limit for the start of a unit: 90 seconds (DefaultTimeoutStartSec).
SECONDS = 120
_ALIGNMENT = {"y": 1, "g": 1, "v": 1, "t": 8, "(": 8}  # 4 for all other types
_NUMBERS = {"y": "<B", "b": "<I", "u": "<I", "t": "<Q"}


class SystemdError(Exception):
    """A call that systemd rejected, with systemd's own message."""


def open_link(path: str) -> socket.socket:
    """Return a connection with systemd, whose calls end after SECONDS. Raises OSError if systemd does not answer."""
    link = socket.socket(socket.AF_UNIX)
    try:
        link.settimeout(SECONDS)
        link.connect(path)
        _authenticate(link)
    except OSError:
        link.close()
        raise
    return link


def _authenticate(link: socket.socket) -> None:
    # Send BEGIN before the answer. If systemd read BEGIN together with the first call, it would wait for more data.
    link.sendall(b"\0AUTH EXTERNAL %s\r\nBEGIN\r\n" % str(os.geteuid()).encode().hex().encode())
    answer = b""
    # Read only the first line, because signals about other units can follow it directly.
    while not answer.endswith(b"\r\n"):
        answer += _receive(link, 1)
    if not answer.startswith(b"OK "):
        raise OSError(f"systemd rejected the authentication of this user: {answer!r}")


def call_method(
    link: socket.socket, interface: str, member: str, signature: str = "", *values: t.Any, to: str = _OBJECT
) -> str:
    """Call a method. Return the first value of the answer: a text, or "yes" or "" for a boolean.

    Raises SystemdError if systemd rejects the call.
    """
    body = bytearray()
    _put_all(body, signature, values)
    fields = [(1, ("o", to)), (2, ("s", interface)), (3, ("s", member))]
    fields += [(8, ("g", signature))] if signature else []
    head = bytearray()
    _put_all(head, "yyyyuua(yv)", (ord("l"), _CALL, 0, 1, len(body), 1, fields))
    _pad(head, 8)
    link.sendall(head + body)
    kind, text = _receive_answer(link)
    if kind == _ERROR:
        raise SystemdError(text)
    return text


def _receive_answer(link: socket.socket) -> tuple[int, str]:
    kind = 0
    while kind not in (_ANSWER, _ERROR):  # signals can precede the answer
        fixed = _receive(link, 16)
        order = "<" if fixed[:1] == b"l" else ">"
        kind = fixed[1]
        length, _serial, fields = struct.unpack(f"{order}III", fixed[4:])
        body = _receive(link, (fields + 7 & ~7) + length)[fields + 7 & ~7 :]
    variant, body = (body[:3], body[4:]) if body[:1] == b"\1" else (b"", body)
    number = struct.unpack_from(f"{order}I", body)[0] if body else 0
    if variant == b"\1b\0":
        return kind, "yes" if number else ""
    return kind, body[4 : 4 + number].decode(errors="replace")


def _receive(link: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = link.recv(length - len(data))
        if not more:
            raise OSError("systemd closed the connection")
        data += more
    return data


def _put_all(out: bytearray, signature: str, values: t.Iterable[t.Any]) -> None:
    for value in values:
        kind, signature = _split_signature(signature)
        _put(out, kind, value)


def _put(out: bytearray, kind: str, value: t.Any) -> None:
    """Append a value of one type. The value of a variant is a pair of its type and its value."""
    _pad(out, _ALIGNMENT.get(kind[0], 4))
    if kind in _NUMBERS:
        out += struct.pack(_NUMBERS[kind], value)
    elif kind in "sog":
        text = value.encode()
        out += struct.pack("<B" if kind == "g" else "<I", len(text)) + text + b"\0"
    elif kind == "v":
        _put(out, "g", value[0])
        _put(out, *value)
    elif kind[0] == "(":
        _put_all(out, kind[1:-1], value)
    else:
        at = len(out)
        out += bytes(4)
        _pad(out, _ALIGNMENT.get(kind[1], 4))
        start = len(out)
        for element in value:
            _put(out, kind[1:], element)
        struct.pack_into("<I", out, at, len(out) - start)


def _split_signature(signature: str) -> tuple[str, str]:
    """Return the first complete type of a signature, and the rest."""
    end = 0
    while signature[end] == "a":
        end += 1
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(signature[end], 0)
        end += 1
        if not depth:
            return signature[:end], signature[end:]


def _pad(out: bytearray, alignment: int) -> None:
    out += bytes(-len(out) % alignment)

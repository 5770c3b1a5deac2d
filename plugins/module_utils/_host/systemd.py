# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client for systemd's private socket, which systemctl and systemd-run use as root. It needs no other process.

The protocol is D-Bus (the D-Bus specification, "Message Protocol") without a bus: one call at a time. The methods are
described in org.freedesktop.systemd1(5). If the socket is missing, systemctl and systemd-run are used.
"""

from __future__ import annotations

import os
import socket
import struct
import time
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError

SOCKET = "/run/systemd/private"

_OBJECT = "/org/freedesktop/systemd1"
_MANAGER, _JOB, _UNIT = (f"org.freedesktop.systemd1.{name}" for name in ("Manager", "Job", "Unit"))
_CALL, _ANSWER, _ERROR = 1, 2, 3
# Longer than systemd's own limit for the start of a unit: 90 seconds (DefaultTimeoutStartSec).
_SECONDS = 120
_PAUSE = 0.01
# The text of EBUSY: if the file of an active unit was removed, systemd loads the unit again only after a stop.
_BUSY = "Device or resource busy"
_ALIGNMENT = {"y": 1, "g": 1, "v": 1, "t": 8, "(": 8}  # 4 for all other types
_NUMBERS = {"y": "<B", "b": "<I", "u": "<I", "t": "<Q"}
_COLLECT = ("CollectMode", ("s", "inactive-or-failed"))


class SystemdError(Exception):
    """A call that systemd rejected, with systemd's own message."""


def start(host: Host, unit: str, changed: t.Sequence[str]) -> None:
    """Start a unit with a new file. `changed` are units with a new drop-in. Raises HostError."""
    try:
        host.call(start_new, str(host.locate(SOCKET)), unit, changed)
    except socket.timeout as error:
        raise HostError(_explain_timeout(f"start of {unit}")) from error
    except OSError:
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "start", unit)
    except SystemdError as error:
        if _BUSY not in str(error):
            raise HostError(f"systemd did not start {unit}: {error}") from error
        host.run("systemctl", "stop", unit)
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "start", unit)


def schedule(host: Host, name: str, description: str, seconds: int, shell: str) -> None:
    """Make systemd run a command with /bin/sh after some seconds. Raises HostError."""
    try:
        host.call(start_timer, str(host.locate(SOCKET)), name, description, seconds, shell)
    except socket.timeout as error:
        raise HostError(_explain_timeout(f"timer {name}")) from error
    except OSError:
        host.run(
            "systemd-run", "--quiet", "--collect", f"--unit={name}", f"--description={description}",
            f"--on-active={seconds}s", "--timer-property=AccuracySec=100ms", "/bin/sh", "-c", shell,
        )  # fmt: skip
    except SystemdError as error:
        raise HostError(f"systemd did not create the timer {name}: {error}") from error


def _explain_timeout(what: str) -> str:
    return f"systemd did not complete the {what} within {_SECONDS} seconds. See `systemctl list-jobs`"


def start_new(path: str, unit: str, changed: t.Sequence[str]) -> None:
    """Start a unit and wait for the end of the start job.

    Raises OSError if systemd does not answer at the path or in time, SystemdError if the unit does not start. systemd
    reloads all unit files only if one of these units was loaded before, because a reload takes a quarter of a second.
    """
    with _connect(path) as link:
        if any(_needs_reload(link, name) for name in (unit, *changed)):
            _call(link, _MANAGER, "Reload")
        job = _call(link, _MANAGER, "StartUnit", "ss", unit, "replace")
        deadline = time.monotonic() + _SECONDS
        try:
            while _get(link, job, _JOB, "State"):
                if time.monotonic() > deadline:
                    raise socket.timeout
                time.sleep(_PAUSE)
        except SystemdError:
            pass  # systemd removes a finished job
        state = _get(link, _call(link, _MANAGER, "LoadUnit", "s", unit), _UNIT, "ActiveState")
    if state != "active":
        raise SystemdError(f"its state is {state}. See `systemctl status {unit}`")


def _needs_reload(link: socket.socket, unit: str) -> bool:
    return bool(_get(link, _call(link, _MANAGER, "LoadUnit", "s", unit), _UNIT, "NeedDaemonReload"))


def _get(link: socket.socket, of: str, interface: str, name: str) -> str:
    return _call(link, "org.freedesktop.DBus.Properties", "Get", "ss", interface, name, to=of)


def start_timer(path: str, name: str, description: str, seconds: int, shell: str) -> None:
    """Create the same timer and service as `systemd-run --on-active --collect`. Raises OSError as start_new does."""
    both = [("Description", ("s", description)), _COLLECT]
    timer = [
        *both,
        ("TimersMonotonic", ("a(st)", [("OnActiveSec", seconds * 1_000_000)])),
        ("AccuracyUSec", ("t", 100_000)),
        ("RemainAfterElapse", ("b", False)),
    ]
    service = [*both, ("ExecStart", ("a(sasb)", [("/bin/sh", ["/bin/sh", "-c", shell], False)]))]
    with _connect(path) as link:
        _call(link, _MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))",
              f"{name}.timer", "fail", timer, [(f"{name}.service", service)])  # fmt: skip


def _connect(path: str) -> socket.socket:
    link = socket.socket(socket.AF_UNIX)
    try:
        link.settimeout(_SECONDS)
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


def _call(
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

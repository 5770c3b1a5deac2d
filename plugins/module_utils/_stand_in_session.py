# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listens in Kong's place for a while, as a process of its own whose program is the text of this file.

Whatever becomes of who started it, its alarm ends it. A port in use stays with who has it: only a port that nobody
listens on can be bound. A connection is accepted and closed, and a memberlist ping is answered, so that gossip over udp
is seen to get through.
"""

import json
import os
import selectors
import signal
import socket
import struct
import sys
import typing as t

Listener = t.Dict[str, t.Any]

_LARGEST = 65535
# Of msgpack's unsigned integers: type byte, and how struct calls them.
_INTEGERS = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}
_SEQUENCE = b"\xa5SeqNo"


def main(request: t.Dict[str, t.Any]) -> int:
    """Bind what can be bound of `listeners`, print it as JSON, and serve for `seconds` or until told to stop."""
    signal.alarm(request["seconds"])
    bound = [(one, *_bind(one)) for one in request["listeners"]]
    control = _control(request["control"])
    told = {"pid": os.getpid(), "stood_in": [one for one, sock, _why in bound if sock],
            "left_out": [dict(one, reason=why) for one, sock, why in bound if not sock]}  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    # Who started this waits for the end of what it prints.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        if told["stood_in"]:
            _serve([sock for _one, sock, _why in bound if sock], control)
    finally:
        os.unlink(request["control"])
    return 0


def _bind(listener: Listener) -> t.Tuple[t.Optional[socket.socket], str]:
    family = socket.AF_INET6 if ":" in listener["address"] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM if listener["protocol"] == "udp" else socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(listener["only_ipv6"]))
        if listener["protocol"] == "tcp":
            # Past connections in TIME_WAIT do not matter; socket(7): one that listens keeps others out all the same.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((listener["address"], listener["port"]))
        if listener["protocol"] == "tcp":
            sock.listen(128)
    except OSError as error:
        sock.close()
        return None, error.strerror or str(error)
    sock.setblocking(False)
    return sock, ""


def _control(path: str) -> socket.socket:
    """A socket in the file system that only its owner may use; what connects to it is waiting for the end."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(path)
    finally:
        os.umask(mask)
    sock.listen(8)
    return sock


def _serve(sockets: t.List[socket.socket], control: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        for one in (*sockets, control):
            selector.register(one, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _events in selector.select()}
            if control.fileno() in ready:
                return
            for sock in sockets:
                if sock.fileno() in ready:
                    _answer(sock)


def _answer(sock: socket.socket) -> None:
    try:
        if sock.type == socket.SOCK_STREAM:
            sock.accept()[0].close()
            return
        packet, sender = sock.recvfrom(_LARGEST)
        reply = ack_of(packet)
        if reply:
            sock.sendto(reply, sender)
    except OSError:
        # Who asked is gone, or unreachable: nothing to be done for it.
        return


def ack_of(packet: bytes) -> t.Optional[bytes]:
    """The ack to a ping of memberlist, as hashicorp/memberlist's net.go has both; None for anything else."""
    if packet[:1] != b"\0" or _SEQUENCE not in packet:
        return None
    rest = packet.split(_SEQUENCE, 1)[1]
    first = rest[0] if rest else 0xFF
    layout = _INTEGERS.get(first)
    if first > 0x7F and not layout:
        return None
    try:
        number = struct.unpack_from(layout, rest, 1)[0] if layout else first
    except struct.error:
        return None
    return b"\x02\x82" + _SEQUENCE + b"\xce" + struct.pack(">I", number & 0xFFFFFFFF) + b"\xa7Payload\xc0"

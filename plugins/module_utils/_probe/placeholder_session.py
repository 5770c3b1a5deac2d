# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The placeholder process: it listens in place of Kong for a limited time. Its program is the text of this file.

An alarm ends the process, even if the run that started it was killed. It binds only free ports; a port in use is left to
its process. It accepts and closes connections, and it answers memberlist pings, so that a probe can verify gossip over udp.

For udp ports of processes that need not answer, it observes marked datagrams. A packet socket (packet(7)) receives a
datagram when it arrives, before any rule. A raw socket (raw(7)) receives it after all rules for input have accepted it.
"""

import array
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time
import typing as t
from contextlib import suppress

Listener = t.Dict[str, t.Any]

_LARGEST = 65535
# Unsigned integers of msgpack: type byte, and format for struct.
_INTEGERS = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}
_SEQUENCE = b"\xa5SeqNo"

# The start of a marked datagram: a ping of memberlist with a SeqNo of eight bytes (`make_marked_ping` of _probe/memberlist.py).
_MARKED = b"\0\x82" + _SEQUENCE + b"\xcf"
_MARK = struct.Struct(">Q")

# Not in Python's socket module: asm-generic/socket.h, linux/if_ether.h, linux/if_packet.h, linux/filter.h, linux/in6.h.
_ATTACH_FILTER, _BUFFER_BY_FORCE, _MEMORY, _MISSED = 26, 33, 55, 8
_TELL_ADDRESS = 49
_EVERY_PROTOCOL, _OUTGOING = 3, 4
_BYTE, _HALF, _WORD, _AND, _EQUAL, _ANY_BIT, _RETURN = 0x30, 0x28, 0x20, 0x54, 0x15, 0x45, 0x06
_HEADER_OF_IPV4, _BEHIND_IT, _WORD_BEHIND_IT = 0xB1, 0x50, 0x40
_UDP_HEADER, _IPV6_HEADER = 8, 40
_STARTS = struct.unpack_from(">I", _MARKED)[0]

Step = t.Tuple[int, int]
# The filter for each packet: load a value, then compare it. If a comparison fails, the socket does not get the packet.
_IPV4: t.List[Step] = [
    (_BYTE, 0), (_AND, 0xF0), (_EQUAL, 0x40), (_BYTE, 9), (_EQUAL, socket.IPPROTO_UDP), (_HALF, 6), (_ANY_BIT, 0x1FFF),
    (_HEADER_OF_IPV4, 0), (_WORD_BEHIND_IT, _UDP_HEADER), (_EQUAL, _STARTS), (_BEHIND_IT, 16), (_EQUAL, _MARKED[8]),
]  # fmt: skip
_IPV6: t.List[Step] = [
    (_BYTE, 0), (_AND, 0xF0), (_EQUAL, 0x60), (_BYTE, 6), (_EQUAL, socket.IPPROTO_UDP),
    (_WORD, _IPV6_HEADER + _UDP_HEADER), (_EQUAL, _STARTS), (_BYTE, _IPV6_HEADER + 16), (_EQUAL, _MARKED[8]),
]  # fmt: skip
_IPV6_PAYLOAD: t.List[Step] = [(_WORD, _UDP_HEADER), (_EQUAL, _STARTS), (_BYTE, 16), (_EQUAL, _MARKED[8])]


def main(request: t.Dict[str, t.Any]) -> int:
    """Bind the free ports of `listeners` (with `listen`), print the result as JSON, then serve until a client connects.

    The client gets the observations as JSON. After `seconds` the process ends without a client.
    """
    signal.alarm(request["seconds"])
    wanted = request["listeners"] if request["listen"] else []
    bound = [(listener, *_bind(listener)) for listener in wanted]
    sockets = [sock for _listener, sock, _reason in bound if sock]
    observer = Observer() if any(listener["protocol"] == "udp" for listener in request["listeners"]) else None
    useful = sockets or (observer and observer.sockets)
    control = _open_control(request["control"]) if useful else None
    result = {"pid": os.getpid(), "placeholders": [listener for listener, sock, _reason in bound if sock],
              "left_out": [dict(listener, reason=reason) for listener, sock, reason in bound if not sock],
              "blind": observer.blind if observer else {}}  # fmt: skip
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    # The parent reads until the end of the output.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if control:
        try:
            client = _serve(sockets, observer, control)
            with suppress(OSError):
                client.sendall(json.dumps(observer.list_results() if observer else {}).encode())
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
            # Ignores old connections in TIME_WAIT. A port with a listening socket still cannot be bound (socket(7)).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((listener["address"], listener["port"]))
        if listener["protocol"] == "tcp":
            sock.listen(128)
    except OSError as error:
        sock.close()
        return None, error.strerror or str(error)
    sock.setblocking(False)
    return sock, ""


def _open_control(path: str) -> socket.socket:
    """Return a socket in the file system that only its owner may use. A client that connects to it ends the process."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(path)
    finally:
        os.umask(mask)
    sock.listen(8)
    return sock


def _serve(sockets: t.List[socket.socket], observer: t.Optional["Observer"], control: socket.socket) -> socket.socket:
    """Answer and observe until a client connects to `control`, and return that connection."""
    with selectors.DefaultSelector() as selector:
        for sock in (*sockets, *(observer.sockets if observer else ()), control):
            selector.register(sock, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _events in selector.select()}
            if observer:
                observer.receive()
            if control.fileno() in ready:
                return control.accept()[0]
            for sock in sockets:
                if sock.fileno() in ready:
                    _answer(sock)


def _answer(sock: socket.socket) -> None:
    try:
        if sock.type == socket.SOCK_STREAM:
            sock.accept()[0].close()
            return
        packet, sender = sock.recvfrom(_LARGEST)
        reply = make_ack(packet)
        if reply:
            sock.sendto(reply, sender)
    except OSError:
        # The client is unreachable or has closed the connection.
        return


def make_ack(packet: bytes) -> t.Optional[bytes]:
    """Return the ack to a ping of memberlist (net.go of hashicorp/memberlist); None for other datagrams."""
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


class Observer:
    """An observer of marked datagrams: which arrive, which the rules for input accept, and which the host forwards.

    `blind` has the reason by family if it cannot observe, for example without CAP_NET_RAW or without IPv6.
    """

    def __init__(self) -> None:
        self.sockets: t.List[socket.socket] = []
        self.blind: t.Dict[str, str] = {}
        self._arrived: t.Set[int] = set()
        self._sent_on: t.Set[int] = set()
        self._let_in: t.Dict[int, t.Tuple[bytes, int]] = {}
        for name, family, loopback, packet, behind in (
            ("ipv4", socket.AF_INET, "127.0.0.1", _IPV4, _IPV4),
            ("ipv6", socket.AF_INET6, "::1", _IPV6, _IPV6_PAYLOAD),
        ):
            try:
                self._open(family, packet, behind)
                self._test(family, loopback)
            except OSError as error:
                self.blind[name] = error.strerror or str(error)

    def _open(self, family: int, packet: t.List[Step], behind: t.List[Step]) -> None:
        raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_UDP)
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_EVERY_PROTOCOL))
        if family == socket.AF_INET6:
            raw.setsockopt(socket.IPPROTO_IPV6, _TELL_ADDRESS, 1)
        for sock, steps in ((raw, behind), (tap, packet)):
            with suppress(PermissionError):
                sock.setsockopt(socket.SOL_SOCKET, _BUFFER_BY_FORCE, 1 << 22)
            _filter(sock, steps)
            sock.setblocking(False)
        self.sockets += [raw, tap]

    def _test(self, family: int, loopback: str) -> None:
        """Raise OSError unless a datagram to this process is observed."""
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((loopback, 0))
            sock.sendto(_MARKED + _MARK.pack(0), sock.getsockname())
        until = time.monotonic() + 2
        while not (0 in self._arrived and 0 in self._let_in):
            if time.monotonic() > until:
                raise OSError("the observer does not receive its own test datagram")
            time.sleep(0.01)
            self.receive()
        self._forget(0)

    def _forget(self, mark: int) -> None:
        self._let_in.pop(mark)
        for marks in (self._arrived, self._sent_on):
            marks.discard(mark)

    def receive(self) -> None:
        """Receive all datagrams that have been observed."""
        for sock in self.sockets:
            with suppress(BlockingIOError):
                while True:
                    data, more, _flags, sender = sock.recvmsg(_LARGEST, 64)
                    start = data.find(_MARKED)
                    if _UDP_HEADER <= start <= len(data) - len(_MARKED) - _MARK.size:
                        mark = _MARK.unpack_from(data, start + len(_MARKED))[0]
                        if sock.family == socket.AF_PACKET:
                            (self._sent_on if sender[2] == _OUTGOING else self._arrived).add(mark)
                        else:
                            address = more[0][2][:16] if sock.family == socket.AF_INET6 else data[16:20]
                            self._let_in[mark] = address, int.from_bytes(data[start - 6 : start - 4], "big")

    def list_results(self) -> t.Dict[str, t.Any]:
        """Return the observed marks; accepted marks are separate for ports with and without a listening socket."""
        self.receive()
        heard = _read_sockets()
        listened = {mark for mark, (address, port) in self._let_in.items()
                    if not heard.isdisjoint(((address, port), (bytes(4), port), (bytes(16), port)))}  # fmt: skip
        marks = {"arrived": self._arrived, "sent_on": self._sent_on, "let_in": listened,
                 "unheard": set(self._let_in) - listened}  # fmt: skip
        missed = sum(map(_count_missed, self.sockets))
        reason = f"the buffer of a socket was full; lost datagrams: {missed}"
        blind = {"ipv4": reason, "ipv6": reason} if missed else self.blind
        return dict({kind: sorted(f"{mark:016x}" for mark in found) for kind, found in marks.items()}, blind=blind)


def _count_missed(sock: socket.socket) -> int:
    """Return the number of packets that were lost because the buffer of the socket was full."""
    found: int = struct.unpack("=9I", sock.getsockopt(socket.SOL_SOCKET, _MEMORY, 36))[_MISSED]
    return found


def _filter(sock: socket.socket, steps: t.List[Step]) -> None:
    """Restrict a socket to the packets that pass these steps."""
    program = b""
    for left, (code, number) in zip(range(len(steps), 0, -1), steps):
        hit, miss = {_EQUAL: (0, left), _ANY_BIT: (left, 0)}.get(code, (0, 0))
        program += struct.pack("=HBBI", code, hit, miss, number)
    for number in (_LARGEST, 0):
        program += struct.pack("=HBBI", _RETURN, 0, 0, number)
    kept = array.array("B", program)
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(steps) + 2, kept.buffer_info()[0]))


def _read_sockets() -> t.Set[t.Tuple[bytes, int]]:
    """Return addresses and ports of this host's udp sockets that are not connected to a peer, from proc(5)."""
    found: t.Set[t.Tuple[bytes, int]] = set()
    for name in ("udp", "udp6"):
        with suppress(FileNotFoundError), open(f"/proc/net/{name}", encoding="ascii") as lines:
            for _number, local, _remote, state in (line.split()[:4] for line in list(lines)[1:]):
                text, port = local.split(":")
                words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
                if state == "07":
                    found.add((struct.pack(f"={len(words)}I", *words), int(port, 16)))
    return found

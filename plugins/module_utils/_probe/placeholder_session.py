# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listens in Kong's place for a while, as a process of its own whose program is the text of this file.

Whatever becomes of who started it, its alarm ends it. A port in use stays with who has it: only a port that nobody
listens on can be bound. A connection is accepted and closed, and a memberlist ping is answered, so that gossip over udp
is seen to get through.

Where somebody listens who need not answer, it watches. A marked datagram is seen when it arrives, before any rule, by a
packet socket (packet(7)), and once more by a raw socket (raw(7)) when every rule for input has let it in.
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
# Of msgpack's unsigned integers: type byte, and how struct calls them.
_INTEGERS = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}
_SEQUENCE = b"\xa5SeqNo"

# A datagram with a mark is a ping of memberlist whose number takes eight bytes: `marked` of _probe/memberlist.py.
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
# What the kernel does with each packet: load, and compare; a comparison that fails drops the packet from this socket.
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
    """Bind what can be bound of `listeners` if told to `listen`, print it as JSON; serve and watch until told to stop.

    Then it tells what it saw, as JSON too. After `seconds` it ends without.
    """
    signal.alarm(request["seconds"])
    wanted = request["listeners"] if request["listen"] else []
    bound = [(one, *_bind(one)) for one in wanted]
    sockets = [sock for _one, sock, _why in bound if sock]
    observer = Observer() if any(one["protocol"] == "udp" for one in request["listeners"]) else None
    useful = sockets or (observer and observer.sockets)
    control = _control(request["control"]) if useful else None
    told = {"pid": os.getpid(), "placeholders": [one for one, sock, _why in bound if sock],
            "left_out": [dict(one, reason=why) for one, sock, why in bound if not sock],
            "blind": observer.blind if observer else {}}  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    # Who started this waits for the end of what it prints.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if control:
        try:
            asking = _serve(sockets, observer, control)
            with suppress(OSError):
                asking.sendall(json.dumps(observer.told() if observer else {}).encode())
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


def _serve(sockets: t.List[socket.socket], observer: t.Optional["Observer"], control: socket.socket) -> socket.socket:
    """Answer and watch until somebody wants the end, and return the connection to whoever does."""
    with selectors.DefaultSelector() as selector:
        for one in (*sockets, *(observer.sockets if observer else ()), control):
            selector.register(one, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _events in selector.select()}
            if observer:
                observer.look()
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


class Observer:
    """Sees marked datagrams: which arrive, which the rules for input let in, and which the host sends on.

    `blind` says by family why it does not see, where it does not: without CAP_NET_RAW, without IPv6.
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
                self._try(family, loopback)
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

    def _try(self, family: int, loopback: str) -> None:
        """See a datagram to oneself, or say that nothing can be seen (OSError)."""
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((loopback, 0))
            sock.sendto(_MARKED + _MARK.pack(0), sock.getsockname())
        until = time.monotonic() + 2
        while not (0 in self._arrived and 0 in self._let_in):
            if time.monotonic() > until:
                raise OSError("not even a datagram to itself is seen")
            time.sleep(0.01)
            self.look()
        self._forget(0)

    def _forget(self, mark: int) -> None:
        self._let_in.pop(mark)
        for marks in (self._arrived, self._sent_on):
            marks.discard(mark)

    def look(self) -> None:
        """Take in whatever has been seen."""
        for sock in self.sockets:
            with suppress(BlockingIOError):
                while True:
                    data, more, _flags, sender = sock.recvmsg(_LARGEST, 64)
                    at = data.find(_MARKED)
                    if _UDP_HEADER <= at <= len(data) - len(_MARKED) - _MARK.size:
                        mark = _MARK.unpack_from(data, at + len(_MARKED))[0]
                        if sock.family == socket.AF_PACKET:
                            (self._sent_on if sender[2] == _OUTGOING else self._arrived).add(mark)
                        else:
                            address = more[0][2][:16] if sock.family == socket.AF_INET6 else data[16:20]
                            self._let_in[mark] = address, int.from_bytes(data[at - 6 : at - 4], "big")

    def told(self) -> t.Dict[str, t.Any]:
        """The marks that were seen, those let in where nobody listens apart from the others; and what was not seen."""
        self.look()
        heard = _heard()
        listened = {mark for mark, (address, port) in self._let_in.items()
                    if not heard.isdisjoint(((address, port), (bytes(4), port), (bytes(16), port)))}  # fmt: skip
        marks = {"arrived": self._arrived, "sent_on": self._sent_on, "let_in": listened,
                 "unheard": set(self._let_in) - listened}  # fmt: skip
        missed = sum(map(_missed, self.sockets))
        too_fast = f"{missed} datagrams came too fast to be seen"
        blind = {"ipv4": too_fast, "ipv6": too_fast} if missed else self.blind
        return dict({how: sorted(f"{one:016x}" for one in seen) for how, seen in marks.items()}, blind=blind)


def _missed(sock: socket.socket) -> int:
    """How many packets found the socket full."""
    found: int = struct.unpack("=9I", sock.getsockopt(socket.SOL_SOCKET, _MEMORY, 36))[_MISSED]
    return found


def _filter(sock: socket.socket, steps: t.List[Step]) -> None:
    """Have a socket get only the packets that pass these steps."""
    program = b""
    for left, (code, number) in zip(range(len(steps), 0, -1), steps):
        hit, miss = {_EQUAL: (0, left), _ANY_BIT: (left, 0)}.get(code, (0, 0))
        program += struct.pack("=HBBI", code, hit, miss, number)
    for number in (_LARGEST, 0):
        program += struct.pack("=HBBI", _RETURN, 0, 0, number)
    kept = array.array("B", program)
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(steps) + 2, kept.buffer_info()[0]))


def _heard() -> t.Set[t.Tuple[bytes, int]]:
    """The addresses and ports of this host's udp sockets that anybody may send to, as proc(5) lists them."""
    found: t.Set[t.Tuple[bytes, int]] = set()
    for name in ("udp", "udp6"):
        with suppress(FileNotFoundError), open(f"/proc/net/{name}", encoding="ascii") as lines:
            for _number, local, _remote, state in (line.split()[:4] for line in list(lines)[1:]):
                text, port = local.split(":")
                words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
                if state == "07":
                    found.add((struct.pack(f"={len(words)}I", *words), int(port, 16)))
    return found

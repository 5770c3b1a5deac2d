# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends the flows to our ports that the rules no longer allow, and no others.

firewalld and ufw accept what belongs to an open flow before they ask any rule, so a source that lost its permission
would keep its connections. A flow is ended at both its ends here: the socket, as its next packet would open the flow
anew from inside, and the entry of the connection tracker. Runs as a program of its own, so that it is the host's
network namespace that is looked at; standard library only, by the kernel's netlink (netlink(7), sock_diag(7),
linux/netfilter/nfnetlink_conntrack.h).
"""

import bisect
import errno
import json
import os
import socket
import struct
import sys
import typing as t

Service = t.Dict[str, t.Any]
Ranges = t.Sequence[t.Sequence[int]]

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_NESTED = 0x3FFF  # what of an attribute's type is its type

_NETFILTER, _SOCK_DIAG = 12, 4
_CONNTRACK = 1 << 8
_GET, _DELETE = _CONNTRACK | 1, _CONNTRACK | 2
_ORIGINAL, _REPLY, _ZONE = 1, 2, 18
_ADDRESSES, _PROTOCOL = 1, 2

_BY_FAMILY, _DESTROY = 20, 21
_DIAG = struct.Struct("=BBBBI")  # family, protocol, extensions, padding, states
_SOCKET = struct.Struct("!HH16s16s")  # ports and addresses, before interface and cookie
_SOCKET_SIZE = 48
_CONNECTED = 0xFFFFFFFF & ~(1 << 10)  # every state but LISTEN

_NUMBERS = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp"}
_UNKNOWN = {errno.EOPNOTSUPP, errno.ENOENT, errno.EINVAL}


class Flow(t.NamedTuple):
    """Who talks to what on this host; addresses are packed."""

    protocol: str
    source: bytes
    address: bytes
    port: int

    def __str__(self) -> str:
        return "{} {} from {}".format(self.protocol, self.port, _text(self.source))


def main(services: t.List[Service]) -> int:
    """End the flows to these services that they do not allow, and print those that it had to leave; the exit status.

    A service has "protocol", "port", "address" (None, a wildcard or one address) and "sources": None for anyone, or for
    each family the first and last addresses of its networks as numbers, in ascending order.
    """
    left: t.Set[str] = set()
    for finish in (_end_sockets, _end_tracked):
        for flow, refused in finish(lambda flow: not _is_allowed(services, flow)):
            if refused:
                left.add("{}: {}".format(flow, refused))
    json.dump(sorted(left), sys.stdout)
    return 0


def _is_allowed(services: t.List[Service], flow: Flow) -> bool:
    """Whether a flow may go on: also where it is none of ours, and where it comes from this host."""
    service = _service_of(services, flow)
    if service is None or service["sources"] is None:
        return True
    family = "ipv4" if len(flow.source) == 4 else "ipv6"
    return _holds(service["sources"][family], int.from_bytes(flow.source, "big")) or _is_local(flow.source)


def _service_of(services: t.List[Service], flow: Flow) -> t.Optional[Service]:
    """The service for the fewest addresses, as in the rules' order."""
    wildcard = "0.0.0.0" if len(flow.address) == 4 else "::"
    by_address = {one["address"]: one for one in services
                  if (one["protocol"], one["port"]) == (flow.protocol, flow.port)}  # fmt: skip
    names = (_text(flow.address), wildcard, None)
    return next((by_address[name] for name in names if name in by_address), None)


def _holds(ranges: Ranges, number: int) -> bool:
    at = bisect.bisect_right([first for first, _last in ranges], number) - 1
    return at >= 0 and ranges[at][1] >= number


def _is_local(address: bytes) -> bool:
    """Whether it is an address of this host: only such a one can be bound."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        try:
            one.bind((_text(address), 0))
        except OSError:
            return False
    return True


def _end_sockets(unwanted: t.Callable[[Flow], bool]) -> t.Iterator[t.Tuple[Flow, str]]:
    with _netlink(_SOCK_DIAG) as link:
        for family in (socket.AF_INET, socket.AF_INET6):
            request = _DIAG.pack(family, socket.IPPROTO_TCP, 0, 0, _CONNECTED)
            found = _listed(link, _BY_FAMILY, request + bytes(_SOCKET_SIZE))
            for message in found:
                identity = message[4 : 4 + _SOCKET_SIZE]
                port, _remote_port, address, source = _SOCKET.unpack_from(identity)
                flow = Flow("tcp", _unmapped(source, family), _unmapped(address, family), port)
                if unwanted(flow):
                    yield flow, _end(link, _DESTROY, request + identity)


def _unmapped(address: bytes, family: int) -> bytes:
    """An address of the diagnosis: IPv4 is in its first four bytes, or mapped into IPv6."""
    if family == socket.AF_INET:
        return address[:4]
    return address[12:] if address.startswith(bytes(10) + b"\xff\xff") else address


def _end_tracked(unwanted: t.Callable[[Flow], bool]) -> t.Iterator[t.Tuple[Flow, str]]:
    with _netlink(_NETFILTER) as link:
        for family in (socket.AF_INET, socket.AF_INET6):
            head = struct.pack("!BBH", family, 0, 0)
            for message in _listed(link, _GET, head):
                attributes = dict(_attributes(message[4:]))
                flow = _tracked(attributes)
                if flow and unwanted(flow):
                    kept = [(kind, attributes[kind]) for kind in (_ORIGINAL, _ZONE) if kind in attributes]
                    yield flow, _end(link, _DELETE, head + b"".join(_packed(kind, value) for kind, value in kept))


def _tracked(attributes: t.Dict[int, bytes]) -> t.Optional[Flow]:
    """The flow of an entry: its source, and where it really goes, behind any translation of this host's."""
    there, back = (_side(attributes[kind]) for kind in (_ORIGINAL, _REPLY))
    protocol = _NUMBERS.get(there[0])
    return Flow(protocol, there[1], back[1], back[2]) if protocol else None


def _side(value: bytes) -> t.Tuple[int, bytes, int]:
    """Protocol, source address and source port of a tuple."""
    parts = dict(_attributes(value))
    addresses, protocol = dict(_attributes(parts[_ADDRESSES])), dict(_attributes(parts[_PROTOCOL]))
    source = addresses.get(1) or addresses[3]  # IPv4, IPv6
    return protocol[1][0], source, int.from_bytes(protocol.get(2, b""), "big")


def _netlink(protocol: int) -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)


def _end(link: socket.socket, kind: int, body: bytes) -> str:
    """Have the kernel end a flow; why it refuses, or nothing. One that is gone already is in order."""
    try:
        _ask(link, kind, _ACK, body)
    except OSError as error:
        return "" if error.errno == errno.ENOENT else str(error.strerror)
    return ""


def _listed(link: socket.socket, kind: int, body: bytes) -> t.List[bytes]:
    """What the kernel lists; nothing where it keeps no such list, as without connection tracking."""
    try:
        return _ask(link, kind, _DUMP, body)
    except OSError as error:
        if error.errno in _UNKNOWN:
            return []
        raise


def _ask(link: socket.socket, kind: int, flags: int, body: bytes) -> t.List[bytes]:
    """What the kernel answers to one request; OSError where it refuses."""
    link.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | flags, 1, 0) + body)
    found: t.List[bytes] = []
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


def _attributes(data: bytes) -> t.Iterator[t.Tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        yield kind & _NESTED, data[_ATTRIBUTE.size : length]
        data = data[length + 3 & ~3 :]


def _packed(kind: int, value: bytes) -> bytes:
    nested = 0x8000 if kind == _ORIGINAL else 0
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind | nested) + value + bytes(-len(value) % 4)


def _text(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)

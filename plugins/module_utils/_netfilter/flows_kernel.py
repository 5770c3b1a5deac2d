# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends the flows to our ports that the rules no longer allow, and no others.

firewalld and ufw accept what belongs to an open flow before they ask any rule, so a source that lost its permission
would keep its connections. A flow is ended at both its ends here: the socket, as its next packet would open the flow
anew from inside, and the entry of the connection tracker. By the kernel's netlink (netlink(7), sock_diag(7),
linux/netfilter/nfnetlink_conntrack.h), in the network namespace of whoever calls.
"""

from __future__ import annotations

import bisect
import errno
import socket
import struct
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._host.netlink import (
    NETFILTER,
    ROUTE,
    SOCK_DIAG,
    answered,
    attributes,
    command,
    connect,
    listed,
    packed,
)

Service = dict[str, t.Any]
Ranges = t.Sequence[t.Sequence[int]]

_CONNTRACK = 1 << 8
_GET, _DELETE = _CONNTRACK | 1, _CONNTRACK | 2
_ORIGINAL, _REPLY, _ZONE = 1, 2, 18
_ADDRESSES, _PROTOCOL = 1, 2

_BY_FAMILY, _DESTROY = 20, 21
_DIAG = struct.Struct("=BBBBI")  # family, protocol, extensions, padding, states
_SOCKET = struct.Struct("!HH16s16s")  # ports and addresses, before interface and cookie
_SOCKET_SIZE = 48
_CONNECTED = 0xFFFFFFFF & ~(1 << 10)  # every state but LISTEN

_GET_ROUTE = 26
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, length of the destination, then its type in the eighth place
_DESTINATION = 1
_LOCAL, _BROADCAST, _ANYCAST, _MULTICAST = 2, 3, 4, 5  # of a route: linux/rtnetlink.h

_NUMBERS = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp"}


class Flow(t.NamedTuple):
    """Who talks to what on this host; addresses are packed."""

    protocol: str
    source: bytes
    address: bytes
    port: int

    def __str__(self) -> str:
        return f"{self.protocol} {self.port} from {_text(self.source)}"


def end(services: list[Service]) -> list[str]:
    """End the flows to these services that they do not allow; those that it had to leave.

    A service has "protocol", "port", "address" (None, a wildcard or one address) and "sources": None for anyone, or for
    each family the first and last addresses of its networks as numbers, in ascending order.
    """
    left: set[str] = set()
    for finish in (_end_sockets, _end_tracked):
        for flow, refused in finish(lambda flow: not _is_allowed(services, flow)):
            if refused:
                left.add(f"{flow}: {refused}")
    return sorted(left)


def _is_allowed(services: list[Service], flow: Flow) -> bool:
    """Whether a flow may go on: also where it is none of ours, and where it comes from this host."""
    service = _service_of(services, flow)
    if service is None or service["sources"] is None:
        return True
    family = "ipv4" if len(flow.source) == 4 else "ipv6"
    return _holds(service["sources"][family], int.from_bytes(flow.source, "big")) or _is_local(flow.source)


def _service_of(services: list[Service], flow: Flow) -> t.Optional[Service]:
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
    """Whether it is an address of this host."""
    return _kind_of(address) == _LOCAL


def _arrives_here(address: bytes) -> bool:
    """Whether packets to an address come to this host's own sockets, and are not forwarded."""
    return _kind_of(address) in (_LOCAL, _BROADCAST, _ANYCAST, _MULTICAST)


def _kind_of(address: bytes) -> int:
    """The kind of route to an address; 0 where there is none. Whether it can be bound tells less: ip_nonlocal_bind."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    question = _ROUTE.pack(family, len(address) * 8, 0, 0, 0, 0, 0, 0, 0) + packed(_DESTINATION, address)
    with connect(ROUTE) as link:
        try:
            return answered(link, _GET_ROUTE, question)[0][7]
        except OSError:
            return 0


def _end_sockets(unwanted: t.Callable[[Flow], bool]) -> t.Iterator[tuple[Flow, str]]:
    with connect(SOCK_DIAG) as link:
        for family in (socket.AF_INET, socket.AF_INET6):
            request = _DIAG.pack(family, socket.IPPROTO_TCP, 0, 0, _CONNECTED)
            found = listed(link, _BY_FAMILY, request + bytes(_SOCKET_SIZE))
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


def _end_tracked(unwanted: t.Callable[[Flow], bool]) -> t.Iterator[tuple[Flow, str]]:
    with connect(NETFILTER) as link:
        for family in (socket.AF_INET, socket.AF_INET6):
            head = struct.pack("!BBH", family, 0, 0)
            for message in listed(link, _GET, head):
                entry = dict(attributes(message[4:]))
                flow = _tracked(entry)
                if flow and unwanted(flow) and _arrives_here(flow.address):
                    kept = [(kind, entry[kind]) for kind in (_ORIGINAL, _ZONE) if kind in entry]
                    yield (
                        flow,
                        _end(
                            link,
                            _DELETE,
                            head + b"".join(packed(kind, value, nested=kind == _ORIGINAL) for kind, value in kept),
                        ),
                    )


def _tracked(entry: dict[int, bytes]) -> t.Optional[Flow]:
    """The flow of an entry: its source, and where it really goes, behind any translation of this host's."""
    there, back = (_side(entry[kind]) for kind in (_ORIGINAL, _REPLY))
    protocol = _NUMBERS.get(there[0])
    return Flow(protocol, there[1], back[1], back[2]) if protocol else None


def _side(value: bytes) -> tuple[int, bytes, int]:
    """Protocol, source address and source port of a tuple."""
    parts = dict(attributes(value))
    addresses, protocol = dict(attributes(parts[_ADDRESSES])), dict(attributes(parts[_PROTOCOL]))
    source = addresses.get(1) or addresses[3]  # IPv4, IPv6
    return protocol[1][0], source, int.from_bytes(protocol.get(2, b""), "big")


def _end(link: socket.socket, kind: int, body: bytes) -> str:
    """Have the kernel end a flow; why it refuses, or nothing. One that is gone already is in order."""
    try:
        command(link, kind, body)
    except OSError as error:
        return "" if error.errno == errno.ENOENT else str(error.strerror)
    return ""


def _text(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)

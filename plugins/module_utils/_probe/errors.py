# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Classifies the failure of a socket as refused, filtered or unreachable, by its errno and its ICMP error.

The errno alone does not distinguish a firewall that rejects from a host that is down: Linux returns EHOSTUNREACH for both.
The socket's error queue (ip(7), IP_RECVERR) holds the ICMP message itself: for UDP always, for TCP since Linux 5.6.
tests/netns/test_probe.py measures every row of the two tables that can be produced in a network namespace.
"""

from __future__ import annotations

import errno
import socket
import struct
from dataclasses import dataclass

OPEN, REFUSED, FILTERED, UNREACHABLE = "open", "refused", "filtered", "unreachable"
# No answer from a target that need not answer. It does not tell whether the packet arrived.
SILENT = "silent"

# Not in Python's socket module: linux/in.h, linux/in6.h, linux/errqueue.h. By family: level, option, origin, address.
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_QUEUE = {
    socket.AF_INET: (socket.IPPROTO_IP, _IP_RECVERR, 2, slice(20, 24)),
    socket.AF_INET6: (socket.IPPROTO_IPV6, _IPV6_RECVERR, 3, slice(24, 40)),
}
_EXTENDED_ERROR = struct.Struct("=IBBBBII")

# By ICMP type and code; RFC 792 and RFC 1812, RFC 4443. Any other ICMP error means unreachable.
_ICMP = {
    socket.AF_INET: {
        (3, 0): (UNREACHABLE, "network unreachable"),
        (3, 1): (UNREACHABLE, "host unreachable"),
        (3, 2): (FILTERED, "protocol unreachable"),
        (3, 3): (REFUSED, "port unreachable"),
        (3, 9): (FILTERED, "network prohibited"),
        (3, 10): (FILTERED, "host prohibited"),
        (3, 13): (FILTERED, "administratively prohibited"),
        (11, 0): (UNREACHABLE, "time to live exceeded"),
    },
    socket.AF_INET6: {
        (1, 0): (UNREACHABLE, "no route"),
        (1, 1): (FILTERED, "administratively prohibited"),
        (1, 3): (UNREACHABLE, "address unreachable"),
        (1, 4): (REFUSED, "port unreachable"),
        (1, 5): (FILTERED, "source address refused by policy"),
        (1, 6): (FILTERED, "reject route"),
        (3, 0): (UNREACHABLE, "hop limit exceeded"),
    },
}

# Errors without an ICMP message: from a TCP reset, or from this host's own routes, neighbours and rules.
_ERRNO = {
    errno.ECONNREFUSED: (REFUSED, "connection refused"),
    errno.ECONNRESET: (REFUSED, "connection reset"),
    errno.EACCES: (FILTERED, "prohibited by a route"),  # or, before Linux 5.6, by an ICMPv6 error
    errno.EPERM: (FILTERED, "dropped by the rules of this host"),
    errno.EINVAL: (UNREACHABLE, "a blackhole route, or a link-local address without its zone"),
    errno.ENETUNREACH: (UNREACHABLE, "no route"),
    errno.EHOSTUNREACH: (UNREACHABLE, "no route to the host"),
    errno.EHOSTDOWN: (UNREACHABLE, "the host is down"),
    errno.ENETDOWN: (UNREACHABLE, "the network is down"),
    errno.EADDRNOTAVAIL: (UNREACHABLE, "no source address of this family"),
    errno.EAFNOSUPPORT: (UNREACHABLE, "this host does not support this address family"),
}


@dataclass(frozen=True)
class Answer:
    """The result of a probe, with its reason in a few words.

    If the probe asked for them, the certificate of a TLS listener (in DER) and the status of an HTTP response are set as well.
    """

    result: str
    detail: str
    certificate: bytes | None = None
    status: int | None = None


@dataclass(frozen=True)
class Icmp:
    """An ICMP error: its family, type and code, and its sender's address as text."""

    family: socket.AddressFamily
    type: int
    code: int
    sender: str


def ask_for_icmp(sock: socket.socket) -> None:
    """Let the kernel keep ICMP errors for this socket, and report all of them for UDP."""
    level, option, _origin, _types = _QUEUE[sock.family]
    sock.setsockopt(level, option, 1)


def take_queued_icmp(sock: socket.socket) -> Icmp | None:
    """Remove the next ICMP error from the socket's error queue and return it; None for an empty queue or a local error."""
    level, option, origin, address = _QUEUE[sock.family]
    try:
        messages = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)[1]
    except OSError:
        return None
    for found_level, found_option, data in messages:
        if (found_level, found_option) == (level, option):
            _errno, found_origin, icmp_type, code, *_rest = _EXTENDED_ERROR.unpack_from(data)
            if found_origin == origin:
                return Icmp(sock.family, icmp_type, code, socket.inet_ntop(sock.family, data[address]))
    return None


def classify(error: OSError, icmp: Icmp | None, *, tcp: bool) -> Answer | None:
    """Return the meaning of a failed connect, send or receive; None for an errno that does not depend on the target."""
    code = error.errno or 0
    name = errno.errorcode.get(code, str(code))
    if icmp is None:
        if code not in _ERRNO:
            return None
        result, text = _ERRNO[code]
        return Answer(result, f"{name}: {text}")
    result, text = _ICMP[icmp.family].get((icmp.type, icmp.code), (UNREACHABLE, f"type {icmp.type} code {icmp.code}"))
    # A closed TCP port answers with a reset. Only a firewall rule answers TCP with "port unreachable".
    if result == REFUSED and tcp:
        result = FILTERED
    return Answer(result, f"{name}: ICMP {text} from {icmp.sender}")

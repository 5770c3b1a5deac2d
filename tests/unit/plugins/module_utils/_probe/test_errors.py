# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import select
import socket
import struct

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._probe.errors import (
    Icmp,
    ask_for_icmp,
    classify,
    take_queued_icmp,
)

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.ECONNRESET, "refused"),
        (errno.EACCES, "filtered"),
        (errno.EPERM, "filtered"),
        (errno.EINVAL, "unreachable"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.EHOSTDOWN, "unreachable"),
        (errno.ENETDOWN, "unreachable"),
        (errno.EADDRNOTAVAIL, "unreachable"),
        (errno.EAFNOSUPPORT, "unreachable"),
    ],
)
def test_an_errno_without_icmp(code, result):
    answer = classify(OSError(code, "x"), None, tcp=True)
    assert answer.result == result
    assert answer.detail.startswith(errno.errorcode[code] + ": ")


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "x"), OSError(errno.ENOBUFS, "x"), OSError("no errno")])
def test_an_error_of_this_host_is_no_answer(error):
    assert classify(error, None, tcp=True) is None


@pytest.mark.parametrize(
    ("family", "icmp_type", "code", "tcp", "udp"),
    [
        (V4, 3, 0, "unreachable", "unreachable"),
        (V4, 3, 1, "unreachable", "unreachable"),
        (V4, 3, 2, "filtered", "filtered"),
        (V4, 3, 3, "filtered", "refused"),
        (V4, 3, 7, "unreachable", "unreachable"),
        (V4, 3, 9, "filtered", "filtered"),
        (V4, 3, 10, "filtered", "filtered"),
        (V4, 3, 13, "filtered", "filtered"),
        (V4, 11, 0, "unreachable", "unreachable"),
        (V6, 1, 0, "unreachable", "unreachable"),
        (V6, 1, 1, "filtered", "filtered"),
        (V6, 1, 3, "unreachable", "unreachable"),
        (V6, 1, 4, "filtered", "refused"),
        (V6, 1, 5, "filtered", "filtered"),
        (V6, 1, 6, "filtered", "filtered"),
        (V6, 3, 0, "unreachable", "unreachable"),
    ],
)
def test_an_icmp_error_outranks_the_errno(family, icmp_type, code, tcp, udp):
    icmp = Icmp(family, icmp_type, code, "192.0.2.1")
    error = OSError(errno.EHOSTUNREACH, "x")
    assert (classify(error, icmp, tcp=True).result, classify(error, icmp, tcp=False).result) == (tcp, udp)
    assert classify(error, icmp, tcp=True).detail.endswith(" from 192.0.2.1")


def test_an_unknown_icmp_error_shows_its_numbers():
    answer = classify(OSError(errno.EPROTO, "x"), Icmp(V4, 12, 1, "192.0.2.1"), tcp=False)
    assert (answer.result, answer.detail) == ("unreachable", "EPROTO: ICMP type 12 code 1 from 192.0.2.1")


@pytest.mark.parametrize(("family", "address", "icmp"), [(V4, "127.0.0.1", (3, 3)), (V6, "::1", (1, 4))])
def test_the_icmp_error_of_a_closed_udp_port_is_read_once(family, address, icmp):
    with socket.socket(family, socket.SOCK_DGRAM) as closed, socket.socket(family, socket.SOCK_DGRAM) as sock:
        closed.bind((address, 0))
        target = closed.getsockname()
        closed.close()
        ask_for_icmp(sock)
        sock.setblocking(False)
        assert take_queued_icmp(sock) is None
        sock.connect(target)
        sock.send(b"x")
        select.select([sock], [], [], 10)
        with pytest.raises(ConnectionRefusedError):
            sock.recv(1)
        assert take_queued_icmp(sock) == Icmp(family, *icmp, address)
        assert take_queued_icmp(sock) is None


@pytest.mark.parametrize(("origin", "icmp"), [(2, Icmp(V4, 3, 13, "192.0.2.1")), (1, None), (3, None)])
def test_errors_of_another_origin_are_no_icmp_errors(origin, icmp):
    """Origin 1 is a local error, such as a datagram larger than the MTU."""

    class Sock:
        family = V4

        def recvmsg(self, *_):
            data = struct.pack("=IBBBBII", errno.EHOSTUNREACH, origin, 3, 13, 0, 0, 0)
            sender = struct.pack("=HH4s8x", V4, 0, socket.inet_aton("192.0.2.1"))
            return b"", [(socket.IPPROTO_IP, 11, data + sender)], 0, None

    assert take_queued_icmp(Sock()) == icmp

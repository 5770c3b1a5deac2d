# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets and packets of a placeholder process, in this process and on loopback. tests/netns has a real observer."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from contextlib import closing
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._probe import placeholder_session as session

LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1"}
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def make_listener(protocol, address="127.0.0.1", port=0, **more):
    return {"name": "x", "protocol": protocol, "address": address, "port": port, "only_ipv6": True, **more}


@pytest.mark.parametrize("protocol", KINDS)
@pytest.mark.parametrize("address", LOOPBACK.values())
def test_a_free_port_is_bound(protocol, address):
    sock, reason = session._bind(make_listener(protocol, address))
    with closing(sock):
        assert (reason, sock.type, sock.getsockname()[0], sock.getblocking()) == ("", KINDS[protocol], address, False)
        assert bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)) is (protocol == "tcp")
        assert bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)) is (protocol == "tcp")


@pytest.mark.parametrize("only_ipv6", [True, False])
def test_a_wildcard_of_ipv6_may_be_for_ipv4_too(only_ipv6):
    sock, _reason = session._bind(make_listener("udp", "::", only_ipv6=only_ipv6))
    with closing(sock):
        assert bool(sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)) is only_ipv6


@pytest.mark.parametrize("protocol", KINDS)
def test_a_port_that_another_process_would_share_is_left_out(protocol):
    with closing(socket.socket(socket.AF_INET, KINDS[protocol])) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        if protocol == "tcp":
            other.listen()
        assert session._bind(make_listener(protocol, port=other.getsockname()[1])) == (None, "Address already in use")


def test_an_address_that_the_host_lacks_is_left_out():
    sock, reason = session._bind(make_listener("udp", "192.0.2.1"))
    assert (sock, reason) == (None, "Cannot assign requested address")


def test_only_the_owner_may_connect_to_the_control_socket(tmp_path):
    before = os.umask(0o022)
    try:
        with closing(session._open_control(str(tmp_path / "control"))):
            assert (tmp_path / "control").stat().st_mode & 0o777 == 0o600
            assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


PING = b"\0\x82\xa5SeqNo\x07\xa4Node\xa1x"
ACK = b"\x02\x82\xa5SeqNo\xce\0\0\0\x07\xa7Payload\xc0"


def test_the_process_answers_until_a_client_connects(tmp_path):
    (tcp, _tcp), (udp, _udp) = session._bind(make_listener("tcp")), session._bind(make_listener("udp"))
    control = session._open_control(str(tmp_path / "control"))
    clients = []
    serving = threading.Thread(target=lambda: clients.append(session._serve([tcp, udp], None, control)), daemon=True)
    serving.start()
    with socket.create_connection(tcp.getsockname(), timeout=5) as client:
        assert client.recv(1) == b""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.settimeout(5)
        client.connect(udp.getsockname())
        client.send(b"no ping")
        client.send(PING)
        assert client.recv(99) == ACK
    assert serving.is_alive()
    with closing(socket.socket(socket.AF_UNIX)) as client:
        client.connect(str(tmp_path / "control"))
        serving.join(5)
        assert not serving.is_alive()
        clients[0].sendall(b"x")
        assert client.recv(1) == b"x"
    for sock in (tcp, udp, control, *clients):
        sock.close()


class FakeObserver:
    """An observer without sockets that has received one datagram."""

    def __init__(self):
        self.sockets, self.blind = [], {"ipv6": "no IPv6"}

    def receive(self):
        pass

    def list_results(self):
        return {"arrived": ["1"]}


# What is asked of the process; then the placeholders, the reasons of those left out, and whether it serves and observes.
REQUESTS = {
    "both protocols": ({"listen": True, "listeners": [make_listener("tcp"), make_listener("udp")]}, 2, [], True, True),
    "tcp alone": ({"listen": True, "listeners": [make_listener("tcp")]}, 1, [], True, False),
    "left out": (
        {"listen": True, "listeners": [make_listener("tcp", "192.0.2.1"), make_listener("tcp")]}, 1, ["Cannot assign requested address"],
        True, False,
    ),
    "nothing to do": (
        {"listen": True, "listeners": [make_listener("tcp", "192.0.2.1")]}, 0, ["Cannot assign requested address"], False, False,
    ),
    "observe only, without sockets": ({"listen": False, "listeners": [make_listener("udp")]}, 0, [], False, True),
    "no port": ({"listen": False, "listeners": [make_listener("tcp")]}, 0, [], False, False),
}  # fmt: skip


@pytest.mark.parametrize("case", REQUESTS)
def test_the_result_of_the_process(tmp_path, monkeypatch, case):
    request, placeholders, reasons, serves, observes = REQUESTS[case]
    printed, alarms, served = [], [], []
    local, remote = socket.socketpair()

    def serve(sockets, observer, control):
        served.append((len(sockets), isinstance(observer, FakeObserver)))
        control.close()
        for sock in sockets:
            sock.close()
        return local

    monkeypatch.setattr(session, "Observer", FakeObserver)
    monkeypatch.setattr(session, "_serve", serve)
    monkeypatch.setattr(session, "signal", SimpleNamespace(alarm=alarms.append))
    fake_os = {name: getattr(os, name) for name in ("getpid", "open", "devnull", "O_WRONLY", "unlink", "umask")}
    monkeypatch.setattr(session, "os", SimpleNamespace(**fake_os, dup2=lambda source, _target: os.close(source)))
    stdout = SimpleNamespace(write=printed.append, flush=lambda: printed.append(""))
    monkeypatch.setattr(session, "sys", SimpleNamespace(stdout=stdout))
    control = tmp_path / "control"
    assert session.main({**request, "seconds": 7, "control": str(control)}) == 0
    assert (printed[0][-1], printed[1:]) == ("\n", [""])
    found = json.loads("".join(printed))
    assert (found["pid"], len(found["placeholders"])) == (os.getpid(), placeholders)
    assert [left["reason"] for left in found["left_out"]] == reasons
    assert found["blind"] == ({"ipv6": "no IPv6"} if observes else {})
    assert (alarms, served, control.exists()) == ([7], [(placeholders, observes)] if serves else [], False)
    if serves:
        assert json.loads(remote.recv(999)) == ({"arrived": ["1"]} if observes else {})
    local.close()
    remote.close()


def test_the_filter_of_a_socket(monkeypatch):
    """Compare the program with what tcpdump -dd writes for the same steps: a miss leads to the last line."""
    programs = []

    class Sock:
        def setsockopt(self, level, option, value):
            length, pointer = struct.unpack("@HP", value)
            programs.append((level, option, length))
            import ctypes  # noqa: PLC0415

            self.code = ctypes.string_at(pointer, length * 8)

    sock = Sock()
    session._filter(sock, [(0x30, 9), (0x15, 17), (0x45, 0x1FFF)])
    assert programs == [(socket.SOL_SOCKET, 26, 5)]
    lines = [struct.unpack_from("=HBBI", sock.code, at) for at in range(0, 40, 8)]
    assert lines == [
        (0x30, 0, 0, 9),
        (0x15, 0, 2, 17),
        (0x45, 1, 0, 0x1FFF),
        (0x06, 0, 0, session._LARGEST),
        (0x06, 0, 0, 0),
    ]


def test_open_ports_of_the_host():
    with (
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as four,
        closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as six,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as connected,
    ):
        four.bind(("127.0.0.1", 0))
        six.bind(("::1", 0))
        connected.bind(("127.0.0.1", 0))
        connected.connect(four.getsockname())
        found = session._read_sockets()
        assert (socket.inet_aton("127.0.0.1"), four.getsockname()[1]) in found
        assert (socket.inet_pton(socket.AF_INET6, "::1"), six.getsockname()[1]) in found
        assert (socket.inet_aton("127.0.0.1"), connected.getsockname()[1]) not in found

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes over loopback. tests/netns/test_probe.py has firewalls, routes and real Serf agents."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
from pathlib import Path
from struct import pack, unpack
from zlib import crc32

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._probe import probe as _probe
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.probe import (
    Limits,
    ProbeError,
    parse_probe,
    run_probes,
)

QUICK = Limits(timeout=0.2, tries=1, workers=50)
PATIENT = Limits(timeout=10, tries=1, workers=50)
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def make_probe(kind, port, address="127.0.0.1", name="p"):
    return parse_probe({"name": name, "kind": kind, "address": address, "port": port})


def send_probe(kind, port, limits=PATIENT, address="127.0.0.1"):
    (result,) = run_probes([make_probe(kind, port, address)], limits)
    return result["result"], result["detail"]


@contextlib.contextmanager
def bind_socket(kind, family=socket.AF_INET):
    with socket.socket(family, kind) as sock:
        sock.bind((LOOPBACK[family], 0))
        yield sock, sock.getsockname()[1]


@contextlib.contextmanager
def open_peer(*replies):
    """Open a UDP socket that answers the n-th ping with the n-th list of datagrams, each made from the ping's SeqNo."""

    def serve(sock):
        for made in replies:
            packet, sender = sock.recvfrom(2048)
            (sequence,) = unpack(">I", packet[9:13])
            for make in made:
                sock.sendto(make(sequence), sender)

    with bind_socket(socket.SOCK_DGRAM) as (sock, port):
        sock.settimeout(10)
        thread = threading.Thread(target=serve, args=(sock,))
        thread.start()
        yield port
        thread.join()


def build_ack(sequence):
    return b"\x02\x82\xa5SeqNo\xce" + pack(">I", sequence) + b"\xa7Payload\xc0"


def build_wrong_ack(sequence):
    return build_ack(sequence ^ 1)


def build_compound_ack(sequence):
    gossip, answer = b"\x08hello", build_ack(sequence)
    return b"\x07\x02" + pack(">HH", len(answer), len(gossip)) + answer + gossip


def build_checked_ack(sequence):
    return b"\x0c" + pack(">I", crc32(build_ack(sequence))) + build_ack(sequence)


def build_gossip(sequence):
    return b"\x08hello"


def build_garbage(sequence):
    return b"HTTP/1.1 400 Bad Request"


@pytest.mark.parametrize("family", list(LOOPBACK))
def test_tcp_tells_a_listener_from_a_closed_port(family):
    with bind_socket(socket.SOCK_STREAM, family) as (sock, port):
        assert send_probe("tcp", port, address=LOOPBACK[family]) == ("refused", "ECONNREFUSED: connection refused")
        sock.listen()
        assert send_probe("tcp", port, address=LOOPBACK[family]) == ("open", "connected")


def test_tcp_silence_is_filtered():
    # A full backlog drops the first packet of further connections, like a firewall.
    with bind_socket(socket.SOCK_STREAM) as (sock, port), contextlib.ExitStack() as stack:
        sock.listen(0)
        for _answer in range(2):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        assert send_probe("tcp", port, Limits(timeout=0.1, tries=3, workers=1)) == (
            "filtered",
            "no answer in 3 x 0.1 s",
        )


def test_memberlist_on_a_closed_port_is_refused():
    with bind_socket(socket.SOCK_DGRAM) as (sock, port):
        sock.close()
        assert send_probe("memberlist", port) == ("refused", "ECONNREFUSED: ICMP port unreachable from 127.0.0.1")


@pytest.mark.parametrize(
    "replies",
    [
        [[build_ack]],
        [[build_compound_ack]],
        [[build_checked_ack]],
        [[build_wrong_ack, build_gossip, build_ack]],
        [[build_ack, build_ack]],
    ],
)
def test_memberlist_with_its_ack_is_open(replies):
    with open_peer(*replies) as port:
        assert send_probe("memberlist", port) == ("open", "ack")


@pytest.mark.parametrize("replies", [[[]], [[build_wrong_ack]], [[build_gossip]], [[lambda _: b"\x00\x80"]]])
def test_memberlist_without_its_ack_is_filtered(replies):
    with open_peer(*replies) as port:
        assert send_probe("memberlist", port, QUICK) == ("filtered", "no answer in 1 x 0.2 s")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (build_garbage, "unknown message type 72"),
        (lambda _: b"", "empty message"),
        (lambda s: build_ack(s)[:-1], "ends early"),
    ],
)
def test_another_service_on_the_port_is_refused(answer, reason):
    with open_peer([answer]) as port:
        verdict, detail = send_probe("memberlist", port)
    assert verdict == "refused"
    assert detail.startswith("the answer is no message of memberlist: ")
    assert reason in detail


def test_a_lost_datagram_is_tried_again_with_a_new_sequence_number():
    sequences = []

    def record_and_refuse(sequence):
        sequences.append(sequence)
        return build_wrong_ack(sequence)

    def record(sequence):
        sequences.append(sequence)
        return build_ack(sequence)

    with open_peer([record_and_refuse], [record]) as port:
        assert send_probe("memberlist", port, Limits(timeout=0.3, tries=5, workers=1)) == ("open", "ack")
    assert len(set(sequences)) == 2


def test_results_keep_the_order_and_the_names_of_the_caller():
    with (
        bind_socket(socket.SOCK_STREAM) as (listener, open_port),
        bind_socket(socket.SOCK_STREAM) as (_closed, closed_port),
    ):
        listener.listen()
        wanted = [
            ("", "tcp", "127.0.0.1", open_port),
            ("a", "tcp", "127.0.0.1", closed_port),
            ("a", "tcp", "127.0.0.1", open_port),
        ] * 20
        results = run_probes([make_probe(kind, port, address, name) for name, kind, address, port in wanted], PATIENT)
    assert [(r["name"], r["kind"], r["address"], r["port"]) for r in results] == wanted
    assert [r["result"] for r in results] == ["open", "refused", "open"] * 20
    assert {tuple(r) for r in results} == {
        ("name", "kind", "address", "port", "result", "detail", "certificate", "status", "mark")
    }


def test_a_udp_probe_without_an_answer_is_silent():
    with bind_socket(socket.SOCK_DGRAM) as (sock, port):
        (result,) = run_probes([make_probe("udp", port)], Limits(timeout=0.1, tries=2, workers=1))
        packets = [sock.recv(99) for _try in range(2)]
    assert (result["result"], result["detail"]) == ("silent", "no answer in 2 x 0.1 s")
    assert [packet[9:17].hex() for packet in packets] == [result["mark"]] * 2


def test_any_datagram_answers_a_udp_probe():
    with open_peer([lambda _sequence: b"what?"]) as port:
        assert send_probe("udp", port) == ("open", "answered with 5 bytes")
    with open_peer([lambda _sequence: b"!"]) as port:
        assert send_probe("udp", port) == ("open", "answered with 1 byte")
    assert send_probe("udp", port)[0] == "refused"


def test_each_probe_has_its_own_mark():
    assert len({make_probe("udp", 9).mark for _each in range(100)}) == 100


def test_no_probes_give_no_results():
    assert run_probes([], PATIENT) == []


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_there_are_at_most_as_many_sockets_as_workers_and_all_are_closed(monkeypatch):
    most, before = 0, open_files()
    real = _probe.ask_for_icmp

    def count(sock):
        nonlocal most
        most = max(most, open_files())
        real(sock)

    monkeypatch.setattr(_probe, "ask_for_icmp", count)
    with bind_socket(socket.SOCK_DGRAM) as (_socket, port):
        run_probes([make_probe("memberlist", port)] * 30, Limits(timeout=0.05, tries=2, workers=4))
    # In addition to the four sockets: the bound socket, and asyncio's selector with its own pair of sockets.
    assert most <= before + 4 + 4
    assert open_files() == before


@pytest.mark.parametrize(
    ("files", "workers", "limit"),
    [(1024, 500, 500), (200, 500, 152), (40, 500, 1), (resource.RLIM_INFINITY, 5000, 5000)],
)
def test_the_limit_on_open_files_limits_the_workers(monkeypatch, files, workers, limit):
    monkeypatch.setattr(_probe.resource, "getrlimit", lambda _: (files, files))
    assert _probe._limit_workers(workers) == limit


def test_an_error_of_this_host_names_the_probe(monkeypatch):
    def fail(*_):
        raise OSError(24, "Too many open files")

    wanted = [make_probe("tcp", 1, name="admin of a1")]
    monkeypatch.setattr(_probe, "ask_for_icmp", fail)
    with pytest.raises(ProbeError, match=r"probe 'admin of a1' cannot be made from this host: .*Too many open files"):
        run_probes(wanted, QUICK)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"address": "kong.example"}, r"probe 'p': address is 'kong.example'; it must be an IPv4 or IPv6 address"),
        ({"address": "10.0.0.1:80"}, "address is '10.0.0.1:80'"),
        ({"address": "[::1]"}, r"address is '\[::1\]'"),
        ({"address": ""}, "address is ''"),
        ({"address": "10.0.0.0/8"}, "address is '10.0.0.0/8'"),
        ({"address": "fe80::1%nosuch0"}, "address is 'fe80::1%nosuch0'"),
        ({"address": "0.0.0.0"}, "the address of one host"),
        ({"address": "::"}, "the address of one host"),
        ({"address": "ff02::1"}, "the address of one host"),
        ({"address": "::ffff:10.0.0.1"}, "the address of one host"),
        ({"port": 0}, "port is 0; it must be 1 to 65535"),
        ({"port": 65536}, "port is 65536"),
        ({"kind": "icmp"}, "kind is 'icmp'; it must be one of tcp, tls, http, https, memberlist"),
    ],
)
def test_an_invalid_probe_is_an_error_before_any_packet(change, message):
    with pytest.raises(ProbeError, match=message):
        parse_probe({"name": "p", "kind": "tcp", "address": "10.0.0.1", "port": 80, **change})


def test_the_zone_of_an_address_is_kept():
    assert parse_probe({"name": "", "kind": "tcp", "address": "fe80::1%lo", "port": 80}).sockaddr[3] > 0


@pytest.mark.parametrize("limits", [(60, 1, 1), (0.001, 10, 1)])
def test_the_largest_and_smallest_limits_are_accepted(limits):
    assert Limits(*limits).timeout == limits[0]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ((0, 1, 1), "timeout is 0;"),
        ((60.1, 1, 1), "timeout is 60.1;"),
        ((float("nan"), 1, 1), "timeout is nan;"),
        ((1, 0, 1), "tries is 0;"),
        ((1, 11, 1), "tries is 11;"),
        ((1, 1, 0), "workers is 0;"),
    ],
)
def test_limits_are_bounded(limits, message):
    with pytest.raises(ProbeError, match=message):
        Limits(*limits)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The placeholder process, over loopback: it listens, and it ends in every case."""

from __future__ import annotations

import os
import signal
import socket
import time
from struct import pack
from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._probe import placeholder as _placeholder
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.memberlist import (
    make_marked_ping,
    make_ping,
    read_acks,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.placeholder import (
    PlaceholderError,
    list_wanted,
    start,
    stop,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.placeholder_session import make_ack
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.probe import Limits, parse_probe, run_probes

PATIENT = Limits(timeout=5, tries=1, workers=5)


def find_free_port():
    with socket.socket() as sock, socket.socket(type=socket.SOCK_DGRAM) as other:
        sock.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", sock.getsockname()[1]))
        return sock.getsockname()[1]


def make_listener(port, *protocols, address="127.0.0.1"):
    return {"name": "cluster", "protocols": list(protocols), "address": address, "port": port}


def send_probe(kind, port):
    (result,) = run_probes([parse_probe({"name": "", "kind": kind, "address": "127.0.0.1", "port": port})], PATIENT)
    return result["result"]


@pytest.fixture
def control(tmp_path):
    path = tmp_path / "control"
    yield path
    stop(path)


def test_a_placeholder_answers_until_it_is_stopped(control):
    port = find_free_port()
    result = start([make_listener(port, "tcp", "udp")], 60, control)
    assert [(opened["protocol"], opened["port"]) for opened in result["placeholders"]] == [("tcp", port), ("udp", port)]
    assert result["left_out"] == []
    assert [send_probe(kind, port) for kind in ("tcp", "tcp", "memberlist", "memberlist")] == ["open"] * 4
    assert control.stat().st_mode & 0o777 == 0o600
    assert stop(control)
    assert [send_probe(kind, port) for kind in ("tcp", "memberlist")] == ["refused"] * 2
    assert not control.exists()
    assert not stop(control)


def test_a_process_that_does_not_start_is_killed(control, monkeypatch, tmp_path):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nsleep 1000\n")
    program.chmod(0o755)
    monkeypatch.setattr(_placeholder, "sys", SimpleNamespace(executable=str(program)))
    monkeypatch.setattr(_placeholder, "_START_SECONDS", 1)
    with pytest.raises(PlaceholderError, match="did not start within 1 seconds"):
        start([make_listener(find_free_port(), "tcp")], 60, control)
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "*"])
@pytest.mark.parametrize("shared", [False, True])
def test_a_port_in_use_is_left_to_its_process(control, address, shared):
    with socket.socket() as live, socket.socket(type=socket.SOCK_DGRAM) as gossip:
        for sock in (live, gossip):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(shared))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        live.bind(("127.0.0.1", find_free_port()))
        live.listen()
        port = live.getsockname()[1]
        gossip.bind(("127.0.0.1", port))
        result = start([make_listener(port, "tcp", "udp", address=address)], 60, control)
        assert result["placeholders"] == []
        assert [refused["reason"] for refused in result["left_out"]] == ["Address already in use"] * 2
        assert send_probe("tcp", port) == "open"


@pytest.mark.parametrize("first", [0, 1])
def test_the_wildcard_of_a_port_is_opened_before_an_address(control, first):
    port = find_free_port()
    addresses = ["0.0.0.0", "127.0.0.2"]
    listeners = [make_listener(port, "tcp", address=address) for address in (addresses[first], addresses[1 - first])]
    result = start(listeners, 60, control)
    assert [opened["address"] for opened in result["placeholders"]] == ["0.0.0.0"]
    assert send_probe("tcp", port) == "open"


def test_an_address_of_another_host_is_left_out(control):
    (refused,) = start([make_listener(find_free_port(), "tcp", address="192.0.2.1")], 60, control)["left_out"]
    assert refused["reason"] == "Cannot assign requested address"


def is_closed(port):
    for _attempt in range(200):
        if send_probe("tcp", port) == "refused":
            return True
        time.sleep(0.05)
    return False


def test_the_process_ends_after_its_time(control):
    port = find_free_port()
    start([make_listener(port, "tcp")], 1, control)
    assert is_closed(port)
    assert not stop(control)


def test_a_killed_process_does_not_prevent_a_new_process(control):
    port = find_free_port()
    os.kill(start([make_listener(port, "tcp")], 60, control)["pid"], signal.SIGKILL)
    assert is_closed(port)
    assert start([make_listener(port, "tcp")], 60, control)["placeholders"]


def test_a_new_process_replaces_the_last_process(control):
    first, second = find_free_port(), find_free_port()
    start([make_listener(first, "tcp")], 60, control)
    start([make_listener(second, "tcp")], 60, control)
    assert (send_probe("tcp", first), send_probe("tcp", second)) == ("refused", "open")


def test_listeners_with_a_host_name_are_omitted():
    listeners = [make_listener(8000, "tcp", address=address) for address in ("[::]", "*", "example.com", "fd00::1")]
    listeners[0]["flags"] = ["ipv6only=off"]
    assert [(entry["address"], entry["only_ipv6"]) for entry in list_wanted(listeners)] == [
        ("::", False), ("0.0.0.0", True), ("fd00::1", True),
    ]  # fmt: skip


def test_without_listen_no_port_is_opened(control):
    port = find_free_port()
    result = start([make_listener(port, "tcp", "udp")], 60, control, listen=False)
    assert (result["placeholders"], result["left_out"]) == ([], [])
    assert [send_probe(kind, port) for kind in ("tcp", "udp")] == ["refused"] * 2


def test_a_marked_ping_gets_an_ack():
    assert read_acks(make_ack(make_marked_ping(2**63 + 5))) == [5]


@pytest.mark.parametrize("sequence", [0, 1, 0x7F, 0x80, 0xFFFF, 2**32 - 1])
def test_a_ping_gets_an_ack_with_its_sequence_number(sequence):
    assert read_acks(make_ack(make_ping(sequence))) == [sequence]


def test_sequence_numbers_of_every_length_are_read():
    for kind, layout, number in ((0xCC, ">B", 200), (0xCD, ">H", 999), (0xCF, ">Q", 7)):
        packet = b"\0\x82\xa5SeqNo" + bytes([kind]) + pack(layout, number) + b"\xa4Node\xa0"
        assert read_acks(make_ack(packet)) == [number]
    assert read_acks(make_ack(b"\0\x82\xa5SeqNo\x05\xa4Node\xa0")) == [5]


@pytest.mark.parametrize("packet", [b"", b"\0", b"hello", b"\x02\x82\xa5SeqNo\x05", b"\0\x81\xa5SeqNo", b"\0\xa5SeqNo\xce\0",
                                    b"\0\xa5SeqNo\xa1x"])  # fmt: skip
def test_other_datagrams_get_no_answer(packet):
    assert make_ack(packet) is None

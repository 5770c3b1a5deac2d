# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of the kernel about tracked flows. tests/netns/test_gateway.py ends real flows."""

from __future__ import annotations

import ipaddress
import struct

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host import conntrack


def make_attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def make_tuple(source, destination, protocol, source_port, destination_port):
    addresses = [ipaddress.ip_address(text).packed for text in (source, destination)]
    kinds = (1, 2) if len(addresses[0]) == 4 else (3, 4)
    ports = (struct.pack(">H", port) for port in (source_port, destination_port))
    packed = b"".join(make_attribute(kind, value) for kind, value in zip(kinds, addresses, strict=True))
    proto = make_attribute(1, bytes([protocol])) + b"".join(
        make_attribute(kind, value) for kind, value in zip((2, 3), ports, strict=True)
    )
    return make_attribute(1, packed) + make_attribute(2, proto)


def make_message(protocol=17, outside="192.168.10.5", client="192.168.10.11", inside="192.168.23.45"):
    original = make_tuple(client, outside, protocol, 5555, 9000)
    reply = make_tuple(inside, client, protocol, 80, 5555)
    return struct.pack("=BBH", 2, 0, 0) + make_attribute(1, original) + make_attribute(2, reply)


class Kernel:
    """A kernel with messages about flows. It keeps the requests to delete; with `ended`, the flows have ended before."""

    def __init__(self):
        self.messages, self.deleted, self.ended = [], [], False

    def connect(self, _protocol):
        return self

    def close(self):
        pass

    def dump_objects(self, _link, kind, body):
        assert (kind, body) == (0x101, bytes(4))
        return self.messages

    def query(self, _link, kind, body):
        self.deleted.append((kind, body))
        if self.ended:
            raise FileNotFoundError


@pytest.fixture
def kernel(monkeypatch):
    made = Kernel()
    for name in ("connect", "dump_objects", "query"):
        monkeypatch.setattr(conntrack, name, getattr(made, name))
    return made


def test_flows_of_the_kernel(kernel):
    kernel.messages = [make_message(), make_message(6), make_message(1)]
    kernel.messages.append(make_message(17, "2001:db8::5", "2001:db8::11", "fd00::45"))
    seen = []
    assert conntrack.end_flows(seen.append) == 0
    assert seen == [
        conntrack.Flow("udp", ("192.168.10.5", 9000), ("192.168.23.45", 80)),
        conntrack.Flow("tcp", ("192.168.10.5", 9000), ("192.168.23.45", 80)),
        conntrack.Flow("udp", ("2001:db8::5", 9000), ("fd00::45", 80)),
    ]


def test_stale_flows_are_deleted_by_their_original_direction(kernel):
    kernel.messages = [make_message(), make_message(6)]
    assert conntrack.end_flows(lambda flow: flow.protocol == "udp") == 1
    original = make_tuple("192.168.10.11", "192.168.10.5", 17, 5555, 9000)
    assert kernel.deleted == [(0x102, struct.pack("=BBH", 2, 0, 0) + make_attribute(0x8001, original))]


def test_a_flow_that_ended_in_between_is_no_error(kernel):
    kernel.messages, kernel.ended = [make_message()], True
    assert conntrack.end_flows(lambda _flow: True) == 0

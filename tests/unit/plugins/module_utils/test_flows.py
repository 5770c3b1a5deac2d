# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which flows are ended. That they are, and no others, is proved with packets in tests/netns."""

from __future__ import annotations

import ipaddress
import socket
import struct

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter import flows_kernel as kernel
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.flows import end_flows
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data


class RecordingHost(Host):
    """Keeps the services it is told of, and answers as a kernel that had to leave `left`."""

    def __init__(self, root, left=()):
        super().__init__(root)
        self.left, self.services = list(left), None

    def call(self, function, *args):
        assert function is kernel.end
        (self.services,) = args
        return self.left


def entry(port, sources, address=None, protocol="tcp"):
    return {"listener": f"l{port}", "protocol": protocol, "port": port, "address": address, "sources": sources}


RULES = {
    "allow": [
        entry(8000, "any"),
        entry(8001, ["peers"]),
        entry(7946, ["peers"], protocol="udp"),
        entry(8002, ["peers"], "0.0.0.0"),
        entry(8002, [], "10.0.0.1"),
        entry(8003, []),
    ],
    "sets": {"peers": {"ipv4": ["10.1.0.0/24", "10.1.0.7/32", "10.2.0.1/32"], "ipv6": ["fd00::/64"]}},
}


@pytest.fixture
def services(tmp_path):
    """What the kernel is asked with of these rules."""
    host = RecordingHost(tmp_path)
    end_flows(host, ruleset_from_data(RULES))
    return host.services


def flow(source, port, address="10.0.0.9", protocol="tcp"):
    return kernel.Flow(protocol, *(ipaddress.ip_address(text).packed for text in (source, address)), port)


# From where, to which port and address, and whether it may go on.
FLOWS = [
    (flow("203.0.113.9", 8000), True),  # open to anyone
    (flow("203.0.113.9", 22), True),  # not ours
    (flow("203.0.113.9", 8001, protocol="udp"), True),  # not ours either: only tcp 8001 is
    (flow("10.1.0.200", 8001), True),
    (flow("10.2.0.1", 8001), True),
    (flow("10.2.0.2", 8001), False),
    (flow("203.0.113.9", 8001), False),
    (flow("10.2.0.2", 7946, protocol="udp"), False),
    (flow("fd00::5", 8001, "fd00::1"), True),
    (flow("fd01::5", 8001, "fd00::1"), False),
    (flow("10.1.0.1", 8002), True),
    (flow("10.1.0.1", 8002, "10.0.0.1"), False),  # the entry for this address comes first
    (flow("fd01::5", 8002, "fd00::1"), True),  # 0.0.0.0 is no IPv6 address
    (flow("10.1.0.1", 8003), False),
    (flow("127.0.0.1", 8003, "127.0.0.1"), True),  # the host reaches itself
]


@pytest.mark.parametrize("one, allowed", FLOWS, ids=str)
def test_what_may_go_on(services, one, allowed):
    assert kernel._is_allowed(services, one) is allowed


@pytest.mark.parametrize("data", [None, {"allow": [entry(8000, "any")]}])
def test_where_nobody_is_refused_nothing_is_looked_for(tmp_path, data):
    host = RecordingHost(tmp_path)
    assert end_flows(host, data and ruleset_from_data(data)) == ()
    assert host.services is None


def test_what_the_kernel_did_not_end_is_told(tmp_path):
    host = RecordingHost(tmp_path, ["tcp 8001 from 203.0.113.9: Operation not supported"])
    (line,) = end_flows(host, ruleset_from_data(RULES))
    assert line.startswith("a flow is still open that is no longer allowed: tcp 8001 from 203.0.113.9: Operation")


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def side(source, port, protocol=socket.IPPROTO_TCP):
    packed = ipaddress.ip_address(source).packed
    addresses = attribute(1 if len(packed) == 4 else 3, packed)
    ports = attribute(1, bytes([protocol])) + attribute(2, port.to_bytes(2, "big"))
    return attribute(1 | 0x8000, addresses) + attribute(2 | 0x8000, ports)


def test_an_entry_of_the_connection_tracker_is_read_behind_its_translation():
    message = attribute(1 | 0x8000, side("203.0.113.9", 40000)) + attribute(2 | 0x8000, side("172.17.0.2", 8001))
    assert kernel._tracked(dict(kernel.attributes(message))) == flow("203.0.113.9", 8001, "172.17.0.2")
    six = attribute(1, side("fd00::9", 40000)) + attribute(2, side("fd00::1", 8001))
    assert kernel._tracked(dict(kernel.attributes(six))) == flow("fd00::9", 8001, "fd00::1")


def test_an_entry_without_ports_is_none_of_ours():
    message = attribute(1, side("203.0.113.9", 0, socket.IPPROTO_ICMP)) + attribute(
        2, side("10.0.0.1", 0, socket.IPPROTO_ICMP)
    )
    assert kernel._tracked(dict(kernel.attributes(message))) is None


def test_ipv4_in_a_socket_for_both_families():
    mapped = bytes(10) + b"\xff\xff" + bytes([10, 1, 0, 7])
    assert kernel._unmapped(mapped, socket.AF_INET6) == bytes([10, 1, 0, 7])
    assert kernel._unmapped(bytes([10, 1, 0, 7]) + bytes(12), socket.AF_INET) == bytes([10, 1, 0, 7])
    assert len(kernel._unmapped(ipaddress.ip_address("fd00::1").packed, socket.AF_INET6)) == 16

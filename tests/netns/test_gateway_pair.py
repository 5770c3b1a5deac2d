# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two gateways that share an outside and an inside address, as with keepalived: the addresses move with gratuitous ARP.

`caller` and `outsider` are outside, `server` is inside. `wire` has a bridge for each side.
"""

from __future__ import annotations

import socket
import struct

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import nat_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.table import AREA, NatTable
from ansible_collections.gatehouse.kong.plugins.module_utils._host.conntrack import end_flows
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import Guard, confirm, converge
from ansible_collections.gatehouse.kong.tests.netns.conftest import Lab, NodeHost, enter_namespace, run_ip
from ansible_collections.gatehouse.kong.tests.netns.test_gateway import dial, open_flow

GATEWAYS = ("first", "second")
LINKS = (
    ("first", "outside", "10.9.1.2"),
    ("first", "inside", "10.9.2.2"),
    ("second", "outside", "10.9.1.3"),
    ("second", "inside", "10.9.2.3"),
    ("caller", "outside", "10.9.1.11"),
    ("outsider", "outside", "10.9.1.40"),
    ("server", "inside", "10.9.2.45"),
)
SIDES = {"outside": "10.9.1.9", "inside": "10.9.2.9"}
SHARED, INSIDE = SIDES.values()
CALLER, SERVER = "10.9.1.11", "10.9.2.45"
PORT = 9000
PROTOCOLS = ("tcp", "udp")

NAT = nat_from_data(
    [
        {
            "listener": "cluster",
            "protocol": protocol,
            "outside": SHARED,
            "outside_port": PORT,
            "inside": SERVER,
            "inside_port": 80,
            "sources": ["peers"],
            "hairpin": {"callers": [f"{SERVER}/32"], "source": INSIDE},
        }
        for protocol in PROTOCOLS
    ],
    [{"inside": SERVER, "outside": SHARED}],
    {"peers": {"ipv4": [f"{CALLER}/32"]}},
    [SHARED],
)


class Pair(Lab):
    """Both gateways with the same translations. One of them holds the shared addresses."""

    def __init__(self):
        super().__init__()
        self._holder = None

    def build(self):
        """Create the namespaces, the bridges and the links."""
        self.destroy()
        for name in self._names:
            run_ip("netns", "add", self.get_namespace(name))
            run_ip("-n", self.get_namespace(name), "link", "set", "lo", "up")
        wire = self.get_namespace("wire")
        for side in SIDES:
            run_ip("-n", wire, "link", "add", side, "type", "bridge")
            run_ip("-n", wire, "link", "set", side, "up")
        for number, (name, side, address) in enumerate(LINKS):
            namespace, port = self.get_namespace(name), f"port{number}"
            run_ip("link", "add", side, "netns", namespace, "type", "veth", "peer", "name", port, "netns", wire)
            run_ip("-n", wire, "link", "set", port, "master", side, "up")
            run_ip("-n", namespace, "link", "set", side, "up")
            run_ip("-n", namespace, "address", "add", f"{address}/24", "dev", side)
        for name in GATEWAYS:
            run_ip("netns", "exec", self.get_namespace(name), "sysctl", "-qw", "net.ipv4.ip_forward=1")
        run_ip("-n", self.get_namespace("server"), "route", "add", "default", "via", INSIDE)

    def destroy(self):
        """Remove the namespaces."""
        self.close()
        for name in self._names:
            run_ip("netns", "delete", self.get_namespace(name), check=False)

    def start(self, root):
        """Make the translations on both gateways. The first gateway holds the shared addresses."""
        self.hosts = {}
        for name in GATEWAYS:
            for folder in ("run/systemd/system", "etc/systemd/system", "var/lib"):
                (root / name / folder).mkdir(parents=True)
            self.hosts[name] = NodeHost(root / name, self.get_namespace(name))
            self.hosts[name].call(end_flows, lambda _flow: True)
            assert self.apply(name)
        self.move("first")

    def close(self):
        """Close the sockets, and take the shared addresses from their holder."""
        super().close()
        if self._holder:
            self._change_addresses("delete")
            self._holder = None

    def apply(self, name):
        """Execute both phases of a run of the module on a gateway, and tell whether it has changed the gateway."""
        host = self.hosts[name]
        outcome = converge(NatTable(host), NAT, Guard(Rollback(host, AREA), 30), check_mode=False)
        if outcome.transaction:
            confirm(NatTable(host), NAT, Rollback(host, AREA), outcome.transaction, keep=False)
        return outcome.changed

    def move(self, name):
        """Move the shared addresses to a gateway, and announce them like keepalived."""
        if self._holder:
            self._change_addresses("delete")
        self._holder = name
        self._change_addresses("add")
        with enter_namespace(self.get_namespace(name)):
            for side, address in SIDES.items():
                send_gratuitous_arp(side, address)

    def _change_addresses(self, verb):
        for side, address in SIDES.items():
            run_ip("-n", self.get_namespace(self._holder), "address", verb, f"{address}/32", "dev", side)

    @property
    def _names(self):
        return [*dict.fromkeys(name for name, _side, _address in LINKS), "wire"]


def send_gratuitous_arp(device, address):
    """Send an ARP request whose sender and target are an address of this host."""
    kind = 0x0806
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kind)) as link:
        link.bind((device, kind))
        hardware, packed = link.getsockname()[4], socket.inet_aton(address)
        request = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
        link.send(b"\xff" * 6 + hardware + struct.pack("!H", kind) + request + hardware + packed + bytes(6) + packed)


@pytest.fixture(scope="module")
def wires():
    made = Pair()
    try:
        made.build()
        yield made
    finally:
        made.destroy()


@pytest.fixture
def pair(wires, tmp_path):
    wires.start(tmp_path)
    yield wires
    wires.close()


def find_sources(pair, protocol, listener, outside):
    """Return the sources that the server sees of both callers and of itself, and the source that the caller sees of it."""
    kind = (protocol, "ipv4")
    calls = dict.fromkeys(("caller", "outsider", "server"), (listener, (SHARED, PORT)))
    found = {name: dial(pair, name, *call, kind) for name, call in calls.items()}
    found["egress"] = dial(pair, "server", outside, (CALLER, 7946), kind)
    return {name: done and done[1] for name, done in found.items()}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_next_holder_of_the_address_forwards_immediately(pair, protocol):
    """Both gateways have the same rules, so no run is necessary. A flow goes on if the caller sends the next packet."""
    expected = {"caller": CALLER, "outsider": None, "server": INSIDE, "egress": SHARED}
    listener = pair.open_listener(80, protocol, "ipv4", "server")
    outside = pair.open_listener(7946, protocol, "ipv4", "caller")
    assert find_sources(pair, protocol, listener, outside) == expected
    flow = open_flow(pair, "caller", listener, (SHARED, PORT), (protocol, "ipv4"))
    for name, former in (("second", "first"), ("first", "second")):
        pair.hosts[former].call(end_flows, lambda _flow: True)
        pair.move(name)
        assert pair.passes(flow)
        assert find_sources(pair, protocol, listener, outside) == expected
        # No packet passes the former holder, although its rules would forward it.
        assert pair.hosts[former].call(end_flows, lambda _flow: True) == 0
        for host in pair.hosts.values():
            assert NatTable(host).read().drift == ()
    assert [pair.apply(name) for name in GATEWAYS] == [False, False]


def test_a_connection_ends_if_the_server_sends_the_next_packet(pair):
    """The next holder does not know the connection, so it takes the packet for the first of a connection from inside."""
    listener = pair.open_listener(80, "tcp", "ipv4", "server")
    client, server = open_flow(pair, "caller", listener, (SHARED, PORT), ("tcp", "ipv4"))
    pair.move("second")
    server.send(b"more")
    with pytest.raises(ConnectionResetError):
        server.recv(4)
    with pytest.raises(TimeoutError):
        client.recv(4)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node and three neighbours, each in its own network namespace. The tests need root, iproute2 and nftables.

The network namespace, the firewall and the files of the machine are never changed.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.conntrack import end_flows
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd import start_new, start_timer
from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd_bus import SystemdError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import Guard, confirm, converge

NEIGHBOURS = ("friend", "ally", "outsider")
CLONE_NEWNET = 0x40000000
SILENCE = 0.4  # seconds; if no packet arrives on the local link in this time, no packet will arrive


def pytest_collection_modifyitems(items):
    """Run the file with the longest tests first, so that they do not run alone at the end."""
    items.sort(key=lambda item: item.path.name != "test_transaction.py")


def run_ip(*words, check=True):
    subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


@contextmanager
def enter_namespace(namespace):
    """Move this thread to another network namespace. Sockets that are created there stay there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as home, Path(f"/run/netns/{namespace}").open() as target:
        assert libc.setns(target.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), CLONE_NEWNET) == 0


class NodeHost(Host):
    """The node. Its programs run in its namespace, and its files are below a temporary directory."""

    def __init__(self, root, namespace):
        super().__init__(root)
        self.namespace = namespace
        self.calls = []

    def run(self, *argv, stdin="", **limits):
        self.calls.append(argv)
        if argv[0] == "systemctl":
            if argv[1] in ("start", "daemon-reload"):
                return ""  # systemd does not run here; other commands change the files with --root
            argv = ("systemctl", f"--root={self.root}", *(word for word in argv[1:] if word != "--now"))
        return super().run("ip", "netns", "exec", self.namespace, *argv, stdin=stdin, **limits)

    def call(self, function, *args):
        if function is start_timer:
            raise SystemdError("the tests do not use the systemd of this machine")
        if function is start_new:
            return None
        with enter_namespace(self.namespace):
            return function(*args)

    def detach(self, *argv):
        """Start no program, because none may outlive its test. A test can replace this method."""


class Lab:
    """The node, with a link to each neighbour: the node has 10.0.N.1 and fd00:N::1, the neighbour 10.0.N.2 and fd00:N::2."""

    def __init__(self):
        self._prefix = f"gkfw{os.getpid()}"
        self._sockets = []

    def start(self, root):
        for folder in ("run/systemd/system", "etc/systemd/system", "var/lib"):
            (root / folder).mkdir(parents=True)
        self.host = NodeHost(root, self.get_namespace("node"))
        self.backend = lambda host: choose(host, "nftables").backend
        self.run_nft("flush ruleset")
        # A new connection with the port of an earlier test would belong to its flow, and pass as established.
        self.host.call(end_flows, lambda _flow: True)

    def get_namespace(self, name):
        return f"{self._prefix}{name}"

    def build(self):
        self.destroy()  # remove namespaces of a killed run with the same process id
        for name in ("node", *NEIGHBOURS):
            run_ip("netns", "add", self.get_namespace(name))
            run_ip("-n", self.get_namespace(name), "link", "set", "lo", "up")
        for name in NEIGHBOURS:
            run_ip("link", "add", "to-node", "netns", self.get_namespace(name), "type", "veth",
                   "peer", "name", name, "netns", self.get_namespace("node"))  # fmt: skip
        self.add_addresses()

    def add_addresses(self):
        """Add the addresses to both ends of each link."""
        for number, name in enumerate(NEIGHBOURS, 1):
            self._set_up("node", name, number, end=1)
            self._set_up(name, "to-node", number, end=2)

    def _set_up(self, where, device, number, end):
        other = 3 - end
        run = ("-n", self.get_namespace(where))
        run_ip(*run, "link", "set", device, "address", f"02:00:00:00:0{number}:0{end}", "up")
        run_ip(*run, "address", "replace", f"10.0.{number}.{end}/24", "dev", device)
        run_ip(*run, "address", "replace", f"fd00:{number}::{end}/64", "dev", device, "nodad")
        # A new link loses its first neighbour solicitation, and the second is sent a second later.
        for address in (f"10.0.{number}.{other}", f"fd00:{number}::{other}"):
            run_ip(*run, "neigh", "replace", address, "dev", device, "lladdr", f"02:00:00:00:0{number}:0{other}")

    def announce(self, name, address):
        """Tell a neighbour who has an address of the node, as keepalived does. Its first solicitation can be lost."""
        hardware = f"02:00:00:00:0{NEIGHBOURS.index(name) + 1}:01"
        run_ip("-n", self.get_namespace(name), "neigh", "replace", address, "dev", "to-node", "lladdr", hardware)

    def destroy(self):
        self.close()
        for name in ("node", *NEIGHBOURS):
            run_ip("netns", "delete", self.get_namespace(name), check=False)

    def close(self):
        for opened in self._sockets:
            opened.close()
        self._sockets.clear()

    @staticmethod
    def get_address(name, family="ipv4", end=2):
        """Return the address of a neighbour, or with end=1 the address of the node on the same link."""
        number = NEIGHBOURS.index(name) + 1
        return f"10.0.{number}.{end}" if family == "ipv4" else f"fd00:{number}::{end}"

    def run_nft(self, text):
        """Load rules on the node, as an administrator does."""
        return Host.run(self.host, "ip", "netns", "exec", self.host.namespace, "nft", "-f", "-", stdin=text)

    def read(self):
        """Return the state that the module would find."""
        return self.backend(self.host).read()

    def list_ruleset(self):
        """Return the whole ruleset of the node, without our table and without counters."""
        text = Host.run(self.host, "ip", "netns", "exec", self.host.namespace, "nft", "-s", "list", "ruleset")
        return text.partition("table inet gatehouse_kong")[0]

    def converge(self, data, check_mode=False):
        """Execute both phases of a run of the module. Each run has new objects."""
        self.host.calls.clear()
        want = ruleset_from_data(data) if data is not None else None
        outcome = converge(self.backend(self.host), want, Guard(Rollback(self.host), 30), check_mode=check_mode)
        if outcome.transaction:
            confirm(self.backend(self.host), want, Rollback(self.host), outcome.transaction, keep=True)
        return outcome

    def open_socket(self, name, family, kind):
        with enter_namespace(self.get_namespace(name)):
            made = socket.socket(socket.AF_INET if family == "ipv4" else socket.AF_INET6, kind)
        made.settimeout(SILENCE)
        if kind == socket.SOCK_STREAM:
            # Closing ends the connection at once. Without this, data that a rule drops is sent again during later tests.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sockets.append(made)
        return made

    def open_listener(self, port, protocol="tcp", family="ipv4", name="node"):
        """Open a socket on the node, or on a neighbour with this name, on every address of the family."""
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        made = self.open_socket(name, family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == "ipv6":
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(("0.0.0.0" if family == "ipv4" else "::", port))
        if protocol == "tcp":
            made.listen()
        return made

    def connect(self, name, listener, protocol="tcp", family="ipv4", to=None):
        """Connect a neighbour (or "node" itself) to a listener. Return a pair of sockets, or None if no packet arrives."""
        address = to or self.get_address(name if name != "node" else "friend", family, end=1)
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        client = self.open_socket(name, family, kind)
        with suppress(TimeoutError, ConnectionRefusedError):
            client.connect((address, listener.getsockname()[1]))
            if protocol == "udp":
                client.send(b"hello")
                listener.recv(9)
                return client, listener
            served, _address = listener.accept()
            served.settimeout(SILENCE)
            self._sockets.append(served)
            return client, served
        return None

    @staticmethod
    def passes(flow):
        """Tell whether data of the client still arrives at the server."""
        client, server = flow
        try:
            client.send(b"more")
        except ConnectionResetError:
            return False
        try:
            return server.recv(4) == b"more"
        except TimeoutError:
            return False


@pytest.fixture
def tmp_path():
    """A temporary directory, in memory if possible, because a change syncs its files to the disk dozens of times."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="gkfw", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def wires():
    """The namespaces, created once for each file, because creating them takes longer than most tests."""
    made = Lab()
    try:
        made.build()
        yield made
    finally:
        made.destroy()


@pytest.fixture
def lab(wires, tmp_path: Path):
    """The lab without rules, and with an empty directory for the files of the node."""
    wires.start(tmp_path)
    yield wires
    wires.close()

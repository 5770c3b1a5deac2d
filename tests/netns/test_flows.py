# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which flows end on a host that accepts what is established, and which have nothing to do with its ports."""

from __future__ import annotations

import socket
from contextlib import contextmanager

import pytest

from ansible_collections.gatehouse.kong.tests.netns.conftest import ip
from ansible_collections.gatehouse.kong.tests.netns.nodes import Node

ADMIN = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]}
NONLOCAL_BIND = {"ipv4": "net.ipv4.ip_nonlocal_bind", "ipv6": "net.ipv6.ip_nonlocal_bind"}
# A flow that it does not know is refused where it is forwarded, also in its middle.
STATEFUL = """\
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -p tcp -m tcp --syn -j ACCEPT
COMMIT
"""


def friends(*numbers):
    networks = {"ipv4": [f"10.0.{number}.0/24" for number in numbers],
                "ipv6": [f"fd00:{number}::/64" for number in numbers] + ["fe80::/64"]}  # fmt: skip
    return {"allow": [ADMIN], "sets": {"friends": networks}}


@pytest.fixture
def ufw(lab):
    node = Node(lab, "ufw")
    yield node
    node.clean()


@contextmanager
def switched(node, key, value, after):
    node.lab.host.run("sysctl", "-qw", f"{key}={value}")
    try:
        yield
    finally:
        node.lab.host.run("sysctl", "-qw", f"{key}={after}")


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_where_any_address_can_be_bound(ufw, family):
    """As keepalived has it: then an address that can be bound is not for that one of this host."""
    with switched(ufw, NONLOCAL_BIND[family], 1, 0):
        ufw.lab.converge(friends(1, 3))
        listener = ufw.lab.listen(8001, family=family)
        stays, goes = (ufw.lab.connect(who, listener, family=family) for who in ("friend", "stranger"))
        ufw.lab.converge(friends(1))
        assert ufw.lab.passes(stays)
        assert not ufw.lab.passes(goes)


def test_what_the_host_forwards_to_the_same_port_elsewhere(ufw):
    """From a source that may not come to our port, to somebody else's."""
    ip("-n", ufw.lab.namespace("stranger"), "route", "replace", "10.0.2.0/24", "via", "10.0.3.1")
    ip("-n", ufw.lab.namespace("ally"), "route", "replace", "10.0.3.0/24", "via", "10.0.2.1")
    ufw.restore(STATEFUL)
    with switched(ufw, "net.ipv4.ip_forward", 1, 0), switched(ufw, "net.netfilter.nf_conntrack_tcp_loose", 0, 1):
        server = ufw.lab.socket("ally", "ipv4", socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("10.0.2.2", 8001))
        server.listen()
        flow = ufw.lab.connect("stranger", server, to="10.0.2.2")
        assert ufw.lab.passes(flow)
        ufw.lab.converge(friends(1))
        assert ufw.lab.passes(flow)

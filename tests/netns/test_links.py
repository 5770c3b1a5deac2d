# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A data plane that connects to a control plane through the kernel's NAT: both ends together tell the NAT device."""

from __future__ import annotations

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.connections import list_links
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.measure import hold_connections
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.links import list_egress, list_mappings, match_links
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.measure import match_measured
from ansible_collections.gatehouse.kong.tests.netns.conftest import enter_namespace, run_ip
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import make_host, make_settings

OUTSIDE, INSIDE = 9005, 8005
# The node is the NAT device between the data plane "friend" and the control plane "ally".
NAT = """
table ip nat {
  chain prerouting { type nat hook prerouting priority dstnat; ip daddr 10.0.1.1 tcp dport 9005 dnat to 10.0.2.2:8005; }
  chain postrouting { type nat hook postrouting priority srcnat; ip daddr 10.0.2.2 %s; }
}
"""


@pytest.fixture
def router(lab):
    for name in ("friend", "ally"):
        near = lab.get_address(name, end=1)
        run_ip("-n", lab.get_namespace(name), "route", "replace", "default", "via", near)
    words = ["ip", "netns", "exec", lab.get_namespace("node"), "sysctl", "-qw"]
    subprocess.run([*words, "net.ipv4.ip_forward=1"], check=True)
    yield lab
    subprocess.run([*words, "net.ipv4.ip_forward=0"], check=True)


def connect(lab):
    listener = lab.open_socket("ally", "ipv4", socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", INSIDE))
    listener.listen()
    lab.open_socket("friend", "ipv4", socket.SOCK_STREAM).connect(("10.0.1.1", OUTSIDE))
    served, _address = listener.accept()
    lab._sockets.append(served)


def read_links(lab, name, *ports):
    with enter_namespace(lab.get_namespace(name)):
        return [asdict(link) for link in list_links(*ports, Path("/proc/thread-self"))]


def find_nat(lab):
    control, data = (make_settings(role=role) for role in ("control_plane", "data_plane"))
    received, sent = read_links(lab, "ally", {INSIDE}, ()), read_links(lab, "friend", (), {OUTSIDE})
    hosts = [
        make_host("c", "10.0.2.2", settings=control, links=received),
        make_host("d", "10.0.1.2", settings=data, links=sent),
    ]
    matches = match_links(hosts)
    return [mapping for mapping, _evidence in list_mappings("c", matches)], [*list_egress(hosts[1], hosts, matches)]


def test_a_measured_connection_is_seen_by_both_ends(router):
    """Both hosts begin at different times, and hold their connections until the other has looked."""
    router.run_nft(NAT % "masquerade")
    listener = router.open_socket("ally", "ipv4", socket.SOCK_STREAM)
    listener.bind(("0.0.0.0", INSIDE))
    listener.listen()

    def hold(name, ends, ports, seconds):
        with enter_namespace(router.get_namespace(name)):
            return hold_connections(ends, ports, seconds, Path("/proc/thread-self"))

    with ThreadPoolExecutor() as threads:
        first = threads.submit(hold, "ally", [], {INSIDE}, 2.0)
        sent, _received = threads.submit(hold, "friend", [("10.0.1.1", OUTSIDE), ("10.0.1.1", 9)], (), 1.0).result()
        _sent, received = first.result()
    hosts = [make_host("c", "10.0.2.2"), make_host("d", "10.0.1.2")]
    measured = {"c": {"received": [*map(asdict, received)]}, "d": {"sent": [*map(asdict, sent)]}}
    matches = match_measured(hosts, measured)
    assert [mapping for mapping, _evidence in list_mappings("c", matches)] == [MAPPING]
    assert [*list_egress(hosts[1], hosts, matches)] == ["10.0.2.1"]


MAPPING = {"outside": "10.0.1.1", "outside_port": OUTSIDE, "inside_port": INSIDE}


@pytest.mark.parametrize(
    ("source", "mappings", "egress"),
    [
        ("accept", [MAPPING], []),
        ("masquerade", [MAPPING], ["10.0.2.1"]),
        # Another source port on the second link: the ends cannot be compared.
        ("tcp dport 8005 masquerade to :1024-1030", [], []),
    ],
    ids=["forward", "both", "other port"],
)
def test_the_nat_device_between_both_ends_is_found(router, source, mappings, egress):
    router.run_nft(NAT % source)
    connect(router)
    assert find_nat(router) == (mappings, egress)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources that a host allows to Kong's sockets, as plain data."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import Socket
from ansible_collections.gatehouse.kong.plugins.module_utils._modules import kong_adopt_info
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.bounds import list_named_networks
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import parse_saved
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.live_rules import LiveRules

ADMIN = Socket("tcp", 8001, "0.0.0.0", "nginx")


def list_access(monkeypatch, rules, *sockets):
    """Return the access through rules of iptables for IPv4; other hosts than this have no rules for IPv6."""
    saved = f"*filter\n:INPUT ACCEPT [0:0]\n{rules}\nCOMMIT\n"
    live = LiveRules(tuple(parse_saved(saved, "ipv4")), {"ipv4": tuple(list_named_networks("ipv4", saved)), "ipv6": ()})
    monkeypatch.setattr(kong_adopt_info, "read_live_rules", lambda host: live)
    return [*kong_adopt_info._list_access(None, sockets)]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("", {"sources": ["any"]}),
        ("-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -j DROP", {"sources": ["10.0.0.0/8"]}),
        ("-A INPUT -j DROP", {}),
        ("-A INPUT -s 10.0.0.0/8 -m limit --limit 1/sec -j ACCEPT\n-A INPUT -j DROP",
         {"unknown": ["10.0.0.0/8"], "reason": "`-A INPUT -s 10.0.0.0/8 -m limit --limit 1/sec -j ACCEPT` in chain filter INPUT"}),
        ("-A INPUT -s 10.0.0.0/8 -j DROP\n-A INPUT -s 192.0.2.0/24 -j DROP", {"sources": ["any"], "except": ["10.0.0.0/8", "192.0.2.0/24"]}),
    ],
)  # fmt: skip
def test_access_is_described_in_the_shorter_form(monkeypatch, rules, expected):
    empty = {
        "protocol": "tcp",
        "port": 8001,
        "family": "ipv4",
        "sources": [],
        "except": [],
        "unknown": [],
        "reason": "",
    }
    assert list_access(monkeypatch, rules, ADMIN) == [{**empty, **expected}]


@pytest.mark.parametrize(
    ("sock", "families"),
    [
        (ADMIN, ["ipv4"]),
        (Socket("tcp", 8001, "::", "nginx"), ["ipv6"]),
        (Socket("udp", 7946, "::", "serf"), ["ipv4", "ipv6"]),
        (Socket("tcp", 8001, "127.0.0.1", "nginx"), []),
        (Socket("tcp", 8001, "::1", "nginx"), []),
    ],
)
def test_each_family_of_a_socket_is_described(monkeypatch, sock, families):
    assert [found["family"] for found in list_access(monkeypatch, "", sock)] == families


def test_rules_that_cannot_be_read_are_the_reason(monkeypatch):
    def fail(host):
        raise HostError("install the package nftables")

    monkeypatch.setattr(kong_adopt_info, "read_live_rules", fail)
    (found,) = kong_adopt_info._list_access(None, [ADMIN])
    assert (found["sources"], found["unknown"], found["reason"]) == ([], ["any"], "install the package nftables")

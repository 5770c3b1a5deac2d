# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories with faults, in addition to those of remedies/ and refusals.py: (code, nodes, other hosts)."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.model import make_facts
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import GOSSIP

_NEW = {"kong_version": "3.9", "kong_address": "10.1.0.2", "kong_admin_gui_listen": "off"}
_BARE = {"kong_version": "3.9", "kong_address": "10.1.0.2"}
_BOTH = {**_NEW, "kong_address": ["10.1.0.2", "fd00::2"]}
_OLD = {**GOSSIP, "kong_address": "10.1.0.2"}
_RULE = {"destinations": ["10.0.0.1"], "ports": [80], "listen_port": 8000}
_STATUS = {
    "kong_status_listen": "0.0.0.0:8007, 0.0.0.0:8008, 0.0.0.0:8009, 0.0.0.0:8010",
    "kong_status_sources": "@kong",
}


def _make_node(code, base, **variables):
    """Return one node with a fault."""
    return code, {"n": {**base, **{f"kong_{name}": value for name, value in variables.items()}}}, {}


def _intercept(code, *entries, base=None, **variables):
    """Return one node with entries of kong_transparent."""
    return _make_node(code, base or _BARE, transparent=list(entries), **variables)


_INTERCEPTION = [
    _intercept("interception-invalid", "10.0.0.1"),
    _intercept("interception-invalid", {**_RULE, "port": 80}),
    _intercept("interception-invalid", {**_RULE, "ports": []}),
    _intercept("interception-invalid", {**_RULE, "ports": ["http"]}),
    _intercept("interception-invalid", {**_RULE, "listen_port": 0}),
    _intercept("interception-invalid", {**_RULE, "interfaces": ["eth0/1"]}),
    _intercept("interception-invalid", {**_RULE, "destinations": []}),
    _intercept("interception-invalid", {**_RULE, "destinations": ["10.0.0.300"]}),
    _intercept("interception-invalid", {**_RULE, "destinations": ["224.0.0.1"]}),
    _intercept("interception-listener", {**_RULE, "destinations": ["fd00::9"]}),
    _intercept("interception-listener", {**_RULE, "listen_port": 8001}),
    _intercept("interception-listener", _RULE, proxy_listen="off"),
    _intercept("interception-listener", _RULE, proxy_listen="127.0.0.1:8000"),
    _intercept("interception-listener", _RULE, proxy_listen="kong.example:8000"),
    _intercept("interception-listener", _RULE, published_ports=["8000:8000"]),
    _intercept("interception-flag-missing", _RULE, version="1.5"),
    _intercept("interception-own-address", {**_RULE, "destinations": ["10.1.0.2", "10.0.0.1"]}, version="1.5",
               proxy_listen="0.0.0.0:8000 transparent"),
    _intercept("interception-protected", {**_RULE, "destinations": ["10.0.0.0/8"], "ports": [22, 8007]}, base={**_NEW, **_STATUS}),
    _intercept("interception-protected", {**_RULE, "destinations": ["203.0.113.2"], "ports": [2222]},
               nat=[{"outside": "203.0.113.2", "outside_port": 2222, "inside_port": 8007, "protocols": ["tcp"]}],
               status_listen="0.0.0.0:8007"),
    _intercept("interception-protected", {**_RULE, "destinations": ["203.0.113.0/24"], "ports": [22]}, base=_NEW,
               nat=[{"outside": f"203.0.113.{number}"} for number in (10, 9, 8, 1, 100, 11)]),
    _intercept("interception-port-taken", {**_RULE, "destinations": ["10.1.0.2"], "ports": [8443]}),
    _intercept("interception-port-taken", {**_RULE, "ports": [8443]}, version="1.5",
               proxy_listen="0.0.0.0:8000 transparent, 0.0.0.0:8443 ssl"),
    _intercept("interception-overlap", _RULE, {**_RULE, "destinations": ["10.0.0.0/24"], "listen_port": 8443}),
    _intercept("interception-overlap", _RULE, _RULE, {**_RULE, "interfaces": ["eth0"]}),
    _intercept("interception-hidden", _RULE, {**_RULE, "ports": [443], "listen_port": 8443}),
    _intercept("interception-hidden", _RULE, config={"port_maps": "80:8000"}),
]  # fmt: skip
_ADDRESSES = [
    _make_node("address-invalid", _NEW, address=["10.1.0.2", "10.1.0.3"]),
    _make_node("address-invalid", _NEW, address="fe80::1"),
    _make_node("address-invalid", _NEW, address="0.0.0.0"),
    _make_node("address-invalid", _NEW, address="224.0.0.7"),
    _make_node("address-invalid", _NEW, address="010.0.0.1"),
    _make_node("address-invalid", _NEW, vpn_address="127.0.0.1"),
    _make_node("address-invalid", _NEW, nat_egress=["203.0.113.1", "::/0"]),
    _make_node("address-invalid", _NEW, address_networks="10.0.0.1/33"),
    _make_node("address-invalid", _NEW, virtual_addresses=["224.0.0.1"]),
    ("address-unknown", {"n": {"kong_version": "3.9", "ansible_facts": {"all_ipv4_addresses": []}}}, {}),
    ("address-unknown", {"n": {"kong_version": "3.9", "kong_address_networks": ["192.0.2.0/24"],
                               **make_facts(["10.0.0.1"], eth0=["10.0.0.1/24"])}}, {}),
    ("address-unknown", {"n": {"kong_version": "3.9", "kong_address_query": "ansible_facts.nothing",
                               **make_facts(["10.0.0.1"], eth0=["10.0.0.1/24"])}}, {}),
    ("address-ambiguous", {"n": {"kong_version": "3.9", **make_facts(
        [], **{f"eth{number}": [f"10.{number}.0.1/24"] for number in range(6)})}}, {}),
    ("address-not-on-host", {"n": {**_BOTH, **make_facts(["10.1.0.9"], eth0=["10.1.0.9/24", "fd00::9/64"])}}, {}),
    *(("address-overlap",
       {"m": {**_BARE, "kong_site": "a", "kong_flat_network": first}, "n": {**_BARE, "kong_site": "b", "kong_flat_network": second}},
       {}) for first, second in ((True, None), (None, True), (None, None), (True, False))),
    ("source-address-unknown",
     {"n": {**_NEW, "kong_status_listen": "0.0.0.0:8007", "kong_status_sources": ["w1", "w2", "w3", "w4", "w5"]}},
     {f"w{number}": {**make_facts([], eth0=["10.77.0.1/24"], eth1=[f"10.1.0.{number}1/24"], eth2=[f"10.1.0.{number}2/24"]),
                     "kong_address_query": "ansible_facts.eth0.ipv4.address"} for number in range(1, 6)}),
    ("egress-private",
     {"n": {**_NEW, "kong_site": "out", "kong_address": "198.51.100.3", "kong_status_listen": "0.0.0.0:8007",
            "kong_proxy_sources": ["w1", "w2", "w3", "w4", "w5"], "kong_nat": [{"outside": "198.51.100.4"}]}},
     {f"w{number}": {"kong_site": "in", "kong_address": f"10.5.0.{number}"} for number in range(1, 6)}),
    ("source-no-path",
     {"n": {**_NEW, **_STATUS, "kong_site": "a"},
      **{f"m{number}": {**_NEW, "kong_site": f"s{number % 3}", "kong_address": f"10.9.0.{number}"} for number in range(1, 6)}}, {}),
    ("source-no-path", {"n": {**_NEW, "kong_proxy_sources": ["six"]}}, {"six": {"kong_address": "fd00::6"}}),
    ("source-no-path", {"n": {**_BOTH, "kong_proxy_sources": ["six", "two"]}},
     {"six": {"kong_address": "fd00::6"}, "two": {"kong_address": ["10.1.0.3", "fd00::3"]}}),
    ("source-no-path", {"n": {**_BOTH, "kong_proxy_listen": "[::]:8000", "kong_proxy_sources": ["four", "five"]}},
     {"four": {"kong_address": "10.1.0.4"}, "five": {"kong_address": "10.1.0.5"}}),
    ("no-path", {"n": {**_NEW, "kong_role": "control_plane", "kong_cluster_listen": "127.0.0.1:8005"},
                 "d": {**_NEW, "kong_admin_gui_listen": None, "kong_address": "10.1.0.3", "kong_role": "data_plane"}}, {}),
]  # fmt: skip
_LISTEN = [
    _make_node("http2-only", _BARE, version="2.8", proxy_listen="0.0.0.0:80 http2"),
    _make_node("listen-not-opened", _BARE, version="3.4.3.5", portal_gui_listen="0.0.0.0:8003"),
    _make_node("listen-not-opened", _BARE, cluster_listen="0.0.0.0:8005"),
    _make_node("ssl-port-by-default", _BARE, version="0.10", proxy_listen="0.0.0.0:80", admin_listen="127.0.0.1:81"),
    _make_node("listen-collision", _BARE, version="0.8", admin_listen="0.0.0.0:8053", cluster_listen="0.0.0.0:8053"),
    ("listen-not-opened", {"n": {**_BARE, "kong_role": "data_plane", "kong_admin_listen": "0.0.0.0:8001",
                                 "kong_cluster_control_plane": "192.0.2.1:8005"}}, {}),
]  # fmt: skip
_MAPPED = {"outside": "203.0.113.2"}
_PEER = {**GOSSIP, "kong_flat_network": True}
_GOSSIP = [
    (
        "gossip-bind",
        {
            "n": {**_PEER, "kong_site": "a", "kong_address": "10.1.0.1", "kong_vpn_address": "10.8.0.1", "kong_cluster_listen": "10.1.0.1:7946"},
            "m": {**_PEER, "kong_site": "b", "kong_address": "10.2.0.1", "kong_vpn_address": "10.8.0.2"},
            "k": {**_PEER, "kong_site": "c", "kong_address": "10.3.0.1", "kong_vpn_address": "10.8.0.3", "kong_cluster_advertise": "10.3.0.1:7946"},
        },
        {},
    ),
]  # fmt: skip
# fmt: off
_NAT = [
    _make_node("nat-invalid", _BARE, nat=[mapping])
    for mapping in (
        {"inside_port": 8000}, {**_MAPPED, "port": 80}, {"outside": "router"}, {"outside": "203.0.113.0/24"},
        {"outside": "0.0.0.0"}, {"outside": "224.0.0.1"}, {**_MAPPED, "inside": "10.1.0.9"}, {**_MAPPED, "inside": "x"},
        {**_MAPPED, "outside_port": 70000}, {**_MAPPED, "inside_port": "http"}, {**_MAPPED, "protocols": ["sctp"]},
        {**_MAPPED, "protocols": [None]}, {**_MAPPED, "sites": [["a"]]}, {**_MAPPED, "device": ""}, {**_MAPPED, "sites": {"a": 1}},
        {**_MAPPED, "hairpin_source": "fd00::1"}, {**_MAPPED, "hairpin_source": "127.0.0.1"},
        {**_MAPPED, "outside_interface": "wan*", "device": "r"}, {**_MAPPED, "outside_interface": "wan0"},
    )
]
_NAT += [
    (code, {"n": {**_BARE, "kong_nat_query": query, "cloud": [{"public": "203.0.113.2"}], "word": "text"}}, {})
    for code, query in (("nat-invalid", "word"), ("nat-invalid", "cloud"), ("nat-invalid", "cloud[0].public"),
                        ("query-invalid", "length(`1`)"), ("query-invalid", "nothing()"))
]
_PUBLISHED = [
    _make_node("published-invalid", _BARE, published_ports=[item])
    for item in ("0:1", "8000:70000", "80:8000/sctp", "80-81:8000", "10.0.0.300:80:8000", "[fd00::1]:80:8000", "a:b")
]
_PUBLISHED += [
    _make_node("published-no-listener", _BARE, published_ports=["80:8001"]),
    _make_node("published-no-listener", _BARE, proxy_listen="off", admin_listen="off", admin_gui_listen="off", status_listen="off",
               published_ports=["80:8001"]),
    _make_node("published-duplicate", _BARE, published_ports=["80:8000", "10.1.0.2:80:8443", "80:8001/udp"]),
    ("bind-not-on-host", {"n": {**_BARE, "kong_published_ports": ["10.9.9.9:80:8000"],
                                **make_facts(["10.1.0.2"], eth0=["10.1.0.2/24"])}}, {}),
    ("ssh-port-taken", {"n": {**_BARE, "ansible_port": 8000, "kong_published_ports": ["8000:8000"]}}, {}),
    ("ssh-port-taken", {"n": {**_BARE, "ansible_port": 8443, "ansible_host": "10.1.0.2",
                              "kong_proxy_listen": "10.1.0.2:8443 ssl"}}, {}),
]
_CONFIG = [
    _make_node("config-invalid", base, config=config)
    for base in (_BARE, {**_OLD, "kong_version": "0.8"})
    for config in ({"a b": 1}, {"a": {"b": 1}}, {"a": [1, 2]}, {"a": [{"b": 1}]}, {"a": "x\ny"}, {"a": None, 1: 2}, {"role": "x"},
                   {"admin_api_listen": "x"}, {"proxy_listen_ssl": "x"}, {"cluster": {"advertise": "x"}}, {"dnsmasq_port": 53},
                   {"dns_resolvers_available": {"dnsmasq": {"port": 53}}})
]
_COLLISIONS = [
    _make_node("listen-collision", _BARE, version="1.5", proxy_listen=proxy, admin_listen=admin)
    for proxy, admin in (
        ("0.0.0.0:80", "[::]:80"), ("*:80", "127.0.0.1:80"), ("localhost:80", "127.0.0.1:80"), ("[::]:80 ipv6only=off", "0.0.0.0:80"),
        ("A.example:80", "a.example:80"), ("10.1.0.2:80, 10.1.0.2:80", "127.0.0.1:81"), ("0.0.0.0:80, 10.1.0.2:80", "127.0.0.1:81"),
        ("0.0.0.0:80 reuseport, 10.1.0.2:80 reuseport", "127.0.0.1:81"), ("0.0.0.0:80, 10.1.0.2:80 ssl", "127.0.0.1:81"),
        ("0.0.0.0:80, 10.1.0.2:80 bind", "127.0.0.1:81"),
    )
]
ENTRIES = [
    _make_node("listen-type", {**_BARE, "kong_version": version}, proxy_listen=entry)
    for version in ("0.8", "0.10", "0.13", "1.5", "3.9")
    for entry in ("10.1.0:80", "1.2.3.4567:80", "[fd00::1", "[fd00::g]:80", "[::ffff:1.2.3.4]:80", "[::ffff:102:304]:80", "0.0.0.0:80 udp",
                  "0.0.0.0:80 so_keepalive=1:2:3:4", "0.0.0.0:80 backlog=x", "0.0.0.0:80 ssl http2", "0.0.0.0:0x50", "unix:/x",
                  "0.0.0.0:80, 0.0.0.0:81, 0.0.0.0:82 ssl", "0.0.0.0:80 0.0.0.0:81", "off ssl", "a..b:80", "0.0.0.0:", "443 ssl",
                  "0.0.0.0:80 proxy_protocol deferred", "%eth0:80")
]
ENTRIES += [
    _make_node("listen-collision", {**_BARE, "kong_version": version}, proxy_listen=f"{wildcard}, {entry} {flag}")
    for version in ("1.5", "3.9")
    for wildcard, entry in (("0.0.0.0:80", "10.1.0.2:80"), ("[::]:80", "[fd00::1]:80"))
    for flag in ("bind", "reuseport", "deferred", "transparent", "backlog=9", "ipv6only=on", "so_keepalive=on", "http2 ssl")
]
# fmt: on
FAULTS = [*_INTERCEPTION, *_ADDRESSES, *_LISTEN, *_NAT, *_PUBLISHED, *_CONFIG, *_COLLISIONS, *_GOSSIP]

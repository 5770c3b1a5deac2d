# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories with different networks: NAT, VPN, flat networks, IPv6, several addresses of a host."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.model import Fleet, make_facts
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import GOSSIP

_SEED = {**GOSSIP, "kong_site": "lan", "kong_admin_sources": ["admin"], "kong_verify_outsiders": ["client", "outsider"]}
_ROUTER = {
    "device": "branch-router", "outside": "192.168.10.5", "outside_port": 9000, "inside_port": 80,
    "protocols": ["tcp", "udp"], "hairpin_source": "192.168.23.254",
}  # fmt: skip
SEED = Fleet(
    {
        "a1": {**_SEED, "kong_address": "192.168.10.11"},
        "a2": {**_SEED, "kong_address": "192.168.10.12"},
        "b1": {**_SEED, "kong_site": "branch", "kong_address": "192.168.23.45",
               "kong_cluster_listen": "192.168.23.45:80", "kong_nat": [_ROUTER]},
    },
    {
        "admin": {"kong_site": "lan", "kong_address": "192.168.10.20"},
        "client": {"kong_site": "lan", "kong_address": "192.168.10.30"},
        "outsider": {"kong_site": "lan", "kong_address": "192.168.10.40"},
    },
    later={
        "a1": {"kong_proxy_sources": ["192.168.0.0/16"], "kong_admin_sources": ["nobody"], "kong_site": "lan"},
        "a2": {"kong_address": "192.168.10.13", "kong_config": {"log_level": "debug"}, "kong_admin_sources": "@lan"},
        "b1": {"kong_version": "0.10.3", "kong_nat": [{**_ROUTER, "outside": "192.168.10.6", "device": "fritz"}]},
        "c1": {"kong_address": "10.9.0.1", "kong_site": "new"},
    },
    groups={"lan": ["admin", "client"]},
    pictured=True,
)  # fmt: skip

_NEW = {"kong_version": "3.4", "kong_admin_gui_listen": "off", "kong_status_listen": "0.0.0.0:8007"}
_TO_EVERY_SITE = {
    "kong_admin_listen": "0.0.0.0:8001",
    "kong_admin_sources": ["office", "phone", "@kong"],
    "kong_status_sources": ["public", "198.51.100.0/24"],
    "kong_proxy_sources": {8000: "any", 8443: ["office", "10.0.0.0/8"]},
}
NAT = Fleet(
    {
        # One to one, and a port for one site only.
        "one": {**_NEW, **_TO_EVERY_SITE, "kong_site": "one", "kong_address": "10.1.0.1",
                "kong_nat": [{"outside": "203.0.113.1", "device": "r1"},
                             {"outside": "203.0.113.11", "outside_port": 80, "inside_port": 8000,
                              "sites": ["office"], "protocols": ["tcp"], "device": "r1"}]},
        # Ports, with a hairpin, and an egress that differs from the outside address.
        "ports": {**_NEW, **_TO_EVERY_SITE, "kong_site": "two", "kong_address": "10.2.0.1",
                  "kong_nat_egress": ["203.0.113.20", "203.0.113.24/30"],
                  "kong_nat": [{"outside": "203.0.113.2", "outside_port": 80, "inside_port": 8000, "protocols": ["tcp"],
                                "hairpin_source": "10.2.0.254"},
                               {"outside": "203.0.113.2", "outside_port": 81, "inside_port": 8001, "protocols": ["tcp"]}]},
        "twin": {**_NEW, **_TO_EVERY_SITE, "kong_site": "two", "kong_address": "10.2.0.2",
                 "kong_nat_query": "cloud[].{outside: public, inside_port: port}",
                 "cloud": [{"public": "203.0.113.3", "port": 8443}]},
        # A public address, to which callers behind a NAT connect without a mapping.
        "public": {**_NEW, **_TO_EVERY_SITE, "kong_site": "three", "kong_address": ["198.51.100.3", "2001:db8:3::3"],
                   "kong_proxy_listen": "0.0.0.0:8000, 0.0.0.0:8443 ssl, [::]:8000"},
        "lost": {**_NEW, **_TO_EVERY_SITE, "kong_site": "four", "kong_address": "10.4.0.1"},
    },
    {
        "office": {"kong_site": "office", "kong_address": "10.5.0.1", "kong_nat_egress": "203.0.113.50"},
        "phone": {"kong_site": "street", "kong_address": "10.6.0.1"},
        "cloud": {"kong_site": "cloud", "kong_address": ["198.51.100.9", "2001:db8:9::9"]},
    },
    later={
        "one": {"kong_nat": [{"outside": "203.0.113.1", "device": "r9"}], "kong_status_sources": "any"},
        "ports": {"kong_nat_egress": None, "kong_flat_network": True},
        "twin": None,
        "public": {"kong_site": "moved", "kong_proxy_sources": {8000: ["office"], 8443: "nobody"}},
    },
    pictured=True,
    without=("sample of the probes", "changes back"),
)  # fmt: skip

VPN = Fleet(
    {
        "v1": {**_NEW, **GOSSIP, "kong_admin_gui_listen": None, "kong_status_listen": None, "kong_site": "x",
               "kong_address": "10.1.0.1", "kong_vpn_address": "10.8.0.1"},
        "v2": {**GOSSIP, "kong_site": "y", "kong_address": "10.2.0.1", "kong_vpn_address": "10.8.0.2",
               "kong_cluster_listen": "0.0.0.0:7000", "kong_cluster_listen_rpc": "0.0.0.0:7373",
               "kong_cluster_rpc_sources": ["staff"], "kong_cluster_sources": ["peers", "staff"]},
        "v3": {"kong_version": "0.8", "kong_cluster": "other", "kong_site": "y", "kong_address": "10.2.0.3",
               "kong_flat_network": True, "kong_proxy_sources": ["staff", "tablet", "@group"]},
        "v4": {"kong_version": "0.8", "kong_cluster": "other", "kong_site": "x", "kong_address": "10.1.0.3",
               "kong_flat_network": True, "kong_config": {"cluster": {"encrypt": "key"}}},
    },
    {
        "staff": {"kong_site": "home", "kong_address": "192.168.1.5", "kong_vpn_address": ["10.8.0.9", "fd08::9"]},
        "tablet": {"kong_site": "home", "kong_address": "192.168.1.6", "kong_flat_network": False},
    },
    groups={"group": ["staff", "tablet"]},
    later={"v1": {"kong_vpn_address": "10.8.0.7"}, "v2": {"kong_flat_network": True}},
)  # fmt: skip

IPV6 = Fleet(
    {
        "six": {**_NEW, "kong_address": "fd00::6", "kong_proxy_listen": "[::]:8000, [fd00::6]:8443 ssl",
                "kong_admin_listen": "[::1]:8001", "kong_status_listen": "[::]:8007",
                "kong_status_sources": ["fd00::/64", "both", "four"]},
        "both": {**_NEW, "kong_address": ["10.0.0.6", "fd00::7"], "kong_status_sources": ["six", "four", "@kong", "twin"],
                 "kong_status_listen": "0.0.0.0:8007, [::]:8007",
                 "kong_stream_listen": "0.0.0.0:9000, [::]:9000", "kong_stream_sources": ["twin"],
                 "kong_proxy_listen": "0.0.0.0:8000, [::]:8000 ipv6only=on", "kong_admin_listen": "localhost:8001"},
        "four": {**_NEW, "kong_address": "10.0.0.7", "kong_status_listen": "[::]:8007 ipv6only=off",
                 "kong_status_sources": "@kong", "kong_admin_listen": "kong.example:8001", "kong_admin_sources": ["both"]},
        "out": {**_NEW, "kong_site": "far", "kong_address": "fd01::1", "kong_status_listen": "[::]:8007",
                "kong_status_sources": ["six", "10.0.0.0/8"],
                "kong_proxy_listen": "[::]:8000, [fd01::1]:8000",
                "kong_nat": [{"outside": "2001:db8::7", "outside_port": 443, "inside_port": 8007, "protocols": "tcp"}]},
    },
    {"twin": {"kong_address": ["10.0.0.8", "fd00::8"]}},
    later={"six": {"kong_address": ["fd00::6", "10.0.0.9"]}, "out": {"kong_status_listen": "off", "kong_nat": None}},
)  # fmt: skip

FACTS = Fleet(
    {
        # Two networks: the source depends on the dialled address.
        "f1": {**_NEW, "kong_status_sources": ["@kong", "watch", "fixed", "lone", "temp"],
               **make_facts(["10.0.0.1", "fd00::1"], eth0=["10.0.0.1/24", "fd00::1/64"], eth1=["10.9.0.1/24", "10.9.0.11/24"],
                            docker0=["172.17.0.1/16"])},
        "f2": {**_NEW, "kong_address_networks": ["10.9.0.0/24"], "kong_status_sources": ["@kong", "watch", "fixed"],
               "kong_status_listen": "10.9.0.2:8007",
               **make_facts(["10.0.0.2"], eth0=["10.0.0.2/24"], eth1=["10.9.0.2/24"])},
        "f3": {**_NEW, "kong_address_query": "ansible_facts.eth1.ipv4.address", "kong_proxy_listen": "10.9.0.3:8000",
               "kong_status_sources": ["@kong", "watch"],
               **make_facts([], eth0=["10.0.0.3/24"], eth1=["10.9.0.3/24"], eth2=["10.9.0.33/24"])},
    },
    {
        # The default route decides about the temporary address of its own network only.
        "temp": make_facts(
            ["10.0.0.34", "2001:db8:1:0:dc42:b9ff:fecf:5c9c"],
            eth0=["10.0.0.34/24", "2001:db8:1:0:dc42:b9ff:fecf:5c9c/64", "2001:db8:1:0:2b6e:52b6:ca81:999d/64"],
            eth1=["fd00::dc42:b9ff:fecf:5c9d/64", "fd00::2b6e:52b6:ca81:9990/64"]),
        # An address in the inventory precedes the networks in facts.
        "fixed": {"kong_address": "10.0.0.32", **make_facts([], eth0=["10.0.0.32/24"], eth1=["10.9.0.32/24", "10.9.0.33/24"])},
        "watch": make_facts(["10.0.0.30"], eth0=["10.0.0.30/24"], eth1=["10.9.0.30/24"], eth2=["10.77.0.1/24"]),
        "lone": make_facts([], lo=["127.0.0.1/8"], ens1=["10.0.0.31/24", "fe80::1/64"]),
    },
    later={"f2": {"kong_address_networks": ["10.0.0.0/24"], "kong_status_listen": "10.0.0.2:8007"}},
)  # fmt: skip

NETWORKS = {"seed": SEED, "nat": NAT, "vpn": VPN, "ipv6": IPV6, "facts": FACTS}

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice about paths, advertised addresses and published ports."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.refusals import A, B, C
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.model import (
    CP,
    DP,
    EGRESS,
    FLAT,
    OLD,
    ON_VPN,
    PUBLIC,
    Advice,
    advise_node,
    make_mapping,
)

_MIXED = {"m": {**OLD, "kong_address": PUBLIC}, "n": OLD}
PATHS = [
    Advice(
        "site-mixed",
        _MIXED,
        {
            "set kong_site of all to one name": {"m": {"kong_site": "lan"}, "n": {"kong_site": "lan"}},
            "and kong_nat": {"m": {"kong_site": "cloud"}, "n": {"kong_site": "lan", **make_mapping()}},
            "or kong_vpn_address": {
                "m": {"kong_site": "cloud", **ON_VPN[0]},
                "n": {"kong_site": "lan", **ON_VPN[1]},
            },
        },
    ),
    Advice(
        "no-path",
        {"a": A, "n": B},
        {
            "Give this host a kong_nat mapping to port 7946 over tcp and udp": {"n": make_mapping(inside_port=7946)},
            "give the cluster a kong_vpn_address": {"a": ON_VPN[0], "n": ON_VPN[1]},
            "set kong_flat_network: true on the cluster": {"a": FLAT, "n": FLAT},
        },
    ),
    Advice(
        "no-path",
        {"a": {**A, "kong_flat_network": False}, "c": C, "n": B},
        {
            "Give this host a kong_nat mapping": {"n": make_mapping()},
            "give the cluster a kong_vpn_address": {"a": ON_VPN[0], "c": ON_VPN[1], "n": ON_VPN[2]},
            "set kong_flat_network: true on the cluster": {"a": FLAT, "c": FLAT, "n": FLAT},
        },
    ),
    Advice(
        "no-path",
        {"c": CP, "n": DP},
        {
            "Give c a kong_nat mapping to port 8005 over tcp (clients need a kong_nat_egress)": {
                "c": make_mapping(inside_port=8005),
                "n": EGRESS,
            },
            "give both hosts a kong_vpn_address": {"c": ON_VPN[0], "n": ON_VPN[1]},
            "set kong_flat_network: true on c": {"c": FLAT},
            "set kong_nat_egress of this host if its NAT leads to c": {
                "n": {"kong_nat_egress": "10.0.0.254"},
            },
        },
    ),
    Advice(
        "no-path",
        {"c": {**CP, "kong_address": PUBLIC}, "n": DP},
        {
            "Set kong_nat_egress of this host to the address that c sees": {"n": EGRESS},
            "give both hosts a kong_vpn_address": {"c": ON_VPN[0], "n": ON_VPN[1]},
            "set kong_flat_network: true on c": {"c": FLAT},
        },
    ),
    Advice(
        "no-path",
        {"c": {**CP, **ON_VPN[0], "kong_cluster_listen": "10.8.0.1:8005"}, "n": DP},
        {"give this host a kong_vpn_address": {"n": ON_VPN[1]}},
    ),
    # The VPN address of n has the other family.
    Advice(
        "no-path",
        {"c": {**CP, **ON_VPN[0], "kong_cluster_listen": "10.8.0.1:8005"}, "n": {**DP, "kong_vpn_address": "fd08::2"}},
        {"give this host an IPv4 kong_vpn_address": {"n": {"kong_vpn_address": ["10.8.0.2", "fd08::2"]}}},
    ),
    # Remedies that are an error elsewhere are left out, see _fleet/test_advice.py: a flat network with one address twice, and a VPN with a
    # bound node.
    Advice(
        "no-path",
        {"c": {**CP, "kong_address": "10.1.0.2"}, "n": DP},
        {
            "Give c a kong_nat mapping to port 8005 over tcp (clients need a kong_nat_egress)": {
                "c": make_mapping(inside_port=8005),
                "n": EGRESS,
            },
            "give both hosts a kong_vpn_address": {"c": ON_VPN[0], "n": ON_VPN[1]},
        },
    ),
    Advice(
        "no-path",
        {"a": A, "n": {**B, "kong_cluster_listen": "10.1.0.2:7946"}},
        {
            "Give this host a kong_nat mapping to port 7946 over tcp and udp": {"n": make_mapping(inside_port=7946)},
            "or set kong_flat_network: true on the cluster": {"a": FLAT, "n": FLAT},
        },
    ),
    # Gossip would use the VPN against the bind address.
    Advice(
        "no-path",
        {"a": {**A, **ON_VPN[0], "kong_nat": []}, "n": {**B, **ON_VPN[1], "kong_cluster_listen": "10.1.0.2:7946"}},
        {"Bind 0.0.0.0 in kong_cluster_listen on the cluster": {"n": {"kong_cluster_listen": "0.0.0.0:7946"}}},
    ),
    # The egress of a client is private, so the node may see another address at its public address.
    Advice(
        "no-path",
        {"c": {**CP, "kong_nat_egress": "192.168.0.1"}, "n": {**DP, "kong_nat_egress": "192.168.0.2"}},
        {
            "Give c a kong_nat mapping to port 8005 over tcp (from a public address clients need a public kong_nat_egress)": {
                "c": make_mapping(inside_port=8005),
                "n": EGRESS,
            },
        },
    ),
    Advice(
        "no-path",
        {"c": {**CP, "kong_site": "b", "kong_cluster_listen": "127.0.0.1:8005"}, "n": DP},
        {"set kong_cluster_listen of c": {"c": {"kong_cluster_listen": "0.0.0.0:8005"}}},
    ),
    Advice(
        "no-path",
        {
            "c": {**CP, "kong_site": "b", "kong_address": ["10.0.0.1", "fd00::1"], "kong_cluster_listen": "[::]:8005"},
            "n": DP,
        },
        {
            "add an IPv4 entry to kong_cluster_listen of c": {"c": {"kong_cluster_listen": "[::]:8005, 0.0.0.0:8005"}},
        },
    ),
    Advice(
        "no-path",
        {
            "c": {**CP, "kong_site": "b", "kong_address": "fd00::1", "kong_cluster_listen": "[::]:8005"},
            "n": {**DP, "kong_address": "fd00::2"},
        },
        {
            "Add an IPv4 entry to kong_cluster_listen of c and give c and this host an IPv4 address": {
                "c": {"kong_cluster_listen": "0.0.0.0:8005", "kong_address": ["fd00::1", "10.0.0.1"]},
                "n": {"kong_address": ["fd00::2", "10.0.0.2"]},
            },
        },
    ),
    Advice(
        "no-path",
        {
            "c": {**CP, "kong_site": "b", "kong_address": "fd00::1", "kong_cluster_listen": "[::]:8005 ipv6only=off"},
            "n": {**DP, "kong_address": ["fd00::2", "10.0.0.2"]},
        },
        {
            "Data planes dial IPv4 only, and c has no IPv4 address. Give c an IPv4 address": {
                "c": {"kong_address": ["fd00::1", "10.0.0.1"]},
            },
        },
    ),
    Advice(
        "no-path",
        {"c": {**CP, "kong_site": "b", "kong_cluster_listen": "[::1]:8005"}, "n": DP},
        {"set kong_cluster_listen of c": {"c": {"kong_cluster_listen": "0.0.0.0:8005"}}},
    ),
    # Both hosts need a family in common first, and then a path between their sites.
    Advice(
        "no-path",
        {"c": {**CP, "kong_cluster_listen": "127.0.0.1:8005"}, "n": DP},
        {
            "First set kong_cluster_listen of c. Then give c a kong_nat mapping": {
                "c": {"kong_cluster_listen": "0.0.0.0:8005", **make_mapping(inside_port=8005)},
                "n": EGRESS,
            },
            "give both hosts a kong_vpn_address": {
                "c": {"kong_cluster_listen": "0.0.0.0:8005", **ON_VPN[0]},
                "n": ON_VPN[1],
            },
        },
    ),
    Advice(
        "no-path",
        {"c": {**CP, "kong_address": ["10.0.0.1", "fd00::1"], "kong_cluster_listen": "[::]:8005"}, "n": DP},
        {
            "First add an IPv4 entry to kong_cluster_listen of c. Then give c a kong_nat mapping": {
                "c": {"kong_cluster_listen": "[::]:8005, 0.0.0.0:8005", **make_mapping(inside_port=8005)},
                "n": EGRESS,
            },
        },
    ),
    Advice(
        "no-path",
        {"c": CP, "n": {**DP, "kong_address": "fd01::2"}},
        {
            "First give this host an IPv4 address. Then give c a kong_nat mapping": {
                "c": make_mapping(inside_port=8005),
                "n": {"kong_address": ["10.1.0.2", "fd01::2"], **EGRESS},
            },
            "give both hosts a kong_vpn_address": {
                "c": ON_VPN[0],
                "n": {"kong_address": ["10.1.0.2", "fd01::2"], **ON_VPN[1]},
            },
        },
    ),
    Advice(
        "no-path",
        {"a": A, "n": {**B, "kong_cluster_listen": "127.0.0.1:7946"}},
        {
            "First set kong_cluster_listen of this host. Then give this host a kong_nat mapping": {
                "n": {"kong_cluster_listen": "0.0.0.0:7946", **make_mapping(inside_port=7946)},
            },
        },
    ),
    Advice(
        "no-path",
        {
            "c": {**CP, "kong_version": "3.4.3.5", "kong_site": "b", "kong_cluster_telemetry_listen": "127.0.0.1:8006"},
            "n": {**DP, "kong_version": "3.4.3.5"},
        },
        {
            "Set kong_cluster_telemetry_listen of c": {"c": {"kong_cluster_telemetry_listen": "0.0.0.0:8006"}},
            'set kong_cluster_telemetry_listen: "off" on control planes': {
                "c": {"kong_cluster_telemetry_listen": "off"}
            },
        },
    ),
    Advice(
        "no-path",
        {"c": {**CP, "kong_site": "b", "kong_published_ports": []}, "n": DP},
        {"Add the port to its kong_published_ports": {"c": {"kong_published_ports": ["8005:8005"]}}},
    ),
    Advice(
        "no-path",
        {"c": CP, "n": {**DP, "kong_cluster_control_plane": "cp.example.com:8005", "kong_flat_network": False}},
        {
            "give both hosts a kong_vpn_address": {"c": ON_VPN[0], "n": ON_VPN[1]},
            "true on c (and remove it from this host)": {"c": FLAT, "n": {"kong_flat_network": None}},
            "Give c a kong_nat mapping to port 8005 over tcp (clients need a kong_nat_egress)": {
                "c": make_mapping(inside_port=8005),
                "n": EGRESS,
            },
        },
    ),
    Advice(
        "no-path",
        {"m": OLD, "n": {**OLD, "kong_address": "10.1.0.3", "kong_published_ports": []}},
        {
            "publish port 7946 over tcp and udp": {
                "n": {"kong_published_ports": ["7946:7946", "7946:7946/udp"]},
            },
        },
    ),
    Advice(
        "no-path",
        {
            "m": OLD,
            "n": {
                **OLD,
                "kong_address": "10.1.0.3",
                "kong_published_ports": ["127.0.0.1:7946:7946", "127.0.0.1:7946:7946/udp"],
            },
        },
        {"set kong_published_ports of this host": {"n": {"kong_published_ports": ["7946:7946", "7946:7946/udp"]}}},
    ),
    Advice(
        "no-path",
        {
            "m": {**OLD, "kong_address": ["10.1.0.2", "fd00::2"]},
            "n": {
                **OLD,
                "kong_address": ["10.1.0.3", "fd00::3"],
                "kong_published_ports": ["[::]:7946:7946", "[::]:7946:7946/udp"],
            },
        },
        {
            "gossip uses IPv4 only. Add an IPv4 entry to kong_published_ports of this host": {
                "n": {"kong_published_ports": ["7946:7946", "7946:7946/udp"]},
            },
        },
    ),
    Advice(
        "no-path",
        {
            "c": {**CP, "kong_address": ["10.0.0.1", "fd00::1"], "kong_cluster_listen": "[::]:8005, 0.0.0.0:8015"},
            "n": {**DP, **EGRESS},
        },
        {"Give c a kong_nat mapping to port 8015 over tcp": {"c": make_mapping(inside_port=8015)}},
    ),
    Advice(
        "no-path",
        {"m": OLD, "n": {**OLD, "kong_address": "10.1.0.3", "kong_cluster_listen": "127.0.0.1:7946"}},
        {"set kong_cluster_listen of this host": {"n": {"kong_cluster_listen": "10.1.0.3:7946"}}},
    ),
    Advice(
        "egress-private",
        {"c": {**CP, **make_mapping(inside_port=8005)}, "n": DP},
        {"Set kong_nat_egress": {"n": EGRESS}},
    ),
    Advice(
        "advertise-not-single",
        {
            "a": A,
            "c": C,
            "n": {
                **B,
                "kong_nat": [{"outside": "203.0.113.4", "sites": ["a"]}, {"outside": "203.0.113.5", "sites": ["c"]}],
            },
        },
        {
            "Give this host a kong_nat mapping to port 7946 over tcp and udp": {"n": make_mapping()},
            "give the cluster a kong_vpn_address": {"a": ON_VPN[0], "c": ON_VPN[1], "n": ON_VPN[2]},
            "set kong_flat_network: true on the cluster": {"a": FLAT, "c": FLAT, "n": FLAT},
        },
    ),
    Advice(
        "advertise-unreachable",
        {"a": A, "n": {**B, **make_mapping(inside_port=7946), "kong_cluster_advertise": "203.0.113.3:9000"}},
        {
            "give this host a kong_nat mapping from 203.0.113.3:9000 to port 7946": {
                "n": {"kong_nat": [{"outside": "203.0.113.3", "outside_port": 9000, "inside_port": 7946}]},
            },
            "remove kong_cluster_advertise to advertise an address that works": {"n": {"kong_cluster_advertise": None}},
        },
    ),
    advise_node(
        "advertise-invalid",
        {"kong_cluster_advertise": "127.0.0.1:7946"},
        {
            "IPv4": {"kong_cluster_advertise": "10.1.0.2:7946"},
            "remove it": {"kong_cluster_advertise": None},
        },
        OLD,
    ),
    Advice(
        "advertise-duplicate",
        {
            "a": A,
            "m": {**C, "kong_nat": [{"outside": "203.0.113.2", "device": "r1"}]},
            "n": {**B, "kong_nat": [{"outside": "203.0.113.2", "device": "r2"}]},
        },
        {"its own outside port": {"n": make_mapping(outside_port=7947, inside_port=7946)}},
    ),
    Advice(
        "gossip-bind",
        {"m": OLD, "n": {**OLD, "kong_address": "10.1.0.3", "kong_cluster_listen": "10.1.0.9:7946"}},
        {
            "Remove kong_cluster_listen": {"n": {"kong_cluster_listen": None}},
            "bind 0.0.0.0": {"n": {"kong_cluster_listen": "0.0.0.0:7946"}},
            "set kong_address to the address that it binds": {"n": {"kong_address": "10.1.0.9"}},
        },
    ),
    Advice(
        "gossip-bind",
        {
            name: {**OLD, "kong_virtual_addresses": ["10.1.0.9"], **more}
            for name, more in {
                "m": {},
                "n": {"kong_address": "10.1.0.3", "kong_cluster_listen": "10.1.0.9:7946"},
            }.items()
        },
        {
            "Remove kong_cluster_listen": {"n": {"kong_cluster_listen": None}},
            "or bind 0.0.0.0": {"n": {"kong_cluster_listen": "0.0.0.0:7946"}},
        },
    ),
    advise_node(
        "gossip-ipv4",
        {"kong_address": "fd00::1"},
        {
            "IPv4": {"kong_address": ["fd00::1", "10.0.0.1"]},
        },
        OLD,
    ),
    Advice(
        "version-skew",
        {"c": {**CP, "kong_site": "b", "kong_version": "3.4"}, "n": DP},
        {
            "upgrade the older of the two nodes": {"c": {"kong_version": "3.9"}},
            "another control plane": {"c2": {**CP, "kong_site": "b", "kong_address": "10.0.0.9"}},
            "keep an older control plane": {"n": {"kong_version": "3.4"}},
        },
    ),
    Advice(
        "cluster-proxy-protocol",
        {
            "c": {
                **CP,
                "kong_site": "b",
                "kong_version": "3.9.0.0",
                "kong_cluster_listen": "0.0.0.0:8005 proxy_protocol",
                "kong_cluster_telemetry_listen": "0.0.0.0:8006 proxy_protocol",
            },
            "n": {**DP, "kong_version": "3.9.0.0"},
        },
        {
            "remove proxy_protocol": {
                "c": {"kong_cluster_listen": "0.0.0.0:8005", "kong_cluster_telemetry_listen": "0.0.0.0:8006"}
            },
            "add an entry without it": {
                "c": {
                    "kong_cluster_listen": "0.0.0.0:8005 proxy_protocol, 0.0.0.0:8015",
                    "kong_cluster_telemetry_listen": "0.0.0.0:8006 proxy_protocol, 0.0.0.0:8016",
                }
            },
            "set the address of a balancer": {
                "n": {
                    "kong_cluster_control_plane": "lb.example.com:8005",
                    "kong_cluster_telemetry_endpoint": "lb.example.com:8006",
                }
            },
        },
    ),
    Advice(
        "control-plane-missing",
        {"c": {**CP, "kong_site": "b", "kong_cluster": "prod"}, "n": DP},
        {
            "kong_role: control_plane": {"c2": {**CP, "kong_site": "b", "kong_address": "10.0.0.9"}},
            "correct kong_cluster": {"n": {"kong_cluster": "prod"}},
            "set kong_cluster_control_plane": {"n": {"kong_cluster_control_plane": "cp.example.com:8005"}},
        },
    ),
]
_WITH_CP = {"c": {**CP, "kong_site": "b"}}
_PORT_8443 = {"outside": "203.0.113.1", "outside_port": 8443, "inside_port": 8005}
PATHS += [
    Advice(
        "control-plane-invalid",
        {**_WITH_CP, "n": {**DP, "kong_cluster_control_plane": "10.0.0.1:8006"}},
        {
            "Give the address of a control plane": {"n": {"kong_cluster_control_plane": "10.0.0.1:8005"}},
            "or remove it; then it is computed": {"n": {"kong_cluster_control_plane": None}},
        },
    ),
    Advice(
        "control-plane-invalid",
        {"c": {**CP, "kong_nat": [_PORT_8443]}, "n": {**DP, **EGRESS, "kong_cluster_control_plane": "203.0.113.1:443"}},
        {
            "Add the mapping": {"c": {"kong_nat": [_PORT_8443, {**_PORT_8443, "outside_port": 443}]}},
            "or remove this variable": {"n": {"kong_cluster_control_plane": None}},
        },
    ),
    advise_node(
        "control-plane-invalid",
        {"kong_role": "data_plane", "kong_cluster_control_plane": "[2001:db8::1]:8005"},
        {
            "Give an IPv4 address": {"kong_cluster_control_plane": "192.0.2.1:8005"},
            "or a host name with an AAAA record, and AAAA in dns_order": {
                "kong_cluster_control_plane": "cp.example.com:8005",
                "kong_config": {"dns_order": "LAST,AAAA,A"},
            },
        },
    ),
    advise_node(
        "control-plane-invalid",
        {"kong_role": "data_plane", "kong_cluster_control_plane": "https://cp.example.com"},
        {"Write the host and the port": {"kong_cluster_control_plane": "cp.example.com:8005"}},
    ),
    Advice(
        "control-plane-invalid",
        {"c": {**CP, "kong_site": "b"}, "n": {**DP, "kong_cluster_control_plane": "cp1:8005, cp2:8005"}},
        {"remove the variable": {"n": {"kong_cluster_control_plane": None}}},
    ),
]
PUBLISHED = [
    advise_node(
        "bind-in-container",
        {"kong_proxy_listen": "10.1.0.2:8000", "kong_published_ports": ["80:8000"]},
        {
            "Remove the listen variable": {"kong_proxy_listen": None},
            "or bind 0.0.0.0": {"kong_proxy_listen": "0.0.0.0:8000"},
        },
    ),
    advise_node(
        "published-invalid",
        {"kong_published_ports": [8000]},
        {
            "CONTAINER": {"kong_published_ports": ["8000:8000"]},
        },
    ),
    advise_node(
        "published-no-listener",
        {"kong_published_ports": ["80:9000"]},
        {
            "Correct the container port": {"kong_published_ports": ["80:8000"]},
            "the listen setting": {"kong_proxy_listen": "0.0.0.0:9000"},
        },
    ),
    advise_node(
        "published-no-listener",
        {"kong_proxy_listen": "[::]:8000", "kong_published_ports": ["80:8000"]},
        {
            "Add an IPv4 entry to kong_proxy_listen": {"kong_proxy_listen": "[::]:8000, 0.0.0.0:8000"},
            "for IPv6 only: [::]:80:8000/tcp": {"kong_published_ports": ["[::]:80:8000/tcp"]},
        },
    ),
    advise_node(
        "published-duplicate",
        {"kong_published_ports": ["80:8000", "80:8443"]},
        {
            "Use a different port": {"kong_published_ports": ["80:8000", "443:8443"]},
        },
    ),
    advise_node(
        "published-protocol",
        {"kong_published_ports": ["7946:7946"]},
        {
            "Publish both protocols": {"kong_published_ports": ["7946:7946", "7946:7946/udp"]},
        },
        OLD,
    ),
]

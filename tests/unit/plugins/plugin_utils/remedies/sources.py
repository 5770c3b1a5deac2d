# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice about sources."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.refusals import NEW
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.model import (
    ADMIN,
    EGRESS,
    FAR,
    FLAT,
    OLD,
    ON_VPN,
    PUBLIC,
    Advice,
    advise_node,
    make_facts,
    make_mapping,
)

SOURCES = [
    advise_node(
        "source-unknown",
        {**ADMIN, "kong_admin_sources": "stranger"},
        {
            "Correct or remove the term": {"kong_admin_sources": "10.0.0.9"},
        },
    ),
    advise_node(
        "source-unknown",
        {**ADMIN, "kong_admin_sources": "@none"},
        {
            "correct or remove it": {"kong_admin_sources": None},
        },
    ),
    advise_node(
        "source-unknown",
        {**ADMIN, "kong_admin_sources": "kong"},
        {
            "written as": {"kong_admin_sources": "n"},
        },
    ),
    advise_node(
        "source-unknown",
        {**ADMIN, "kong_admin_sources": "peers"},
        {
            "remove it": {"kong_admin_sources": None},
        },
    ),
    advise_node(
        "source-unknown",
        {**ADMIN, "kong_admin_sources": ["::1"]},
        {
            "Remove it": {"kong_admin_sources": None},
            "write nobody": {"kong_admin_sources": "nobody"},
        },
    ),
    advise_node(
        "source-any",
        {**ADMIN, "kong_admin_sources": "any"},
        {
            "Name the sources": {"kong_admin_sources": "10.0.0.9"},
            "kong_admin_allow_any: true": {"kong_admin_allow_any": True},
        },
    ),
    advise_node(
        "source-replaced",
        {"kong_cluster_sources": "10.0.0.9"},
        {
            "Add peers": {"kong_cluster_sources": ["10.0.0.9", "peers"]},
        },
        OLD,
    ),
    advise_node(
        "source-port-missing",
        {"kong_stream_listen": "0.0.0.0:9000, 0.0.0.0:9001", "kong_stream_sources": {9000: "any"}},
        {
            "add the port": {"kong_stream_sources": {9000: "any", 9001: "nobody"}},
        },
    ),
    advise_node(
        "source-empty",
        {"kong_proxy_sources": []},
        {
            "Write nobody": {"kong_proxy_sources": "nobody"},
            "remove the variable": {"kong_proxy_sources": None},
        },
    ),
    advise_node(
        "source-empty",
        {"kong_stream_listen": "0.0.0.0:9100", "kong_stream_sources": {9100: []}},
        {
            "write nobody": {"kong_stream_sources": {9100: "nobody"}},
            "or its sources": {"kong_stream_sources": {9100: ["10.0.0.9"]}},
            "remove the variable": {"kong_stream_sources": None},
        },
    ),
    advise_node(
        "source-contradiction",
        {**ADMIN, "kong_admin_sources": ["nobody", "10.0.0.9"]},
        {
            "remove it": {"kong_admin_sources": ["10.0.0.9"]},
            "all other terms": {"kong_admin_sources": ["nobody"]},
        },
    ),
    Advice(
        "source-no-path",
        {"n": {**NEW, **ADMIN, "kong_admin_sources": "far"}},
        {
            "Give this host a kong_nat mapping to port 8001 over tcp (clients need a kong_nat_egress)": {
                "n": make_mapping(inside_port=8001, protocols=["tcp"]),
                "far": EGRESS,
            },
            "give both hosts a kong_vpn_address": {"n": ON_VPN[0], "far": ON_VPN[1]},
            "set kong_flat_network: true on this host": {"n": FLAT},
            "add the address that this host sees": {"n": {"kong_admin_sources": "203.0.113.9"}},
        },
        FAR,
    ),
    # On a VPN the node would not be at the address that it binds, so there is room for another remedy.
    Advice(
        "source-no-path",
        {
            "n": {
                **NEW,
                **ADMIN,
                "kong_address": "10.1.0.2",
                "kong_admin_listen": "10.1.0.2:8001",
                "kong_admin_sources": "far",
            }
        },
        {
            "Add the address that this host sees": {"n": {"kong_admin_sources": "203.0.113.9"}},
            "set kong_nat_egress of far if its NAT leads to this host": {
                "far": {"kong_nat_egress": "10.1.0.254"},
            },
        },
        FAR,
    ),
    Advice(
        "source-no-path",
        {"n": {**NEW, **ADMIN, "kong_address": PUBLIC, "kong_admin_sources": "far"}},
        {
            "Add the address that this host sees": {"n": {"kong_admin_sources": "203.0.113.9"}},
            "set kong_nat_egress of far to the address that this host sees": {"far": EGRESS},
        },
        FAR,
    ),
    Advice(
        "source-no-path",
        {"n": {**NEW, **ADMIN, "kong_address": ["10.1.0.2", "fd00::2"], "kong_admin_sources": "six"}},
        {
            "add an IPv6 entry to kong_admin_listen of this host": {
                "n": {"kong_admin_listen": "0.0.0.0:8001, [::]:8001"}
            },
            "give six an IPv4 address": {"six": {"kong_address": ["fd00::6", "10.1.0.6"]}},
        },
        {"six": {"kong_address": "fd00::6"}},
    ),
    Advice(
        "source-no-path",
        {"n": {**NEW, **ADMIN, "kong_address": "fd00::2", "kong_admin_sources": "six"}},
        {
            "add an IPv6 entry to kong_admin_listen of this host": {"n": {"kong_admin_listen": "[::]:8001"}},
            "give this host and six an IPv4 address": {
                "n": {"kong_address": ["fd00::2", "10.1.0.2"]},
                "six": {"kong_address": ["fd00::6", "10.1.0.6"]},
            },
        },
        {"six": {"kong_address": "fd00::6"}},
    ),
    Advice(
        "source-no-path",
        {"n": {**NEW, **ADMIN, "kong_address": "10.1.0.2", "kong_admin_sources": "@six"}},
        {
            "give s1 and s2 an IPv4 address": {
                "s1": {"kong_address": ["fd00::6", "10.1.0.6"]},
                "s2": {"kong_address": ["fd00::7", "10.1.0.7"]},
            },
        },
        {"s1": {"kong_address": "fd00::6"}, "s2": {"kong_address": "fd00::7"}},
        {"six": ["s1", "s2"]},
    ),
    advise_node(
        "source-family",
        {**ADMIN, "kong_address": ["10.1.0.2", "fd00::2"], "kong_admin_sources": ["fd00::9", "fd01::/64"]},
        {
            "Add an IPv6 entry to kong_admin_listen": {"kong_admin_listen": "0.0.0.0:8001, [::]:8001"},
            "name IPv4 addresses": {"kong_admin_sources": ["10.0.0.9"]},
        },
    ),
    advise_node(
        "source-family",
        {"kong_proxy_sources": "fd00::9", "kong_published_ports": ["0.0.0.0:80:8000"]},
        {"Add an IPv6 entry to kong_published_ports": {"kong_published_ports": ["80:8000"]}},
    ),
    advise_node(
        "source-loopback",
        {"kong_admin_sources": "10.0.0.9"},
        {
            "set kong_admin_listen": {"kong_admin_listen": "0.0.0.0:8001"},
        },
    ),
    advise_node(
        "source-loopback",
        {**ADMIN, "kong_admin_sources": "10.0.0.9", "kong_published_ports": []},
        {
            "kong_published_ports": {"kong_published_ports": ["8001:8001"]},
        },
    ),
    Advice(
        "source-host-unknown",
        {"n": {**NEW, **ADMIN, "kong_admin_sources": "far"}},
        {
            "Set kong_address": {"far": {"kong_address": "10.9.0.1"}},
            "run again when the host answers": {"far": {"ansible_facts": make_facts("10.9.0.1")}},
        },
        {"far": {}},
        {"kong_asked_sources": ["far"]},
    ),
    Advice(
        "source-address-unknown",
        {"n": {**NEW, "kong_proxy_sources": "far"}},
        {"Set kong_address of the host to the address that the node sees": {"far": {"kong_address": "10.30.0.5"}}},
        {
            "far": {
                "kong_address_networks": ["10.30.0.0/16"],
                "ansible_facts": make_facts(
                    "192.168.1.5",
                    "10.30.0.5",
                    interfaces=["eth0", "eth1"],
                    eth0={"ipv4": {"address": "192.168.1.5", "prefix": "24"}},
                    eth1={"ipv4": {"address": "10.30.0.5", "prefix": "16"}},
                ),
            }
        },
    ),
    Advice(
        "source-private",
        {"n": {**NEW, **ADMIN, "kong_site": None, "kong_address": PUBLIC, "kong_admin_sources": "far"}},
        {
            "give the source another kong_site, and its kong_nat_egress": {"far": {"kong_site": "lan", **EGRESS}},
            "give both the same kong_site": {"n": {"kong_site": "a"}, "far": {"kong_site": "a"}},
        },
        {"far": {"kong_address": "10.9.0.1"}},
    ),
    Advice(
        "source-private",
        {"n": {**NEW, **ADMIN, "kong_address": PUBLIC, "kong_admin_sources": "10.9.0.1"}},
        {
            "Name the address after NAT": {"n": {"kong_admin_sources": "203.0.113.9"}},
            "its kong_nat_egress": {"n": {"kong_admin_sources": "far"}, "far": EGRESS},
            "kong_flat_network: true": {"n": FLAT},
            "kong_vpn_address": {"n": ON_VPN[0]},
        },
        FAR,
    ),
]

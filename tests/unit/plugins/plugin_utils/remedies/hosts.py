# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice about hosts: variables, addresses and NAT mappings."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import SHARED_VARIABLES
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.refusals import NEW, A, B
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.remedies.model import (
    EGRESS,
    FLAT,
    ON_VPN,
    STABLE,
    TEMPORARY,
    Advice,
    advise_node,
    make_facts,
    make_mapping,
)

# Values of the variables of which a run has one value.
SHARED = {name: "kong" for name in SHARED_VARIABLES if name not in ("kong_strict", "kong_verify_pairs")} | {
    "kong_verify_pairs": 100,
    "kong_staged_expected": "192.0.2.0/24",
    "kong_staged_quiet_days": 7,
}
FLEET = [
    Advice(
        "run-variable-differs",
        {"m": {**NEW, "kong_address": "10.1.0.3"}, "n": {**NEW, "kong_strict": True}},
        {
            "Set it for all nodes": {
                "m": {**SHARED, "kong_strict": True},
                "n": SHARED,
            },
            "or with -e kong_strict=VALUE": {name: {"kong_strict": "true"} for name in "mn"},
        },
    ),
    advise_node(
        "variable-invalid",
        {"kong_site": ""},
        {
            "Write text": {"kong_site": "a"},
        },
    ),
    advise_node(
        "variable-invalid",
        {"kong_flat_network": "yes"},
        {
            "true or false": FLAT,
        },
    ),
    advise_node(
        "variable-in-facts",
        {"ansible_facts": {"kong_role": "x"}},
        {
            "Clear the facts": {"ansible_facts": None},
        },
    ),
    advise_node(
        "variable-unknown",
        {"kong_adress": "x"},
        {
            "did you mean": {"kong_adress": None},
        },
    ),
    advise_node(
        "query-invalid",
        {"kong_address": None, "kong_address_query": "all[", "ansible_facts": make_facts("10.0.0.1")},
        {
            "Correct": {"kong_address_query": "ansible_facts.all_ipv4_addresses"},
        },
    ),
    advise_node(
        "query-invalid", {"kong_nat_query": "all["}, {"or kong_nat_query": {"kong_nat_query": "kong_nats || `[]`"}}
    ),
    advise_node(
        "version-unknown",
        {"kong_version": "0.5"},
        {
            "Use a version from": {"kong_version": "0.6"},
        },
    ),
    advise_node("version-newer", {"kong_version": "3.16"}, {"set 3.15": {"kong_version": "3.15"}}),
    advise_node(
        "version-unquoted",
        {"kong_version": 0.1},
        {
            "Quote the version": {"kong_version": "0.10"},
        },
    ),
    advise_node(
        "role-unknown",
        {"kong_role": "boss"},
        {
            "control_plane": {"kong_role": "control_plane"},
        },
    ),
    advise_node(
        "role-unsupported",
        {"kong_role": "control_plane", "kong_version": "1.5"},
        {
            "remove it": {"kong_role": None},
            "upgrade the node": {"kong_version": "2.0"},
        },
    ),
]
ADDRESSES = [
    advise_node(
        "address-temporary",
        {
            "kong_address": None,
            "ansible_facts": make_facts(
                all_ipv6_addresses=[STABLE, TEMPORARY],
                default_ipv6={"address": TEMPORARY},
                interfaces=["eth0"],
                eth0={"ipv6": [{"address": address, "prefix": "64"} for address in (STABLE, TEMPORARY)]},
            ),
        },
        {"Set kong_address to an address that stays": {"kong_address": STABLE}},
    ),
    advise_node(
        "address-temporary",
        {
            "kong_address": TEMPORARY,
            "ansible_facts": make_facts(
                all_ipv6_addresses=[STABLE, TEMPORARY],
                default_ipv6={"address": STABLE},
                interfaces=["eth0"],
                eth0={"ipv6": [{"address": address, "prefix": "64"} for address in (STABLE, TEMPORARY)]},
            ),
        },
        {"Give an address that stays": {"kong_address": STABLE}},
    ),
    advise_node(
        "address-invalid",
        {"kong_virtual_addresses": "10.1.0.2"},
        {
            "set kong_address or kong_vpn_address to an address that stays": {"kong_address": "10.1.0.3"},
            "remove it from kong_virtual_addresses": {"kong_virtual_addresses": None},
        },
    ),
    Advice(
        "address-duplicate",
        {"m": NEW, "n": {**NEW, "kong_address": "10.1.0.3", "kong_virtual_addresses": "10.1.0.2"}},
        {
            "Set kong_address of m to the address that stays": {"m": {"kong_address": "10.1.0.4"}},
            "or correct kong_virtual_addresses": {"n": {"kong_virtual_addresses": "10.1.0.5"}},
        },
    ),
    advise_node(
        "address-unknown",
        {"kong_address": None},
        {
            "Set kong_address": {"kong_address": "10.0.0.1"},
            "keep the facts": {"ansible_facts": {"default_ipv4": {"address": "10.0.0.1"}}},
        },
    ),
    advise_node(
        "address-ambiguous",
        {"kong_address": None, "ansible_facts": make_facts("10.0.0.1", "10.9.0.1")},
        {
            "kong_address": {"kong_address": "10.0.0.1"},
            "kong_address_networks": {"kong_address_networks": ["10.0.0.0/16"]},
        },
    ),
    advise_node(
        "address-invalid",
        {"kong_address": "10.0.0.300"},
        {
            "give one IPv4": {"kong_address": "10.0.0.3"},
        },
    ),
    advise_node(
        "address-invalid",
        {"kong_address": "127.0.0.1"},
        {
            "give one IPv4": {"kong_address": "10.0.0.3"},
        },
    ),
    advise_node(
        "address-invalid",
        {"kong_nat_egress": "0.0.0.0/0"},
        {
            "give the source addresses": EGRESS,
        },
    ),
    advise_node(
        "address-not-on-host",
        {"ansible_facts": make_facts("10.1.0.3")},
        {
            "Correct the address": {"kong_address": "10.1.0.3"},
            "gather facts again": {"ansible_facts": make_facts("10.1.0.2")},
            "outside address of kong_nat": {"kong_address": "10.1.0.3", "kong_nat": [{"outside": "10.1.0.2"}]},
        },
    ),
    Advice(
        "bind-not-on-host",
        {"m": {**NEW, "kong_address": "10.1.0.3"}, "n": {**NEW, "kong_proxy_listen": "10.1.0.3:8000"}},
        {
            "Bind an address of the host": {"n": {"kong_proxy_listen": "10.1.0.2:8000"}},
            "or 0.0.0.0": {"n": {"kong_proxy_listen": "0.0.0.0:8000"}},
        },
    ),
    Advice(
        "bind-not-on-host",
        {
            "m": {**NEW, "kong_address": "10.1.0.3"},
            "n": {**NEW, "kong_proxy_listen": "10.1.0.3:8000", "kong_published_ports": ["8000:8000"]},
        },
        {"on this host. Bind 0.0.0.0": {"n": {"kong_proxy_listen": "0.0.0.0:8000"}}},
    ),
    advise_node(
        "bind-not-on-host",
        {"kong_proxy_listen": "224.0.0.1:8000"},
        {
            "Bind an address of the host": {"kong_proxy_listen": "10.1.0.2:8000"},
            "or 0.0.0.0": {"kong_proxy_listen": "0.0.0.0:8000"},
        },
    ),
    advise_node(
        "bind-not-on-host",
        {"kong_proxy_listen": "0.0.0.0:8000, 10.1.0.9:8000", "ansible_facts": make_facts("10.1.0.2")},
        {
            "remove it": {"kong_proxy_listen": "0.0.0.0:8000"},
            "add it to kong_virtual_addresses": {"kong_virtual_addresses": "10.1.0.9"},
        },
    ),
    advise_node(
        "bind-not-on-host",
        {"kong_proxy_listen": "10.1.0.9:8000", "ansible_facts": make_facts("10.1.0.2")},
        {
            "Bind an address of the host": {"kong_proxy_listen": "10.1.0.2:8000"},
            "add it to kong_virtual_addresses": {"kong_virtual_addresses": "10.1.0.9"},
        },
    ),
    advise_node(
        "address-outside-networks",
        {
            "kong_address": None,
            "kong_address_query": "ansible_facts.all_ipv4_addresses[0]",
            "kong_address_networks": ["10.0.0.0/16"],
            "ansible_facts": make_facts("10.1.0.2"),
        },
        {
            "Add the network": {"kong_address_networks": ["10.0.0.0/16", "10.1.0.0/16"]},
            "write the address into the inventory": {"kong_address": "10.1.0.2"},
        },
    ),
    Advice("address-duplicate", {"m": NEW, "n": NEW}, {"correct one of them": {"n": {"kong_address": "10.1.0.3"}}}),
    Advice(
        "address-duplicate",
        {"m": {**NEW, **ON_VPN[0]}, "n": {**NEW, **ON_VPN[0], "kong_address": "10.1.0.3"}},
        {"correct one of them": {"n": ON_VPN[1]}},
    ),
    Advice(
        "address-overlap",
        {"m": {**NEW, **FLAT, "kong_site": "a"}, "n": {**NEW, **FLAT, "kong_site": "b"}},
        {
            "correct it": {"n": {"kong_address": "10.1.0.3"}},
            "kong_flat_network: false on one": {"m": {"kong_flat_network": False}},
        },
    ),
]
GATEWAY = {"gw": {"kong_address": "10.1.0.254"}}
NAT = [
    advise_node(
        "nat-no-listener",
        {"kong_stream_listen": "0.0.0.0:9100 udp", **make_mapping(inside_port=9100, protocols=["tcp"])},
        {
            "Add udp to protocols": make_mapping(inside_port=9100, protocols=["tcp", "udp"]),
            "remove the mapping": {"kong_nat": None},
        },
    ),
    advise_node(
        "nat-no-listener",
        {
            "kong_virtual_addresses": "10.1.0.9",
            "kong_proxy_listen": "10.1.0.9:8000",
            **make_mapping(inside_port=8000, protocols=["tcp"]),
        },
        {"set inside": make_mapping(inside_port=8000, protocols=["tcp"], inside="10.1.0.9")},
    ),
    advise_node(
        "variable-invalid",
        {"kong_nat": "203.0.113.2"},
        {
            "must be a list of mappings": make_mapping(),
        },
    ),
    advise_node(
        "nat-invalid",
        {"kong_nat_query": "clod[].{outside: public}", "cloud": [{"public": "203.0.113.2"}]},
        {
            "Correct it": {"kong_nat_query": "cloud[].{outside: public}"},
            "write (QUERY) || `[]`": {"kong_nat_query": "(clod[].{outside: public}) || `[]`"},
        },
    ),
    advise_node(
        "nat-invalid",
        {"kong_nat_query": "cloud[].{outside: public, inside_port: prt}", "cloud": [{"public": "203.0.113.2"}]},
        {
            "Correct it": {"kong_nat_query": "cloud[].{outside: public}"},
            "leave the key out with merge()": {
                "kong_nat_query": "cloud[].merge({outside: public}, prt && {inside_port: prt} || `{}`)"
            },
        },
    ),
    advise_node(
        "nat-invalid",
        make_mapping(port=80),
        {
            "a mapping has": make_mapping(inside_port=8000, protocols=["tcp"]),
        },
    ),
    advise_node(
        "nat-family",
        {"kong_nat": [{"outside": "2001:db8::2"}]},
        {
            "add one to kong_address": {"kong_address": ["10.1.0.2", "fd00::2"]},
        },
    ),
    advise_node(
        "nat-no-listener",
        make_mapping(inside_port=7000),
        {
            "Correct inside_port": make_mapping(inside_port=8000),
            "the listen setting": {"kong_proxy_listen": "0.0.0.0:7000"},
            "remove the mapping": {"kong_nat": None},
        },
    ),
    advise_node(
        "nat-site-unknown",
        make_mapping(sites=["elsewhere"]),
        {
            "Correct the name": make_mapping(sites=["default"]),
        },
    ),
    Advice(
        "nat-protocol",
        {"a": A, "n": {**B, **make_mapping(inside_port=7946, protocols=["tcp"])}},
        {"Forward both protocols": {"n": make_mapping(inside_port=7946)}},
    ),
    advise_node(
        "nat-conflict",
        {
            "kong_nat": [
                {"outside": "203.0.113.2", "outside_port": 80, "inside_port": 8000, "protocols": ["tcp"]},
                {"outside": "203.0.113.2", "outside_port": 80, "inside_port": 8443, "protocols": ["tcp"]},
            ]
        },
        {
            "Use a different outside port": {
                "kong_nat": [
                    {"outside": "203.0.113.2", "outside_port": 80, "inside_port": 8000, "protocols": ["tcp"]},
                    {"outside": "203.0.113.2", "outside_port": 81, "inside_port": 8443, "protocols": ["tcp"]},
                ]
            },
            "set device in the mappings": {
                "kong_nat": [
                    {
                        "outside": "203.0.113.2",
                        "outside_port": 80,
                        "inside_port": 8000,
                        "protocols": ["tcp"],
                        "device": "r1",
                    },
                    {
                        "outside": "203.0.113.2",
                        "outside_port": 80,
                        "inside_port": 8443,
                        "protocols": ["tcp"],
                        "device": "r2",
                    },
                ]
            },
        },
    ),
    Advice(
        "gateway-hairpin",
        {"a": A, "n": {**B, **make_mapping(device="gw", inside_port=7946)}},
        {"Set hairpin_source": {"n": make_mapping(device="gw", inside_port=7946, hairpin_source="10.1.0.254")}},
        GATEWAY,
    ),
    advise_node(
        "gateway-interface",
        {
            "kong_nat": [
                {"outside": "203.0.113.2", "outside_interface": "wan0", "device": "gw", "inside_port": 8000},
                {"outside": "203.0.113.3", "outside_interface": "wan0", "device": "gw", "inside_port": 8443},
            ],
            "kong_nat_egress": "203.0.113.2",
        },
        {
            "Correct outside": {
                "kong_nat": [
                    {"outside": "203.0.113.2", "outside_interface": "wan0", "device": "gw", "inside_port": 8000},
                    {"outside": "203.0.113.2", "outside_interface": "wan0", "device": "gw", "inside_port": 8443},
                ]
            },
            "outside_interface or": {
                "kong_nat": [
                    {"outside": "203.0.113.2", "outside_interface": "wan0", "device": "gw", "inside_port": 8000},
                    {"outside": "203.0.113.3", "outside_interface": "wan1", "device": "gw", "inside_port": 8443},
                ]
            },
            "or device": {
                "kong_nat": [
                    {"outside": "203.0.113.2", "outside_interface": "wan0", "device": "gw", "inside_port": 8000},
                    {"outside": "203.0.113.3", "outside_interface": "wan0", "device": "elsewhere", "inside_port": 8443},
                ]
            },
        },
        others=GATEWAY,
    ),
    advise_node(
        "gateway-egress",
        {"kong_nat": [{"outside": "203.0.113.2", "device": "gw"}, {"outside": "203.0.113.3", "device": "gw"}]},
        {"Set kong_nat_egress": {"kong_nat_egress": "203.0.113.2"}},
        others=GATEWAY,
    ),
]

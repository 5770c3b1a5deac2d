# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet for every error of DESIGN, section 5, and the expected parts of its message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import GOSSIP

A = {**GOSSIP, "kong_site": "a", "kong_address": "10.0.0.1", "kong_nat": [{"outside": "203.0.113.1"}]}
C = {**GOSSIP, "kong_site": "c", "kong_address": "10.2.0.1", "kong_nat": [{"outside": "203.0.113.3"}]}
B = {**GOSSIP, "kong_site": "b", "kong_address": "10.1.0.2"}
NEW = {"kong_version": "3.9", "kong_address": "10.1.0.2"}


@dataclass(frozen=True)
class Refusal:
    """Nodes, the error of node ``n``, and parts of its message in addition to host, variable and value."""

    nodes: dict[str, dict[str, Any]]
    code: str
    variable: str
    value: Any
    says: list[str] = field(default_factory=list)


def make_nat(*mappings):
    return {**B, "kong_nat": list(mappings)}


def make_alone(**variables):
    return {"n": {**NEW, **{f"kong_{key}": value for key, value in variables.items()}}}


REFUSALS = {
    "no_path": Refusal(
        {"a": A, "n": B},
        "no-path",
        "kong_cluster_advertise",
        None,
        ["site a", "site b", "cluster listener", "kong_nat mapping", "kong_vpn_address", "kong_flat_network: true"],
    ),
    "no_path_of_a_data_plane": Refusal(
        {
            "a": {**NEW, "kong_site": "a", "kong_address": "10.0.0.1", "kong_role": "control_plane"},
            "n": {**NEW, "kong_site": "b", "kong_role": "data_plane"},
        },
        "no-path",
        "kong_cluster_control_plane",
        None,
        ["site a", "site b", "cluster listener", "kong_nat", "kong_vpn_address", "kong_flat_network: true"],
    ),
    "one_advertised_address": Refusal(
        {
            "a": A,
            "m": {**C, "kong_nat": [{"outside": "203.0.113.2", "device": "r1"}]},
            "n": make_nat({"outside": "203.0.113.2", "device": "r2"}),
        },
        "advertise-duplicate",
        "kong_cluster_advertise",
        "203.0.113.2:7946",
        ["of the same cluster advertises the same endpoint", "its own outside port"],
    ),
    "no_udp": Refusal(
        {"a": A, "n": make_nat({"outside": "203.0.113.2", "inside_port": 7946, "protocols": ["tcp"]})},
        "nat-protocol",
        "kong_nat",
        "203.0.113.2:7946 tcp to port 7946",
        ["does not forward udp", "Add the protocol"],
    ),
    "inside_port": Refusal(
        {"a": A, "n": make_nat({"outside": "203.0.113.2", "inside_port": 7000})},
        "nat-no-listener",
        "kong_nat",
        "203.0.113.2:7000 tcp+udp to port 7000",
        ["no listener of Kong is on tcp+udp port 7000", "the inside address 10.1.0.2", "Correct inside_port, inside"],
    ),
    "no_single_address": Refusal(
        {
            "a": A,
            "c": C,
            "n": make_nat({"outside": "203.0.113.4", "sites": ["a"]}, {"outside": "203.0.113.5", "sites": ["c"]}),
        },
        "advertise-not-single",
        "kong_cluster_advertise",
        None,
        ["(site c) cannot reach 203.0.113.4:7946", "(site a) cannot reach 203.0.113.5:7946", "kong_nat mapping"],
    ),
    "collision": Refusal(
        make_alone(proxy_listen="0.0.0.0:8000", admin_listen="10.1.0.2:8000"),
        "listen-collision",
        "kong_admin_listen",
        "10.1.0.2:8000",
        ["proxy_listen 0.0.0.0:8000", "another port or another address"],
    ),
    "duplicate": Refusal(
        make_alone(proxy_listen="0.0.0.0:8000, 0.0.0.0:8000 ssl"),
        "listen-duplicate",
        "kong_proxy_listen",
        "0.0.0.0:8000, 0.0.0.0:8000 ssl",
        ["tcp port 8000", "another port or another address"],
    ),
    "bind_address": Refusal(
        {"n": {**NEW, "kong_proxy_listen": "10.1.0.9:8000", "ansible_facts": {"all_ipv4_addresses": ["10.1.0.2"]}}},
        "bind-not-on-host",
        "kong_proxy_listen",
        "10.1.0.9",
        ["This host has 10.1.0.2"],
    ),
    "unknown_setting": Refusal(
        make_alone(proxy_listen_ssl="0.0.0.0:8443"),
        "setting-unknown",
        "kong_proxy_listen_ssl",
        "0.0.0.0:8443",
        ["3.6.0-3.9.4", "add an entry with ssl to kong_proxy_listen"],
    ),
    "unknown_flag": Refusal(
        make_alone(proxy_listen="0.0.0.0:8000 transparent"),
        "flag-unsupported",
        "kong_proxy_listen",
        "0.0.0.0:8000 transparent",
        ["flag 'transparent' is not known to this version", "ADDRESS:PORT"],
    ),
    "ipv6_gossip": Refusal(
        {"n": {**B, "kong_cluster_listen": "[fd00::1]:7946"}},
        "ipv6-unsupported",
        "kong_cluster_listen",
        "[fd00::1]:7946",
        ["IPv4 only", "IPV4:PORT"],
    ),
    "unknown_source": Refusal(
        make_alone(admin_listen="0.0.0.0:8001", admin_sources=["stranger"], admin_gui_listen="off"),
        "source-unknown",
        "kong_admin_sources",
        "stranger",
        ["not a host of the inventory", "@group"],
    ),
    "admin_for_any": Refusal(
        make_alone(admin_listen="0.0.0.0:8001", admin_sources=["any"], admin_gui_listen="off"),
        "source-any",
        "kong_admin_sources",
        ["any"],
        ["opens admin on port 8001 to any source", "kong_admin_allow_any: true"],
    ),
    "overlap": Refusal(
        {
            "m": {**NEW, "kong_site": "a", "kong_flat_network": True},
            "n": {**NEW, "kong_site": "b", "kong_flat_network": True},
        },
        "address-overlap",
        "kong_address",
        "10.1.0.2",
        ["(site a) has the same address", "kong_flat_network: false"],
    ),
    "unknown_address": Refusal(
        {"m": NEW, "n": {"kong_version": "3.9"}},
        "address-unknown",
        "kong_address",
        None,
        ["the host has no facts", "Set kong_address"],
    ),
}

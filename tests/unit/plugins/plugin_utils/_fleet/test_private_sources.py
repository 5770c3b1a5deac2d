# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private sources of a node with public addresses only."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import list_warnings, plan_fleet

NODE = {
    "kong_site": "cloud",
    "kong_address": ["198.51.100.7", "2001:db8::7"],
    "kong_admin_listen": "0.0.0.0:8001, [::]:8001",
    "kong_admin_gui_listen": "off",
    "kong_admin_sources": ["10.9.0.0/16"],
}
OUTSIDE = {"outside": "203.0.113.1", "inside_port": 8001}
DOCKER = {
    "interfaces": ["docker0"],
    "docker0": {"ipv4": {"address": "172.17.0.1", "prefix": "16"}},
    "all_ipv4_addresses": ["198.51.100.7", "172.17.0.1"],
}
CASES = [
    ("IPv4", {}, True),
    ("carrier-grade NAT", {"kong_admin_sources": "100.64.0.9"}, True),
    ("IPv6", {"kong_admin_sources": "fd00::/64"}, True),
    ("public source", {"kong_admin_sources": "192.0.2.1"}, False),
    ("public and private source", {"kong_admin_sources": "8.0.0.0/5"}, False),
    ("private node", {"kong_address": "10.0.0.1"}, False),
    (
        "private address in facts",
        {"ansible_facts": {"all_ipv4_addresses": ["198.51.100.7", "10.0.0.1"]}, "kong_address": "198.51.100.7"},
        False,
    ),
    ("private bind address", {"kong_proxy_listen": "10.0.0.1:8000"}, False),
    ("VPN", {"kong_vpn_address": "10.8.0.1"}, False),
    ("flat network", {"kong_flat_network": True}, False),
    ("NAT mapping", {"kong_nat": [OUTSIDE]}, True),
    ("NAT mapping with a private outside address", {"kong_nat": [{**OUTSIDE, "outside": "10.0.0.9"}]}, False),
    ("NAT mapping with a private hairpin source", {"kong_nat": [{**OUTSIDE, "hairpin_source": "10.9.0.1"}]}, False),
    ("bridge of Docker", {"ansible_facts": DOCKER, "kong_address": "198.51.100.7"}, True),
    ("network of a private neighbour", {"kong_site": "lan", "kong_admin_sources": "10.1.7.0/24"}, False),
    ("first network of a private neighbour", {"kong_site": "lan", "kong_admin_sources": "10.1.0.0/24"}, False),
    ("private neighbour in the source", {"kong_site": "lan", "kong_admin_sources": "10.0.0.0/8"}, False),
    ("other network than a private neighbour", {"kong_site": "lan"}, True),
    ("other block than a private neighbour", {"kong_site": "lan", "kong_admin_sources": "192.168.1.9"}, True),
    ("private neighbour of the other family", {"kong_site": "lan", "kong_admin_sources": "fd00::/64"}, True),
]


@pytest.mark.parametrize(("variables", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_private_source_of_a_public_node_has_a_warning(variables, expected):
    node = {**NODE, **variables}
    neighbour = {"kong_site": "lan", "kong_address": "10.1.0.1"}
    found = list_warnings(plan_fleet({"n": node, "m": neighbour}), "source-private")
    assert [(warning["host"], warning["variable"]) for warning in found] == (
        [("n", "kong_admin_sources")] if expected else []
    )


PRIVATE = {"kong_address": "10.1.0.1"}
HOSTS = [
    ("host", {}, PRIVATE, "xb", True),
    ("group", {}, PRIVATE, "@bastions", True),
    ("public host", {}, {"kong_address": "192.0.2.1"}, "xb", False),
    ("host of the stated site", {}, {**PRIVATE, "kong_site": "default"}, "xb", False),
    ("host of another site", {}, {**PRIVATE, "kong_site": "lan", "kong_nat_egress": "203.0.113.9"}, "xb", False),
    ("flat network", {"kong_flat_network": True}, PRIVATE, "xb", False),
    ("private node", {"kong_address": "10.9.0.1"}, PRIVATE, "xb", False),
    ("NAT mapping", {"kong_nat": [OUTSIDE]}, PRIVATE, "xb", True),
    ("bridge of Docker", {"ansible_facts": DOCKER}, PRIVATE, "xb", True),
]


@pytest.mark.parametrize(
    ("variables", "other", "term", "expected"), [case[1:] for case in HOSTS], ids=[case[0] for case in HOSTS]
)
def test_a_private_host_as_source_of_a_public_node_has_a_warning(variables, other, term, expected):
    node = {**NODE, "kong_site": None, "kong_address": "198.51.100.7", "kong_admin_sources": [term], **variables}
    found = list_warnings(
        plan_fleet({"n": node}, {"xb": other, "xc": other}, groups={"bastions": ["xb"]}), "source-private"
    )
    assert [warning["message"][:30] for warning in found] == ["n: kong_admin_sources: 'xb': t"] * expected


def test_listeners_that_share_sources_have_one_warning():
    node = {**NODE, "kong_admin_gui_listen": "0.0.0.0:8002"}
    (warning,) = list_warnings(plan_fleet({"n": node}), "source-private")
    assert warning["message"].startswith("n: kong_admin_sources: '10.9.0.0/16': this host has only public addresses")


@pytest.mark.parametrize(
    ("source", "is_near"),
    [
        ("10.1.128.0/24", True),
        ("10.1.255.0/24", True),
        ("10.0.0.0/24", False),
        ("10.2.0.0/24", False),
        ("fd00:0:0:8000::/64", True),
        ("fd00:0:1::/64", False),
    ],
)
def test_networks_near_a_private_neighbour(source, is_near):
    """A host tells no size of its network, so 16 bits of IPv4 and 48 bits of IPv6 are assumed."""
    node = {**NODE, "kong_site": "lan", "kong_admin_sources": [source]}
    plan = plan_fleet({"n": node, "m": {"kong_site": "lan", "kong_address": ["10.1.0.1", "fd00::1"]}})
    assert (list_warnings(plan, "source-private") == []) is is_near

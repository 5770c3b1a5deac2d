# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a variable takes from facts, and the networks of kong_address_networks."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan

NODE = {
    "kong_version": "1.5",
    "kong_address": "10.0.0.1",
    "kong_proxy_listen": "0.0.0.0:8000 transparent",
    "kong_admin_listen": "0.0.0.0:8001",
    "kong_address_networks": ["10.0.0.0/8"],
}
MAPPING = {"outside": "192.0.2.1", "inside_port": 8000, "outside_port": 80}
INTERCEPT_RULE = {"listener": "proxy", "ports": 80, "destinations": ["192.0.2.9"]}


@dataclass(frozen=True)
class Reported(PlainInventory):
    """An inventory whose host has facts. `own` are its variables without facts."""

    own: dict

    def without_facts(self, _host):
        return self.own


def find_outside(own, **reported):
    """Return the variables and values with an error if the facts of a host replace its own values."""
    inventory = Reported({"kong": ["n"], "all": ["n"]}, {"n": {**NODE, **own, **reported}}, {**NODE, **own})
    found = compile_plan(inventory, "kong").findings
    return [(error.variable, error.value) for error in found if error.code == "address-outside-networks"]


# A variable with an address outside the networks, and the expected errors.
VARIABLES = {
    "address": ({"kong_address": "192.0.2.7"}, [("kong_address", "192.0.2.7")]),
    "VPN": ({"kong_vpn_address": "192.0.2.8"}, [("kong_vpn_address", "192.0.2.8")]),
    "egress": ({"kong_nat_egress": "192.0.2.5"}, [("kong_nat_egress", "192.0.2.5/32")]),
    "mapping": ({"kong_nat": [MAPPING]}, [("kong_nat", "192.0.2.1")]),
    "sources": ({"kong_admin_sources": ["192.0.2.0/24", "10.1.0.0/16"]}, [("kong_admin_sources", "192.0.2.0/24")]),
    "sources of one port": ({"kong_stream_listen": "0.0.0.0:9000", "kong_stream_sources": {9000: ["192.0.2.3"]}},
                            [("kong_stream_sources", "192.0.2.3/32")]),
    "wider than the networks": ({"kong_admin_sources": ["10.0.0.0/7"]}, [("kong_admin_sources", "10.0.0.0/7")]),
}  # fmt: skip


@pytest.mark.parametrize("case", VARIABLES)
def test_address_from_facts_outside_the_networks_is_an_error(case):
    reported, expected = VARIABLES[case]
    assert find_outside({}, **reported) == expected
    assert find_outside(reported, **reported) == []  # the inventory's own
    assert find_outside({"kong_address_networks": None}, **reported) == []
    everywhere = ["0.0.0.0/0", "::/0"]
    assert find_outside({"kong_address_networks": everywhere}, **reported) == []


def test_networks_in_facts_are_ignored():
    assert find_outside({}, kong_address="192.0.2.7", kong_address_networks=["192.0.2.0/24"]) == [
        ("kong_address", "192.0.2.7")
    ]


@pytest.mark.parametrize("address", ["10.0.0.1", None])
def test_unreadable_network_is_one_error(address):
    node = {**NODE, "kong_address": address, "kong_address_networks": ["10.0.0.0/33", "10.0.0.0/8"]}
    facts = {"ansible_facts": {"all_ipv4_addresses": ["10.0.0.1"]}}
    inventory = PlainInventory({"kong": ["n"], "all": ["n"]}, {"n": {**node, **facts}})
    (error,) = [error for error in compile_plan(inventory, "kong").findings if error.severity == "error"]
    assert (error.code, error.variable, error.value) == ("address-invalid", "kong_address_networks", "10.0.0.0/33")

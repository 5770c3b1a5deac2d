# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses that several nodes have: each node has one error for its site, and one for other sites."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import compile_fleet


@pytest.mark.parametrize(
    ("sites", "flat", "expected"),
    [
        ("aaa", False, [("address-duplicate", "n1"), ("address-duplicate", "n2")]),
        ("abc", False, []),
        ("abc", True, [("address-overlap", "n1"), ("address-overlap", "n2")]),
        ("aab", True, [("address-duplicate", "n1"), ("address-overlap", "n2")]),
        ("aba", True, [("address-duplicate", "n2"), ("address-overlap", "n1"), ("address-overlap", "n2")]),
    ],
)
def test_an_address_of_three_nodes(sites, flat, expected):
    nodes = {
        f"n{number}": {"kong_site": site, "kong_address": "10.0.0.1", "kong_flat_network": flat}
        for number, site in enumerate(sites)
    }
    errors = compile_fleet(nodes).errors
    found = [(error.code, error.host) for error in errors if error.code.startswith("address-")]
    assert sorted(found) == expected


@pytest.mark.parametrize(("addresses", "expected"), [("112", ["n1"]), ("111", ["n1", "n2"]), ("123", [])])
def test_an_address_on_the_vpn_of_several_nodes(addresses, expected):
    nodes = {
        f"n{number}": {
            "kong_site": f"s{number}",
            "kong_address": f"10.{number}.0.1",
            "kong_vpn_address": f"10.8.0.{end}",
        }
        for number, end in enumerate(addresses)
    }
    errors = compile_fleet(nodes).errors
    assert [(error.code, error.host, error.variable) for error in errors] == [
        ("address-duplicate", name, "kong_vpn_address") for name in expected
    ]

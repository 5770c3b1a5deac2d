# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.gateway_hosts import find_gateway_hosts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory

OUTSIDE = {"outside": "203.0.113.1"}


def make_inventory(**hosts):
    return PlainInventory(
        {"all": [*hosts]}, {host: {"ansible_facts": {}, **variables} for host, variables in hosts.items()}
    )


def make_nat(*devices):
    return {"kong_nat": [{**OUTSIDE, "device": device} for device in devices]}


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ({"n": make_nat("gw10", "gw9"), "gw9": {}, "gw10": {}}, ["gw9", "gw10"]),
        ({"n": make_nat("gw"), "m": make_nat("gw"), "gw": {}}, ["gw"]),
        ({"n": make_nat("n"), "m": make_nat("n")}, ["n"]),
        ({"n": make_nat("n"), "m": {}}, []),
        ({"n": make_nat("isp"), "gw": {}}, []),
        ({"n": make_nat("gw"), "gw": {"ansible_network_os": "vyos"}}, []),
        ({"n": {"kong_nat": [OUTSIDE]}, "gw": {}}, []),
        # Errors in other keys of the mapping do not count: no plan is made.
        (
            {"n": {"kong_nat": [{**OUTSIDE, "device": ["gw", "other"], "inside": "10.0.0.99"}]}, "gw": {}, "other": {}},
            ["gw", "other"],
        ),
        ({"n": {"kong_nat_query": "[{outside: '203.0.113.1', device: router}]", "router": "gw"}, "gw": {}}, ["gw"]),
    ],
)
def test_gateways_are_the_hosts_that_mappings_name(hosts, expected):
    assert find_gateway_hosts(make_inventory(**hosts)) == (expected, [])


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"kong_nat": [{**OUTSIDE, "device": []}]}, "nat-invalid"),
        ({"kong_nat": "gw"}, "variable-invalid"),
        ({"kong_nat_query": "cmdb.nat"}, "nat-invalid"),
    ],
)
def test_mappings_that_cannot_be_read_are_errors_and_others_count(variables, code):
    gateways, errors = find_gateway_hosts(make_inventory(a=variables, n=make_nat("gw"), gw={}))
    assert gateways == ["gw"]
    assert [(error.code, error.host) for error in errors] == [(code, "a")]

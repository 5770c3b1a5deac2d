# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A virtual address that moves to the node: it can be bound before, is observed after, and has its rule all the time."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.addresses import find_held_addresses, is_bindable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_ruleset
from ansible_collections.gatehouse.kong.tests.netns.conftest import enter_namespace, run_ip
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

VIRTUAL = {"ipv4": "10.0.1.100", "ipv6": "fd00:1::100"}
PORT = 8000
FLEET = {
    "node": {
        "kong_address": ["10.0.1.1", "fd00:1::1"],
        "kong_virtual_addresses": [*VIRTUAL.values()],
        "kong_proxy_listen": f"10.0.1.100:{PORT}, [fd00:1::100]:{PORT}",
        "kong_proxy_sources": ["friend"],
    }
}
OTHERS = {"friend": {"kong_address": ["10.0.1.2", "fd00:1::2"]}}


def set_sysctl(lab, name, value):
    subprocess.run(
        ["ip", "netns", "exec", lab.get_namespace("node"), "sysctl", "-qw", f"{name}={value}"],
        check=True,
        capture_output=True,
    )


def assign(lab, address, prefix, action="add"):
    nodad = ["nodad"] if ":" in address and action == "add" else []
    run_ip("-n", lab.get_namespace("node"), "address", action, f"{address}/{prefix}", "dev", "friend", *nodad)


def call_on_node(lab, function, *arguments):
    with enter_namespace(lab.get_namespace("node")):
        return function(*arguments)


@pytest.mark.parametrize("prefix", [(32, 128), (24, 64)], ids=["host", "network"])
def test_a_standby_binds_and_becomes_the_holder(lab, prefix):
    """keepalived adds /32 by default. With another prefix the kernel has a secondary address, and connects from the first."""
    plan = plan_fleet(FLEET, OTHERS)
    lab.converge(select_ruleset(plan, "node"))
    for family, length in zip(VIRTUAL, prefix, strict=True):
        address, name = VIRTUAL[family], f"net.{family}.ip_nonlocal_bind"
        set_sysctl(lab, name, 0)
        assert not call_on_node(lab, is_bindable, address)
        assert call_on_node(lab, find_held_addresses, [address, lab.get_address("friend", family, end=1)]) == [
            lab.get_address("friend", family, end=1)
        ]
        set_sysctl(lab, name, 1)
        assert call_on_node(lab, is_bindable, address)
        listener = lab.open_listener(PORT, family=family)
        assert call_on_node(lab, find_held_addresses, [address]) == []
        assign(lab, address, length)
        lab.announce("friend", address)
        assert call_on_node(lab, find_held_addresses, [address]) == [address]
        assert lab.connect("friend", listener, family=family, to=address)
        run_ip(
            "-n", lab.get_namespace("ally"), "route", "replace", address, "via", lab.get_address("ally", family, end=1)
        )
        assert not lab.connect("ally", listener, family=family, to=address)
        assign(lab, address, length, "del")
        lab.close()

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ends that a host dials, from the results of all hosts."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.action import kong_adopt_info
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import (
    KONG,
    make_access,
    make_facts,
)


def test_a_host_dials_the_ports_of_the_other_hosts():
    hostvars = {
        name: {
            "ansible_facts": make_facts(address),
            "found": {"kongs": [{**KONG, "access": [make_access(8001, "any")]}]},
        }
        for name, address in (("a", "10.0.0.1"), ("b", "10.0.0.2"))
    }
    variables = {"hostvars": hostvars, "groups": {"all": ["a", "b"]}, "inventory_hostname": "a"}
    assert kong_adopt_info._list_ends("found", variables) == [{"address": "10.0.0.2", "port": 8001}]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classes of callers: hosts are in one class if, and only if, their routes depend on equal properties."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import Addresses
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import Group, classify
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, NatMapping

HOST = Host("a", "s", Addresses("10.0.0.1"), networks=(("10.0.0.0/8", "10.0.0.1"), ("fd00:1::/64", None)))
MAPPING = NatMapping("203.0.113.1", None, None, ("tcp",), (), ("203.0.113.1",), None)


@pytest.mark.parametrize(
    ("change", "is_other_class"),
    [
        ({"address": Addresses("10.0.0.2")}, False),
        ({"address": Addresses("10.0.0.1", "fd00::1")}, True),
        ({"address": Addresses(None, "fd00::1")}, True),
        ({"vpn": Addresses("10.8.0.1")}, True),
        ({"site": "t"}, True),
        ({"flat": True}, True),
        # The networks of a family without an own address.
        ({"networks": (("10.0.0.0/8", "10.0.0.2"), ("fd00:1::/64", "fd00:1::1"))}, False),
        ({"networks": (("10.0.0.0/16", "10.0.0.1"), ("fd00:1::/64", None))}, False),
        ({"networks": (("10.0.0.0/8", "10.0.0.1"), ("fd00:2::/64", None))}, True),
        ({"networks": (("10.0.0.0/8", "10.0.0.1"),)}, True),
        ({"egress": ("203.0.113.7/32",)}, True),
        ({"nat": (MAPPING,)}, True),
    ],
)
def test_properties_that_make_a_class(change, is_other_class):
    other = replace(HOST, name="b", **change)
    assert [len(members) for members in classify([HOST, other]).values()] == ([1, 1] if is_other_class else [2])


@pytest.mark.parametrize(
    ("egress", "nat", "is_other_class"),
    [
        (("203.0.113.8/32",), (MAPPING,), False),
        (("203.0.113.8/32", "203.0.113.9/32"), (MAPPING,), False),
        (("192.168.0.1/32",), (MAPPING,), True),
        (("2001:db8::1/128",), (MAPPING,), True),
        (("203.0.113.7/32",), (replace(MAPPING, outside="203.0.113.2"),), False),
        (("203.0.113.7/32",), (replace(MAPPING, outside="192.168.0.2"),), True),
        (("203.0.113.7/32",), (replace(MAPPING, sites=("t",)),), True),
        (("203.0.113.7/32",), (MAPPING, MAPPING), False),
    ],
)
def test_the_scopes_of_outside_addresses_make_a_class(egress, nat, is_other_class):
    host = replace(HOST, egress=("203.0.113.7/32",), nat=(MAPPING,))
    other = replace(host, name="b", egress=egress, nat=nat)
    assert len(classify([host, other])) == 1 + is_other_class


def test_hosts_of_all_other_sites_have_one_example():
    """Messages about a missing path of 1,000 sites try each remedy on these hosts."""
    hosts = [replace(HOST, name=f"h{number}", site=f"s{number}") for number in range(50)]
    hosts += [replace(HOST, name="public", site="t", address=Addresses("198.51.100.1"))]
    hosts += [replace(HOST, name="unfit", site="u", unfit=frozenset({"a change"}))]
    callers = Group([*hosts, replace(HOST, name="near", site="s0")])
    examples = callers.for_changes.choose_representatives(hosts[0])
    assert [host.name for host in examples] == ["h1", "public", "unfit", "near"]

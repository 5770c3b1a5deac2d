# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks that rules name, and the ranges between their ends."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import parse_networks, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.bounds import cut, list_named_networks


def read(text, family="ipv4"):
    first, _hyphen, last = text.partition("-")
    return parse_range(family, first)[0], parse_range(family, last or first)[1]


@pytest.mark.parametrize(
    ("family", "rules", "expected"),
    [
        ("ipv4", "-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 8001 -j ACCEPT", {"10.0.0.0/8"}),
        ("ipv4", "-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP", {"10.0.0.1-10.0.0.9"}),
        ("ipv4", "-A INPUT -s fd00::/64 -j DROP", set()),
        ("ipv6", "-A INPUT -s fd00::/64 -p tcp -j DROP", {"fd00::/64"}),
        ("ipv6", "-A INPUT -s 10.0.0.1 -j DROP", set()),
        ("ipv4", {"match": {"right": {"prefix": {"addr": "10.1.0.0", "len": 16}}}}, {"10.1.0.0/16", "10.1.0.0"}),
        ("ipv4", {"right": {"set": [{"range": ["10.0.0.1", "10.0.0.9"]}, "10.2.0.1"]}}, {"10.0.0.1-10.0.0.9", "10.0.0.1", "10.0.0.9", "10.2.0.1"}),
        ("ipv4", {"right": {"range": [8000, 8100]}}, set()),
        ("ipv6", {"right": {"prefix": {"addr": "10.1.0.0", "len": 16}}}, set()),
        ("ipv6", {"right": {"prefix": {"addr": "fd00::", "len": 64}}}, {"fd00::/64", "fd00::"}),
        ("ipv4", [{"iptables": "-A INPUT -s 10.3.0.0/16 -j DROP"}], {"10.3.0.0/16"}),
        ("ipv4", "1.2.3 10.0.0.1/33 8000 -- 1.2.3.4.5", set()),
    ],
)  # fmt: skip
def test_rules_name_these_networks(family, rules, expected):
    assert list_named_networks(family, rules) == {read(text, family) for text in expected}


@pytest.mark.parametrize(
    ("networks", "bounds", "expected"),
    [
        (["10.0.0.0/24"], [], ["10.0.0.0-10.0.0.255"]),
        (["10.0.0.0/24"], ["10.0.0.8-10.0.0.9"], ["10.0.0.0-10.0.0.7", "10.0.0.8-10.0.0.9", "10.0.0.10-10.0.0.255"]),
        (["10.0.0.0/24"], ["10.0.0.0/8"], ["10.0.0.0-10.0.0.255"]),
        (["10.0.0.0/30"], ["10.0.0.3", "9.0.0.0/8"], ["10.0.0.0-10.0.0.2", "10.0.0.3-10.0.0.3"]),
        (["10.0.0.0/32", "10.0.0.2/32"], ["10.0.0.1"], ["10.0.0.0-10.0.0.0", "10.0.0.2-10.0.0.2"]),
    ],
)  # fmt: skip
def test_networks_are_cut_at_both_ends_of_each_bound(networks, bounds, expected):
    assert cut(parse_networks("ipv4", networks), [*map(read, bounds)]) == tuple(map(read, expected))

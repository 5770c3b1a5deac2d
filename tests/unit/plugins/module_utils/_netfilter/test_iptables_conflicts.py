# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Translations of both families of iptables, and a kernel without IPv6."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_conflicts import (
    find_translations,
    without_ipv6,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data

NAT = "*nat\n:DOCKER - [0:0]\n-A DOCKER -p tcp -m tcp --dport 80 -j DNAT --to-destination {}\nCOMMIT\n"


def test_translations_of_both_families():
    saved = {"ipv4": NAT.format("172.17.0.2:8000"), "ipv6": NAT.format("[fd00::2]:8000")}
    assert find_translations(saved) == (
        Translation("iptables chain DOCKER of table nat", "tcp", None, 80, "172.17.0.2", 8000),
        Translation("ip6tables chain DOCKER of table nat", "tcp", None, 80, "fd00::2", 8000),
    )
    assert find_translations({"ipv4": "*filter\nCOMMIT\n"}) == ()
    assert find_translations({}) == ()


def make_entry(port, address, sources):
    return {"listener": "a", "protocol": "tcp", "port": port, "address": address, "sources": sources}


def test_a_kernel_without_ipv6():
    sets = {"both": {"ipv4": ["10.0.0.1"], "ipv6": ["fd00::1"]}, "old": {"ipv4": ["10.0.0.1"]}}
    allow = [
        make_entry(1, None, ["old"]),
        make_entry(2, None, ["both"]),
        make_entry(3, "fd00::9", "any"),
        make_entry(4, "10.0.0.9", "any"),
    ]
    (found,) = without_ipv6(ruleset_from_data({"allow": allow, "sets": sets}), "/etc/rules")
    assert found.ports == ("IPv6 to tcp 2 at every address", "IPv6 to tcp 3 at fd00::9")
    assert (found.certain, found.where) == (False, "the kernel")
    assert "/etc/rules" in found.reason
    assert without_ipv6(ruleset_from_data({"allow": allow[:1], "sets": {"old": sets["old"]}}), "/etc/rules") == ()

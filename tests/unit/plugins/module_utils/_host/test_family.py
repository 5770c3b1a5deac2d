# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES, FAMILY


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ipv4", ("", "ip", "inet", "iptables", "-4", 32, "0.0.0.0", socket.AF_INET, "/proc/net/ip_tables_names")),
        ("ipv6", ("6", "ip6", "inet6", "ip6tables", "-6", 128, "::", socket.AF_INET6, "/proc/net/ip6_tables_names")),
    ],
)
def test_each_program_has_its_word_for_a_family(name, words):
    family = FAMILY[name]
    assert family.name == name
    assert words == (
        family.suffix,
        family.ip,
        family.inet,
        family.iptables,
        family.option,
        family.bits,
        family.wildcard,
        family.number,
        family.legacy_tables,
    )


def test_the_families_are_in_the_order_of_their_versions():
    assert FAMILIES == ("ipv4", "ipv6")

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interface identifiers of IPv6 addresses that look temporary."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.attached import list_attached_to


@pytest.mark.parametrize(
    ("identifier", "prefix", "is_temporary"),
    [
        ("0:1:0:0", 64, True),
        ("0:0:8000:0", 64, False),
        ("0:0:ffff:ffff", 64, False),
        ("2b6e:52b6:ca81:999d", 64, True),
        ("2b6e:52b6:ca81:999d", 56, False),
        # From a MAC address, and almost.
        ("211:22ff:fe33:4455", 64, False),
        ("211:22ff:ff33:4455", 64, True),
        ("211:22fe:fe33:4455", 64, True),
        ("211:227f:fe33:4455", 64, True),
        ("211:22ff:fd33:4455", 64, True),
    ],
)
def test_a_second_address_with_a_random_identifier_looks_temporary(identifier, prefix, is_temporary):
    listed = [{"address": f"2001:db8:1:0:{end}", "prefix": str(prefix)} for end in ("0:0:0:9", identifier)]
    first, second = list_attached_to([("eth0", {"ipv6": listed})], bridges=False)
    assert (first.temporary, first.primary) == (False, True)
    assert (second.temporary, second.primary) == (is_temporary, False)


def test_a_second_ipv4_address_is_not_temporary():
    listed = [{"address": f"10.0.0.{end}", "prefix": "24"} for end in (1, 2)]
    found = [*list_attached_to([("eth0", {"ipv4": listed[0], "ipv4_secondaries": listed[1:]})], bridges=False)]
    assert [(item.address, item.primary, item.temporary) for item in found] == [
        ("10.0.0.1", True, False),
        ("10.0.0.2", False, False),
    ]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of default routes in a host's facts."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.interfaces import OwnAddresses
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._inventory.test_interfaces import (
    make_facts,
    make_ipv4,
    make_ipv6,
)

INTERFACES = {
    "eth0": {"ipv4": make_ipv4("10.9.0.5", 24), "ipv6": make_ipv6("2001:db8::5")},
    "docker0": {"type": "bridge", "ipv4": make_ipv4("172.17.0.1", 16), "ipv6": make_ipv6("fd00:17::1")},
}


@pytest.mark.parametrize(
    ("default4", "default6", "virtual", "expected"),
    [
        (None, None, (), {}),
        ("10.9.0.5", None, (), {4: "10.9.0.5"}),
        (None, "2001:db8::5", (), {6: "2001:db8::5"}),
        ("10.9.0.5", "2001:db8::5", (), {4: "10.9.0.5", 6: "2001:db8::5"}),
        ("10.9.0.100", "2001:db8::5", ("10.9.0.100",), {6: "2001:db8::5"}),
        ("10.9.0.5", "2001:db8::64", ("10.9.0.100", "2001:db8::64"), {4: "10.9.0.5"}),
        ("172.17.0.1", "fd00:17::1", (), {}),
    ],
)
def test_neither_a_virtual_address_nor_a_bridge_is_the_source(default4, default6, virtual, expected):
    own = OwnAddresses.read(make_facts(default4, default6, **INTERFACES), virtual)
    assert own.default == expected
    assert own.usable == ("10.9.0.5", "2001:db8::5")

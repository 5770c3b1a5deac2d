# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tracked flows that a change leaves behind. tests/netns tests the table of a host."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.table import _make_stale_test
from ansible_collections.gatehouse.kong.plugins.module_utils._host.conntrack import Flow
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._gateway.nats import make_nat

OUTSIDE, OLD, NEW = ("192.168.10.5", 9000), ("192.168.23.45", 80), ("192.168.23.45", 81)
BEFORE, AFTER = make_nat(), make_nat(inside_port=81)


@pytest.mark.parametrize(
    ("before", "after", "dialled", "replies", "stale"),
    [
        (BEFORE, AFTER, OUTSIDE, OLD, True),
        (BEFORE, AFTER, OUTSIDE, NEW, False),
        (BEFORE, AFTER, OUTSIDE, OUTSIDE, True),  # tracked before there was a forward
        (None, AFTER, OUTSIDE, OUTSIDE, True),
        (BEFORE, None, OUTSIDE, OLD, True),
        (BEFORE, None, OUTSIDE, OUTSIDE, False),
        (BEFORE, AFTER, ("192.168.10.5", 9001), OLD, False),
        (BEFORE, AFTER, ("192.168.10.6", 9000), OLD, False),
    ],
)
def test_flows_that_lead_elsewhere_are_ended(before, after, dialled, replies, stale):
    is_stale = _make_stale_test(before, after)
    assert is_stale(Flow("tcp", dialled, replies)) is stale
    assert is_stale(Flow("udp", dialled, replies)) is False

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which the callers of a node have their turn."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_targets
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.ring import Ring
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import plan_fleet

PLAN = plan_fleet({f"n{number}": {"kong_address": f"10.0.0.{number}"} for number in range(1, 7)})
RING = Ring(get_host(PLAN, name) for name in list_callers(PLAN))
ORDER = [host.name for host in RING.hosts]


def test_the_turns_start_after_the_node_and_end_with_it():
    for position, name in enumerate(ORDER):
        turns = [RING.take(name, turn).name for turn in range(len(ORDER))]
        assert turns == ORDER[position + 1 :] + ORDER[: position + 1]


def test_the_required_caller_of_a_node_is_the_next_host():
    required = {target.node.name: [*RING.list_required(target)] for target in list_targets(PLAN)}
    for position, name in enumerate(ORDER):
        assert {probe.caller for probe in required[name]} == {ORDER[(position + 1) % len(ORDER)]}

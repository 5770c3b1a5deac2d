# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sample of the probes of a large fleet: every listener once from an allowed host and once from another host.

The choice depends on names only and not on chance. So the next run has the same probes, and a change of the results is a
change of the fleet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    Probe,
    Target,
    list_callers,
    list_probes_to,
    list_targets,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.ring import Ring


def choose_sample(plan: Mapping[str, Any], pairs: int) -> dict[str, list[Probe]]:
    """Return the chosen probes by caller. If there are at most `pairs` probes, all are chosen.

    Every listener of every node is tested at least once from an allowed host, and once from a host that is not allowed, if
    such hosts exist, even if that takes more than `pairs`. A larger number only adds probes.
    """
    callers = list_callers(plan)
    ring = Ring(get_host(plan, name) for name in callers)
    targets = list_targets(plan)
    chosen = {probe: None for target in targets for probe in _list_required(target, ring)}
    for probe in _take_in_turn(targets, ring):
        if len(chosen) >= pairs:
            break
        chosen[probe] = None
    found: dict[str, list[Probe]] = {name: [] for name in callers}
    for probe in chosen:
        found[probe.caller].append(probe)
    return {name: sorted(probes, key=lambda probe: probe.name) for name, probes in found.items()}


def _list_required(target: Target, ring: Ring) -> Iterator[Probe]:
    """Yield the probes that every sample has: two for each port, and all probes through a hairpin."""
    yield from ring.list_required(target)
    yield from list_probes_to(target.node.host, target)


def _take_in_turn(targets: Sequence[Target], ring: Ring) -> Iterator[Probe]:
    """Yield all probes: first from the first caller of each node, then from the second."""
    for turn in range(len(ring.hosts)):
        for target in targets:
            yield from list_probes_to(ring.take(target.node.name, turn), target)

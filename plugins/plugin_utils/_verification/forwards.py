# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forwards of gateways of the inventory that a verification has tested: from outside, and from inside if the plan has a hairpin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import OPEN, SILENT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import group_pairs

NO_RESULT = "this run has no result of an allowed host there"
_OUTSIDE, _INSIDE = "outside", "inside"
# The terminal names at most so many forwards of a gateway.
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Coverage:
    """A side of a forward, "outside" or "inside", and whether an allowed connection from there has a result.

    Several gateways have the same forward if they share its outside address.
    """

    gateways: tuple[str, ...]
    forward: str
    side: str
    is_tested: bool


def list_coverage(plan: Mapping[str, Any], outcomes: Iterable[Outcome]) -> tuple[Coverage, ...]:
    """Return each side of each forward of the gateways of the inventory. Without gateways, no outcome is read."""
    gateways: dict[tuple[str, Endpoint], list[str]] = {}
    sides: dict[tuple[str, Endpoint], Sequence[str]] = {}
    for name, gateway in plan.get("gateways", {}).items():
        for forward in gateway["forwards"]:
            key = (forward["protocol"], Endpoint(forward["outside"], forward["outside_port"]))
            gateways.setdefault(key, []).append(name)
            sides[key] = (_OUTSIDE, _INSIDE) if forward["hairpin"] else (_OUTSIDE,)
    tested = {*_list_tested(plan, outcomes)} if gateways else set()
    return tuple(
        Coverage(tuple(names), f"{key[0]} {key[1]}", side, (key, side) in tested)
        for key, names in gateways.items()
        for side in sides[key]
    )


def _list_tested(plan: Mapping[str, Any], outcomes: Iterable[Outcome]) -> Iterator[tuple[tuple[str, Endpoint], str]]:
    """Yield the dialled endpoint and the side of each expected connection that has a result."""
    sites: dict[str, str] = {}
    for outcome in outcomes:
        probe = outcome.probe
        if probe.expected != OPEN or outcome.result in (None, SILENT):
            continue
        for name in (probe.caller, probe.target):
            if name not in sites:
                sites[name] = get_host(plan, name).site
        side = _INSIDE if sites[probe.caller] == sites[probe.target] else _OUTSIDE
        yield (probe.protocol, probe.dialled), side


def format_coverage(coverage: Iterable[Coverage]) -> list[str]:
    """Return a line for each gateway with the numbers of its tested forwards, and a line for forwards without a test."""
    return [
        line
        for gateway, counts, untested in describe_coverage(coverage)
        for line in (
            f"FORWARDS of {gateway} that were tested: {counts}",
            *(
                f"NOT TESTED from {side}: {list_first(forwards, _SHOWN)} of {gateway}: {NO_RESULT}"
                for side, forwards in untested.items()
            ),
        )
    ]


def describe_coverage(coverage: Iterable[Coverage]) -> Iterator[tuple[str, str, dict[str, list[str]]]]:
    """Yield the name of each gateway, the numbers of its tested forwards, and by side its forwards without a test."""
    for gateways, sides in group_pairs((found.gateways, found) for found in coverage).items():
        by_side = group_pairs((found.side, found) for found in sides)
        counts = [
            f"{sum(found.is_tested for found in by_side[side])} of {len(by_side[side])} from {side}"
            for side in (_OUTSIDE, _INSIDE)
            if side in by_side
        ]
        untested = group_pairs((found.side, found.forward) for found in sides if not found.is_tested)
        yield " or ".join(gateways), ", ".join(counts), untested

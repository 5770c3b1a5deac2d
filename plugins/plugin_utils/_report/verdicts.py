# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the verification says of each arrow and port of the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Flow
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import Box, Fleet, Row
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import Outcome, differs
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import SILENT

PROVED = "\N{CHECK MARK}"
DIFFERS = "\N{BALLOT X}"

_ByPort = Mapping[tuple[str, str, int], list[Outcome]]  # by node, listener and port


def proved(fleet: Fleet, outcomes: Iterable[Outcome]) -> Fleet:
    """Return the fleet with a verdict on each flow that was probed, and the count of differences on each row."""
    by_port: dict[tuple[str, str, int], list[Outcome]] = {}
    for one in outcomes:
        by_port.setdefault((one["to"], one["listener"], one["port"]), []).append(one)
    sites = tuple(replace(site, boxes=tuple(_box(box, by_port) for box in site.boxes)) for site in fleet.sites)
    return replace(fleet, sites=sites)


def _box(box: Box, by_port: _ByPort) -> Box:
    return replace(box, rows=tuple(_row(row, box.nodes, by_port) for row in box.rows))


def _row(row: Row, nodes: Iterable[str], by_port: _ByPort) -> Row:
    mine = [one for node in nodes for port in row.numbers for one in by_port.get((node, row.listener, port), ())]
    flows = tuple(replace(flow, verdict=_verdict(flow, mine)) for flow in row.flows)
    return replace(row, flows=flows, differs=sum(map(differs, mine)))


def _verdict(flow: Flow, outcomes: Iterable[Outcome]) -> str:
    """Of callers that are not named (anyone) every host of the plan is one."""
    callers = frozenset(flow.callers)
    told = (one for one in outcomes if one["seen"] not in (None, SILENT))
    mine = [one for one in told if one["from"] in callers or (_is_of(flow, one) and not callers)]
    if not mine:
        return ""
    return DIFFERS if any(map(differs, mine)) else PROVED


def _is_of(flow: Flow, outcome: Outcome) -> bool:
    """Tell whether a probe dialled what the callers of a flow dial."""
    return (outcome["dial_address"], outcome["dial_port"]) in flow.dialled

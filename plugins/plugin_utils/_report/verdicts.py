# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of the verification for each arrow and port of the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Flow
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import Box, Fleet, Row
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import Outcome, differs
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import SILENT

AS_PLANNED = "\N{CHECK MARK}"
DIFFERS = "\N{BALLOT X}"

_ByPort = Mapping[tuple[str, str, int], list[Outcome]]  # by node, listener and port


def add_verdicts(fleet: Fleet, outcomes: Iterable[Outcome]) -> Fleet:
    """Return the fleet with a verdict on each flow that was tested, and the number of differences on each row."""
    by_port: dict[tuple[str, str, int], list[Outcome]] = {}
    for outcome in outcomes:
        by_port.setdefault((outcome["to"], outcome["listener"], outcome["port"]), []).append(outcome)
    sites = tuple(replace(site, boxes=tuple(_box(box, by_port) for box in site.boxes)) for site in fleet.sites)
    return replace(fleet, sites=sites)


def _box(box: Box, by_port: _ByPort) -> Box:
    return replace(box, rows=tuple(_row(row, box.nodes, by_port) for row in box.rows))


def _row(row: Row, nodes: Iterable[str], by_port: _ByPort) -> Row:
    outcomes = [
        outcome for node in nodes for port in row.numbers for outcome in by_port.get((node, row.listener, port), ())
    ]
    flows = tuple(replace(flow, verdict=_verdict(flow, outcomes)) for flow in row.flows)
    return replace(row, flows=flows, differs=sum(map(differs, outcomes)))


def _verdict(flow: Flow, outcomes: Iterable[Outcome]) -> str:
    """Return the mark of a flow from the results of its callers. A flow of any source has all hosts of the plan."""
    callers = frozenset(flow.callers)
    known = (outcome for outcome in outcomes if outcome["seen"] not in (None, SILENT))
    of_flow = [outcome for outcome in known if outcome["from"] in callers or (not callers and _dials(flow, outcome))]
    if not of_flow:
        return ""
    return DIFFERS if any(map(differs, of_flow)) else AS_PLANNED


def _dials(flow: Flow, outcome: Outcome) -> bool:
    """Tell whether a probe dialled an endpoint of a flow."""
    return (outcome["dial_address"], outcome["dial_port"]) in flow.dialled

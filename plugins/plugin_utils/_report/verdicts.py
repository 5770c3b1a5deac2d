# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of the verification and drift for each arrow, port and box of the picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import Flow
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import Box, Fleet, Row
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.certificates import is_open_admin
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import Outcome, differs
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import SILENT

AS_PLANNED = "\N{CHECK MARK}"
DIFFERS = "\N{BALLOT X}"

Drift = Mapping[str, Any]  # as kong_drift returns it


def add_verdicts(fleet: Fleet, outcomes: Iterable[Outcome], drift: Drift | None, plan: Mapping[str, Any]) -> Fleet:
    """Return the fleet with a verdict on each flow that was tested, and with marks on affected rows and boxes."""
    by_port: dict[_PortKey, list[Outcome]] = {}
    for outcome in outcomes:
        by_port.setdefault((outcome["to"], outcome["listener"], outcome["port"]), []).append(outcome)
    lines = {
        node: [line for part in parts.values() for line in part]
        for node, parts in (drift or {"nodes": {}})["nodes"].items()
    }
    settings: dict[tuple[str, str], list[str]] = {}
    for node, planned in plan["nodes"].items():
        for listener in planned["listeners"]:
            settings.setdefault((node, listener["name"]), []).append(listener["setting"])
    evidence = _Evidence(by_port, lines, settings)
    sites = tuple(replace(site, boxes=tuple(_mark_box(box, evidence) for box in site.boxes)) for site in fleet.sites)
    return replace(fleet, sites=sites)


_PortKey = tuple[str, str, int]  # node, listener and port


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Results by port, lines of drift by node, and the names of the settings of each listener by node and listener."""

    outcomes: Mapping[_PortKey, list[Outcome]]
    drift: Mapping[str, list[str]]
    settings: Mapping[tuple[str, str], list[str]]

    def select_drift(self, node: str, row: Row) -> list[str]:
        """Return the lines of drift of a node that name a port, the listener or the setting of a row."""
        name = re.escape(row.listener)
        settings = "|".join(map(re.escape, self.settings[node, row.listener]))
        ports = "|".join(map(str, row.numbers))
        about = re.compile(rf"\b(?:tcp|udp) (?:{ports}) \({name}\)|^{name}: |(?:^|: )(?:{settings}) is ")
        return [line for line in self.drift.get(node, ()) if about.search(line)]


def _mark_box(box: Box, evidence: _Evidence) -> Box:
    of_ports = {node: {line for row in box.rows for line in evidence.select_drift(node, row)} for node in box.nodes}
    others = [node for node in box.nodes if set(evidence.drift.get(node, ())) - of_ports[node]]
    marks = _format_mark("drift, see section Drift", others, box)
    return replace(box, rows=tuple(_mark_row(row, box, evidence) for row in box.rows), marks=tuple(marks))


def _mark_row(row: Row, box: Box, evidence: _Evidence) -> Row:
    outcomes = [
        outcome
        for node in box.nodes
        for port in row.numbers
        for outcome in evidence.outcomes.get((node, row.listener, port), ())
    ]
    different = sum(map(differs, outcomes))
    marks = [
        *([f"{DIFFERS} {count_noun(different, 'result')} not as planned"] if different else []),
        *_format_mark("no authentication", [outcome["to"] for outcome in outcomes if is_open_admin(outcome)], box),
        *_format_mark("drift", [node for node in box.nodes if evidence.select_drift(node, row)], box),
    ]
    flows = tuple(replace(flow, verdict=_judge_flow(flow, outcomes)) for flow in row.flows)
    return replace(row, flows=flows, marks=tuple(marks))


def _format_mark(text: str, nodes: Iterable[str], box: Box) -> Iterator[str]:
    """Yield the mark of a problem, with the number of its nodes if the box has several nodes."""
    affected = set(nodes)
    if affected:
        yield f"{DIFFERS} {text}" + (f" ({count_noun(len(affected), 'node')})" if len(box.nodes) > 1 else "")


def _judge_flow(flow: Flow, outcomes: Iterable[Outcome]) -> str:
    """Return the mark of a flow from the results of its callers. A flow of any source has all hosts of the plan."""
    callers = frozenset(flow.callers)
    known = (outcome for outcome in outcomes if outcome["result"] not in (None, SILENT))
    of_flow = [
        outcome for outcome in known if outcome["from"] in callers or (not callers and _is_dialled(flow, outcome))
    ]
    if not of_flow:
        return ""
    return DIFFERS if any(map(differs, of_flow)) else AS_PLANNED


def _is_dialled(flow: Flow, outcome: Outcome) -> bool:
    """Tell whether a probe dialled an endpoint of a flow."""
    return (outcome["dial_address"], outcome["dial_port"]) in flow.dialled

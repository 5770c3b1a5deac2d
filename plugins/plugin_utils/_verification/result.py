# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verification: what the probes of all hosts met, compared with the plan, and the table that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import planned_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escaped_all
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.causes import likely_cause
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.observer import Observers, outcome_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    OPEN,
    SILENT,
    Probe,
    Target,
    callers,
    probes_to,
    targets_of,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.remarks import (
    Placeholders,
    certificate_lines,
    remarks,
)

# More sources than this and the table has one line a difference instead of one column a source.
_COLUMNS = 8
# Where more differ, the causes of these say it all.
_EXPLAINED = 100


@dataclass(frozen=True, slots=True)
class Verification:
    """All outcomes of a verification, and whether more could have been tried."""

    outcomes: tuple[Outcome, ...]
    sampled: bool = False

    @property
    def differences(self) -> tuple[Outcome, ...]:
        """Probes that met something else than the plan expects."""
        return tuple(outcome for outcome in self.outcomes if outcome.differs)

    @property
    def missing(self) -> tuple[str, ...]:
        """Hosts that did not probe."""
        return tuple(dict.fromkeys(one.probe.caller for one in self.outcomes if one.seen is None))

    @property
    def unproved(self) -> int:
        """How many probes nobody answered of which nobody knows whether they got in."""
        return sum(one.seen == SILENT for one in self.outcomes)

    @property
    def refusals(self) -> int:
        """How many probes were to be refused and were; without any, the verification says little."""
        return sum(one.holds and one.probe.expected != OPEN for one in self.outcomes)


def compare(
    plan: Mapping[str, Any], seen: Mapping[str, Sequence[Mapping[str, Any]]], observers: Observers | None = None
) -> Verification:
    """Compare what each host's kong_probe reported (a list of results by host) with what the plan expects.

    `observers` is what the nodes themselves saw of it, which decides where nobody need answer. A host may have been given a
    sample of its probes, see `_sample`.
    """
    targets = targets_of(plan)
    found = [
        _of_caller(planned_host(plan, caller), targets, seen.get(caller), observers or {}) for caller in callers(plan)
    ]
    met = [outcome for outcomes, _all in found for outcome in outcomes]
    return Verification(_with_causes(plan, met), sampled=not all(everything for _outcomes, everything in found))


def _of_caller(
    caller: Host, targets: Sequence[Target], results: Sequence[Mapping[str, Any]] | None, observers: Observers
) -> tuple[list[Outcome], bool]:
    """What a host met, and whether that is everything it could try. Nodes that no result names are passed over quickly."""
    by_name = {result["name"]: result for result in results or ()}
    named = {name.split(" ", 1)[0] for name in by_name}
    asked = [
        (probe, one.node)
        for one in targets
        if results is None or one.node.name in named
        for probe in probes_to(caller, one)
    ]
    if results is None:
        return [Outcome(probe, None) for probe, _node in asked], True
    met = [
        outcome_of(probe, by_name[probe.name], node, observers.get(node.name))
        for probe, node in asked
        if probe.name in by_name
    ]
    left_out = (one for one in targets if one.node.name not in named)
    return met, len(met) == len(asked) and not any(next(probes_to(caller, one), None) for one in left_out)


def _with_causes(plan: Mapping[str, Any], met: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """The outcomes; the first that differ with the likely cause, which is in what the others of the same node met."""
    by_target: dict[str, list[Outcome]] = {}
    for outcome in met:
        by_target.setdefault(outcome.probe.target, []).append(outcome)
    explained = {id(one) for one in [one for one in met if one.differs][:_EXPLAINED]}
    return tuple(
        replace(one, cause=likely_cause(plan, one, by_target[one.probe.target])) if id(one) in explained else one
        for one in met
    )


def registered_probes(
    plan: Mapping[str, Any], hostvars: Mapping[str, Any], name: str
) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return the results of kong_probe that each host registered under a name; hosts that registered none are left out."""
    found = {host: hostvars[host].get(name) for host in callers(plan) if host in hostvars}
    return {host: escaped_all(probed["probes"]) for host, probed in found.items() if probed and "probes" in probed}


def registered_observers(plan: Mapping[str, Any], hostvars: Mapping[str, Any], name: str | None) -> Observers:
    """Return what the nodes saw, as the end of their kong_placeholder is registered under a name; none without a name."""
    found = {node: hostvars[node].get(name) for node in plan["nodes"] if name and node in hostvars}
    return {node: escaped_all(ended["observer"]) for node, ended in found.items() if ended and ended.get("observer")}


def verification_lines(verification: Verification, placeholders: Placeholders | None = None) -> list[str]:
    """Return the verification as lines for a terminal: a table, what differs, and a closing count.

    `placeholders` says where a placeholder listened, and not Kong.
    """
    sources = list(dict.fromkeys(outcome.probe.caller for outcome in verification.outcomes))
    table = _matrix(verification, sources) if len(sources) <= _COLUMNS else []
    return [
        *table,
        *certificate_lines(verification.outcomes),
        *_difference_lines(verification),
        *remarks(verification.outcomes, placeholders or {}),
        _closing(verification),
    ]


def _matrix(verification: Verification, sources: Sequence[str]) -> list[str]:
    cells: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for outcome in sorted(verification.outcomes, key=lambda one: one.probe.target):
        probe = outcome.probe
        row = (probe.target, probe.listener, f"{probe.port}/{probe.protocol}{_family_mark(probe)}")
        cells.setdefault(row, {}).setdefault(probe.caller, []).append(outcome.cell)
    rows = [[*row, *(" ".join(by_source.get(source, ["-"])) for source in sources)] for row, by_source in cells.items()]
    header = ["node", "listener", "port", *(f"from {source}" for source in sources)]
    return ["Expected / seen, from every source to every listener:", "", *render_table(header, rows), ""]


def _family_mark(probe: Probe) -> str:
    return " IPv6" if ":" in probe.dialled.address else ""


def _difference_lines(verification: Verification) -> list[str]:
    by_cause = [(cause, list(same)) for cause, same in groupby(verification.differences, key=lambda one: one.cause)]
    lines = [line for cause, same in by_cause for line in (*map(_difference, same), *_cause(cause, len(same)))]
    return lines + [f"NOT PROBED from {host}: it took no part in this run" for host in verification.missing]


def _cause(cause: str, differences: int) -> list[str]:
    return [f"  cause{'' if differences == 1 else ' of all ' + str(differences)}: {cause}"] if cause else []


def _difference(outcome: Outcome) -> str:
    probe = outcome.probe
    return (
        f"DIFFERS: {probe.caller} to {probe.listener} of {probe.target} ({probe.port}/{probe.protocol}), dialling "
        f"{probe.dialled}: expected {probe.expected}, seen {outcome.seen} ({outcome.detail})"
    )


def _closing(verification: Verification) -> str:
    probed = sum(outcome.seen is not None for outcome in verification.outcomes)
    in_part = ", as far as it was probed" if verification.missing or verification.unproved else ""
    as_planned = f"the fleet behaves as planned{in_part}"
    verdict = f"{len(verification.differences)} differ" if verification.differences else as_planned
    warning = "" if verification.refusals else ". No refusal was probed, so nothing shows that strangers are kept out"
    sampled = ", a sample," if verification.sampled else ","
    unproved = f", {verification.unproved} unverified" if verification.unproved else ""
    return f"{probed} probes{sampled} {verification.refusals} of them rightly refused{unproved}: {verdict}{warning}"

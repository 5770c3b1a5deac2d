# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verification: the results of all probes, compared with the plan, and a table of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.modes import list_staged
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import is_legible, render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    count_noun,
    escape_all,
    format_ranges,
    join_words,
    make_natural_key,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.cause_groups import group_by_cause
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.causes import Evidence, infer_cause
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.forwards import (
    Coverage,
    format_coverage,
    list_coverage,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.gateways import Inspected
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.holders import (
    Holders,
    answers_elsewhere,
    describe_holders,
    find_holders,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.notes import (
    Placeholders,
    format_certificates,
    format_notes,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.observer import Observers, judge
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    OPEN,
    SILENT,
    Probe,
    Target,
    list_callers,
    list_probes_to,
    list_targets,
)

# With more sources than this, a line for each difference replaces the table with a column for each source.
_COLUMNS = 8
# The terminal lists at most so many differences of a cause; a report has all.
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Verification:
    """All outcomes of a verification, and whether they are a sample of the possible connections.

    ``held`` are the nodes that hold each virtual address of the plan now. ``staged`` are the nodes that drop nothing, so
    connections that the plan blocks there are not tested. ``forwards`` are the forwards of gateways of the inventory.
    """

    outcomes: tuple[Outcome, ...]
    sampled: bool = False
    held: Mapping[str, Sequence[str]] = field(default_factory=dict)
    staged: tuple[str, ...] = ()
    forwards: tuple[Coverage, ...] = ()

    @property
    def differences(self) -> tuple[Outcome, ...]:
        """Outcomes that are not as expected."""
        return tuple(outcome for outcome in self.outcomes if outcome.differs)

    @property
    def missing(self) -> tuple[str, ...]:
        """Hosts that did not probe."""
        return tuple(dict.fromkeys(outcome.probe.caller for outcome in self.outcomes if outcome.result is None))

    @property
    def unverified(self) -> int:
        """Number of probes without an answer and without an observer that saw the packet."""
        return sum(outcome.result == SILENT for outcome in self.outcomes)

    @property
    def blocked(self) -> int:
        """Number of connections that were blocked as planned. Without any, the verification shows little."""
        return sum(outcome.holds and outcome.probe.expected != OPEN for outcome in self.outcomes)


def compare(
    plan: Mapping[str, Any],
    probed: Mapping[str, Sequence[Mapping[str, Any]]],
    observers: Observers | None = None,
    held: Holders | None = None,
    inspected: Inspected | None = None,
) -> Verification:
    """Compare the results of kong_probe (a list for each host) with the expectations of the plan.

    `observers` has the observations of the nodes, which decide for services that need not answer. The probes of a host may
    be a sample, see `sample.py`. `held` has the virtual addresses that each node holds now. A connection to a virtual
    address reaches its holder, so it is no result for the other nodes that may hold the address. `inspected` has the results of
    kong_gateway in check mode on gateways, None if no gateway was inspected.
    """
    targets = list_targets(plan)
    found = [
        _compare_caller(get_host(plan, caller), targets, probed.get(caller), observers or {})
        for caller in list_callers(plan)
    ]
    holders = find_holders(plan, held or {})
    met = [
        outcome
        for outcomes, _all in found
        for outcome in outcomes
        if not answers_elsewhere(plan, outcome.probe, holders)
    ]
    sampled = not all(everything for _outcomes, everything in found)
    return Verification(
        _with_causes(plan, met, inspected),
        sampled=sampled,
        held=holders,
        staged=list_staged(plan),
        forwards=list_coverage(plan, met),
    )


def _compare_caller(
    caller: Host, targets: Sequence[Target], results: Sequence[Mapping[str, Any]] | None, observers: Observers
) -> tuple[list[Outcome], bool]:
    """Return the outcomes of a caller, and whether they are complete. Nodes without a result are skipped quickly."""
    by_name = {result["name"]: result for result in results or ()}
    named = {name.partition(" ")[0] for name in by_name}
    asked = [
        (probe, target.node)
        for target in targets
        if results is None or target.node.name in named
        for probe in list_probes_to(caller, target)
    ]
    if results is None:
        return [Outcome(probe, None) for probe, _node in asked], True
    met = [
        judge(probe, by_name[probe.name], node, observers.get(node.name))
        for probe, node in asked
        if probe.name in by_name
    ]
    left_out = (target for target in targets if target.node.name not in named)
    return met, len(met) == len(asked) and not any(next(list_probes_to(caller, target), None) for target in left_out)


def _with_causes(plan: Mapping[str, Any], met: Sequence[Outcome], inspected: Inspected | None) -> tuple[Outcome, ...]:
    """Return the outcomes, and add the likely cause to each difference, from all outcomes of the same node."""
    evidence = Evidence(plan, met, inspected)
    return tuple(
        replace(outcome, cause=infer_cause(evidence, outcome)) if outcome.differs else outcome for outcome in met
    )


def read_registered_probes(
    plan: Mapping[str, Any], hostvars: Mapping[str, Any], name: str
) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return by host the results of kong_probe that it registered under a name, without hosts that have none."""
    found = {host: hostvars[host].get(name) for host in list_callers(plan) if host in hostvars}
    return {host: escape_all(probed["probes"]) for host, probed in found.items() if probed and "probes" in probed}


def read_registered_holders(plan: Mapping[str, Any], hostvars: Mapping[str, Any], name: str) -> Holders:
    """Return by node the virtual addresses that it held according to the kong_probe that it registered under a name."""
    found = {node: hostvars[node].get(name) for node in plan["nodes"] if node in hostvars}
    return {node: escape_all(probed["held"]) for node, probed in found.items() if probed and "held" in probed}


def read_registered_observers(plan: Mapping[str, Any], hostvars: Mapping[str, Any], name: str | None) -> Observers:
    """Return by node the observations of its kong_placeholder that it registered under a name, if any."""
    found = {node: hostvars[node].get(name) for node in plan["nodes"] if name and node in hostvars}
    return {node: escape_all(ended["observer"]) for node, ended in found.items() if ended and ended.get("observer")}


def format_verification(verification: Verification, placeholders: Placeholders | None = None) -> list[str]:
    """Return the verification as lines for a terminal: a table, the differences, notes, and a count.

    `placeholders` has the ports on which a placeholder listened instead of Kong.
    """
    sources = list(dict.fromkeys(outcome.probe.caller for outcome in verification.outcomes))
    table = _format_matrix(verification, sources) if len(sources) <= _COLUMNS else []
    return [
        *table,
        *format_certificates(verification.outcomes),
        *_format_differences(verification),
        *format_notes(verification.outcomes, placeholders or {}),
        *(
            f"VIRTUAL ADDRESS: {describe_holders(address, names)}"
            for address, names in sorted(verification.held.items(), key=lambda held: make_natural_key(held[0]))
        ),
        *format_coverage(verification.forwards),
        *_format_staged(verification.staged),
        _format_closing(verification),
    ]


def _format_staged(names: Sequence[str]) -> list[str]:
    return [f"STAGED: {format_ranges(names)}: connections that the plan blocks are not tested there"] if names else []


def _format_matrix(verification: Verification, sources: Sequence[str]) -> list[str]:
    cells: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for outcome in sorted(verification.outcomes, key=lambda outcome: make_natural_key(outcome.probe.target)):
        probe = outcome.probe
        row = (probe.target, probe.listener, f"{probe.port}/{probe.protocol}{_mark_family(probe)}")
        cells.setdefault(row, {}).setdefault(probe.caller, []).append(outcome.cell)
    rows = [[*row, *(" ".join(by_source.get(source, ["-"])) for source in sources)] for row, by_source in cells.items()]
    header = ["node", "listener", "port", *(f"from {source}" for source in sources)]
    if not is_legible(header, rows):
        return ["The table of all results is too wide for the terminal; with kong_report_path, the report has it", ""]
    return ["Expected / actual, from each source to each listener:", "", *render_table(header, rows), ""]


def _mark_family(probe: Probe) -> str:
    return " IPv6" if ":" in probe.dialled.address else ""


def _format_differences(verification: Verification) -> list[str]:
    found = (
        (outcome.cause, (outcome.probe.caller, outcome.probe.target), outcome) for outcome in verification.differences
    )
    lines = [line for cause, same in group_by_cause(found) for line in _format_same(cause, same)]
    missing = format_ranges(verification.missing, noun="host")
    return [*lines, *([f"NOT PROBED from {missing}: unreachable, failed or not part of this run"] if missing else [])]


def _format_same(cause: str, differences: Sequence[Outcome]) -> Iterator[str]:
    """Yield differences with one cause, which is empty if it is unknown, and the cause."""
    yield from map(_format_difference, differences[:_SHOWN])
    if (more := len(differences) - _SHOWN) > 0:
        yield f"and {count_noun(more, 'more difference')}; with kong_report_path, the report has all"
    if cause:
        yield f"  cause{'' if len(differences) == 1 else f' of all {len(differences)}'}: {cause}"


def _format_difference(outcome: Outcome) -> str:
    probe = outcome.probe
    return (
        f"DIFFERS: {probe.caller} to {probe.listener} of {probe.target} ({probe.port}/{probe.protocol}), dialling "
        f"{probe.dialled}: expected {probe.expected}, actual {outcome.result} ({outcome.detail})"
    )


def _format_closing(verification: Verification) -> str:
    tested = sum(outcome.result is not None for outcome in verification.outcomes)
    if not tested:
        return "No connection was tested, so this verifies nothing"
    opened = sum(outcome.result == OPEN and outcome.holds for outcome in verification.outcomes)
    counts = [f"{opened} open", f"{verification.blocked} blocked"]
    if verification.unverified:
        counts.append(f"{verification.unverified} unverified")
    differences = len(verification.differences)
    verb = "differs" if differences == 1 else "differ"
    verdict = f" as planned, {differences} {verb} from the plan" if differences else ", all as planned"
    incomplete = " (incomplete)" if verification.missing or verification.unverified else ""
    warning = "" if verification.blocked else ". No connection had to be blocked, so this does not verify the firewall"
    sampled = " (a sample)" if verification.sampled else ""
    return f"{count_noun(tested, 'connection')} tested{sampled}: {join_words(counts)}{verdict}{incomplete}{warning}"

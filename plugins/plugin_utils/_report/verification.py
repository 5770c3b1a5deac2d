# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sections of a report with the verification, drift, and changes from an older plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.certificates import (
    make_certificates_table,
    open_admins,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    GOOD,
    MUTED,
    WARN,
    Cell,
    Section,
    make_cells,
    make_names_cell,
    make_table,
    make_text_table,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    count_noun,
    format_ranges,
    list_ranges,
    make_natural_key,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.cause_groups import group_by_cause
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.forwards import NO_RESULT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.holders import describe_holders
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import MEETS, OPEN, SILENT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import group_pairs

Outcome = Mapping[str, Any]  # as kong_verification returns it; other keys are ignored

# With more sources than this, the columns are sites.
_COLUMNS = 12
# With more sites, the columns are the site of each node and all other sites.
_SITES = 50
_MARK = "\N{BALLOT X} "
_TIMES = "\N{MULTIPLICATION SIGN} "


def holds(outcome: Outcome) -> bool:
    """Tell whether the result of a probe is as expected. A missing result is not."""
    return outcome["result"] in MEETS.get(outcome["expected"], ())


def differs(outcome: Outcome) -> bool:
    """Tell whether the result of a probe is known and not as expected. An unverified result (silent) does not differ."""
    return outcome["result"] not in (None, SILENT) and not holds(outcome)


def make_verification_section(plan: Mapping[str, Any], verification: Mapping[str, Any]) -> Section:
    """Return the results of real connections, compared with the expectations."""
    outcomes: Sequence[Outcome] = verification["outcomes"]
    different = [outcome for outcome in outcomes if differs(outcome)]
    tables = [_make_difference_rows(different)] if different else []
    shown = make_certificates_table(outcomes)
    by_site = len({outcome["from"] for outcome in outcomes}) > _COLUMNS
    tables += [_make_matrix(plan, outcomes, by_site=by_site), *([shown] if shown else [])]
    return Section(
        "verification",
        "Verification: expected and actual",
        (*_make_verdict(verification), *_describe_forwards(verification), *open_admins(outcomes)),
        tuple(tables),
    )


def _make_verdict(verification: Mapping[str, Any]) -> Iterator[Cell]:
    outcomes = verification["outcomes"]
    probed = [outcome for outcome in outcomes if outcome["result"] is not None]
    blocked = sum(holds(outcome) and outcome["expected"] != OPEN for outcome in outcomes)
    different = sum(map(differs, outcomes))
    when = f" at {verification['at']}" if verification.get("at") else ""
    yield Cell(f"{count_noun(len(probed), 'connection')} tested{when}, {blocked} of them blocked as planned.")
    silent = Counter(
        (outcome["to"], outcome["listener"], outcome["detail"]) for outcome in probed if outcome["result"] == SILENT
    )
    unverified = f", except {count_noun(silent.total(), 'unverified result')}" if silent else ""
    as_planned = f"All results are as planned{unverified}." if probed else "No connection was tested."
    yield Cell(f"Differences from the plan: {different}.", BAD) if different else Cell(as_planned, GOOD)
    for (node, listener, detail), count in silent.items():
        yield Cell(f"{count_noun(count, 'connection')} to {listener} of {node} unverified: {detail}.", WARN)
    if verification.get("sampled"):
        yield Cell("This is a sample: more connections are possible.", WARN)
    if verification.get("placeholders"):
        text = "A placeholder listened on some ports instead of Kong, on"
        yield Cell(text, WARN, items=tuple(verification["placeholders"]))
    for address, names in sorted(verification.get("holders", {}).items(), key=lambda held: make_natural_key(held[0])):
        yield Cell(f"{describe_holders(address, names)}.", "" if len(names) == 1 else WARN)
    if probed and not blocked:
        yield Cell("No connection had to be blocked, so this does not verify the firewall.", WARN)
    missing = list(dict.fromkeys(outcome["from"] for outcome in outcomes if outcome["result"] is None))
    if missing:
        yield Cell("Not part of the run, so not tested from", WARN, items=tuple(missing))


def _describe_forwards(verification: Mapping[str, Any]) -> Iterator[Cell]:
    for gateway, counts, untested in verification.get("forwards", ()):
        yield Cell(f"Forwards of {gateway} that were tested: {counts}.", WARN if untested else "")
        for side, forwards in untested.items():
            yield Cell(f"Not tested from {side}, because {NO_RESULT}", WARN, items=tuple(forwards))


def _make_difference_rows(different: Iterable[Outcome]) -> Any:
    """Return a row for each likely cause, with all connections that it explains."""
    rows = [
        make_cells(
            Cell(cause, BAD),
            f"{count_noun(len(outcomes), 'connection')}: {format_ranges({outcome['to'] for outcome in outcomes})}",
            Cell("", items=tuple(list_differences(outcomes))),
        )
        for cause, outcomes in group_differences(different)
    ]
    return make_text_table("Differences", ("likely cause", "connections", "expected and actual"), rows)


def group_differences(different: Iterable[Outcome]) -> list[tuple[str, list[Outcome]]]:
    """Return the differences of each likely cause."""
    return group_by_cause(
        (outcome.get("cause") or "cause unknown", (outcome["from"], outcome["to"]), outcome) for outcome in different
    )


def list_differences(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield differences of one cause as text; callers with the same result share a text. Similar causes are named."""
    names_cause = len({outcome.get("cause") for outcome in outcomes}) > 1
    callers = group_pairs(
        (_format_difference(outcome, names_cause=names_cause), outcome["from"]) for outcome in outcomes
    )
    for (port, result), names in callers.items():
        yield f"{port} from {', '.join(list_ranges(names))}, {result}"


def _format_difference(outcome: Outcome, *, names_cause: bool) -> tuple[str, str]:
    """Return the port of a difference, and its result."""
    dialled = Endpoint(outcome["dial_address"], outcome["dial_port"])
    detail = f" ({outcome['detail']})" if outcome.get("detail") else ""
    cause = f" [{outcome.get('cause') or 'cause unknown'}]" if names_cause else ""
    return (
        f"{outcome['listener']} {outcome['port']}/{outcome['protocol']} of {outcome['to']}",
        f"dialling {dialled}: expected {outcome['expected']}, actual {outcome['result']}{detail}{cause}",
    )


def _make_matrix(plan: Mapping[str, Any], outcomes: Sequence[Outcome], *, by_site: bool) -> Any:
    format_source = _choose_source_format(plan, outcomes) if by_site else _format_host
    columns = dict.fromkeys(map(format_source, outcomes))
    found: dict[tuple[str, str, str], dict[str, list[Outcome]]] = {}
    for outcome in sorted(outcomes, key=lambda outcome: make_natural_key(outcome["to"])):
        source = format_source(outcome)
        family = " IPv6" if ":" in outcome["dial_address"] else ""
        row = outcome["to"], outcome["listener"], f"{outcome['port']}/{outcome['protocol']}{family}"
        found.setdefault(row, {}).setdefault(source, []).append(outcome)
    by_results: dict[Any, list[str]] = {}
    for (node, listener, port), mine in found.items():
        results = tuple(_make_cell(mine.get(column, ())) for column in columns)
        # Nodes with equal results share a row if there are many sources.
        by_results.setdefault((None if by_site else node, listener, port, results), []).append(node)
    rows = [
        (*make_cells(make_names_cell(nodes), listener, port), *results)
        for (_node, listener, port, results), nodes in by_results.items()
    ]
    title = "Expected / actual, from each " + ("site" if by_site else "source") + " to each listener"
    return make_table(
        title, ("nodes" if by_site else "node", "listener", "port", *(f"from {column}" for column in columns)), rows
    )


def _format_host(outcome: Outcome) -> str:
    return str(outcome["from"])


def _choose_source_format(plan: Mapping[str, Any], outcomes: Iterable[Outcome]) -> Callable[[Outcome], str]:
    """Return a function that returns the site of a caller, or with many sites its relation to the site of the node."""
    sites = {name: str(host["site"]) for kind in ("nodes", "hosts") for name, host in plan[kind].items()}
    if len({sites.get(outcome["from"]) for outcome in outcomes}) > _SITES:
        return lambda outcome: "its site" if sites.get(outcome["from"]) == sites[outcome["to"]] else "other sites"
    return lambda outcome: f"site {sites.get(outcome['from'], 'unknown')}"


def _make_cell(outcomes: Sequence[Outcome]) -> Cell:
    if not outcomes:
        return Cell("\N{EN DASH}", MUTED)
    met = Counter(
        (bool(differs(outcome)), outcome["expected"], outcome["result"] or "not probed") for outcome in outcomes
    )
    texts = [f"{_MARK if bad else ''}{expected} / {result}" for bad, expected, result in met]
    if len(outcomes) > 1:
        texts = [f"{count}{_TIMES}{text}" for count, text in zip(met.values(), texts, strict=True)]
    return Cell(", ".join(texts), _choose_tone(outcomes))


def _choose_tone(outcomes: Sequence[Outcome]) -> str:
    if any(map(differs, outcomes)):
        return BAD
    if any(outcome["result"] in (None, SILENT) for outcome in outcomes):
        return WARN
    return GOOD if all(outcome["expected"] == OPEN for outcome in outcomes) else MUTED


def summarise_verification(verification: Mapping[str, Any]) -> Cell:
    """Return the verification in one line."""
    different, probed = (
        sum(map(differs, verification["outcomes"])),
        sum(outcome["result"] is not None for outcome in verification["outcomes"]),
    )
    if different:
        return Cell(f"{different} of {probed} differ", BAD, "verification")
    silent = sum(outcome["result"] == SILENT for outcome in verification["outcomes"])
    if silent:
        return Cell(f"{silent} of {probed} unverified", WARN, "verification")
    if not probed:
        return Cell("no connection was tested", WARN, "verification")
    return Cell(f"{count_noun(probed, 'connection')}, all as planned", GOOD, "verification")

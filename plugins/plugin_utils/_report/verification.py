# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sections of a report that come of looking: the verification, drift, and what changes from an older plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import CHANGES, GAINS, LOSES, Change
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.certificates import certificates, open_admins
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    GOOD,
    MUTED,
    WARN,
    Cell,
    Section,
    cells,
    table,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import counted, listed, name_ranges
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import (
    drift_summary,
    shared_differences,
    shared_reasons,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import MEETS, OPEN, SILENT

Outcome = Mapping[str, Any]  # as kong_verification returns it; keys that are not known here are left alone

# More sources than this are put together by their sites.
_COLUMNS = 12
_SHOWN = 12
_MARK = "\N{BALLOT X} "
_TIMES = "\N{MULTIPLICATION SIGN} "
# A sign and its word stay on one line.
_CHANGE_TONES = {
    GAINS: ("+\N{NO-BREAK SPACE}gains", GOOD),
    LOSES: ("\N{MINUS SIGN}\N{NO-BREAK SPACE}loses", BAD),
    CHANGES: ("~\N{NO-BREAK SPACE}changes", WARN),
}


def holds(outcome: Outcome) -> bool:
    """Tell whether a probe met what the plan expects; one that was not made does not."""
    return outcome["seen"] in MEETS.get(outcome["expected"], ())


def differs(outcome: Outcome) -> bool:
    """Tell whether a probe was made and met something else; of silence that means nothing, it cannot be told."""
    return outcome["seen"] not in (None, SILENT) and not holds(outcome)


def verification_section(plan: Mapping[str, Any], verification: Mapping[str, Any]) -> Section:
    """Return what was met by real connections, against what was expected."""
    outcomes: Sequence[Outcome] = verification["outcomes"]
    different = [one for one in outcomes if differs(one)]
    tables = [_differences(different)] if different else []
    shown = certificates(outcomes)
    by_site = len({one["from"] for one in outcomes}) > _COLUMNS
    tables += [_matrix(plan, outcomes, by_site=by_site), *([shown] if shown else [])]
    return Section(
        "verification",
        "Verification: expected and seen",
        (*_verdict(verification), *open_admins(outcomes)),
        tuple(tables),
    )


def _verdict(verification: Mapping[str, Any]) -> Iterator[Cell]:
    outcomes = verification["outcomes"]
    probed = [one for one in outcomes if one["seen"] is not None]
    refused = sum(holds(one) and one["expected"] != OPEN for one in outcomes)
    different = sum(map(differs, outcomes))
    when = f" at {verification['at']}" if verification.get("at") else ""
    yield Cell(f"{counted(len(probed), 'connection')} tried{when}, {refused} of them rightly refused.")
    silent = Counter((one["to"], one["listener"], one["detail"]) for one in probed if one["seen"] == SILENT)
    every = f"All but {silent.total()}, which are unverified," if silent else "Every one"
    as_planned = f"{every} met what the plan says." if probed else "Nothing was tried."
    yield Cell(f"{different} met something else than planned.", BAD) if different else Cell(as_planned, GOOD)
    for (node, listener, detail), count in silent.items():
        yield Cell(f"{counted(count, 'connection')} to {listener} of {node} unverified: {detail}.", WARN)
    if verification.get("sampled"):
        yield Cell("This is a sample: more connections could have been tried.", WARN)
    if verification.get("placeholders"):
        yield Cell(
            f"On {listed(verification['placeholders'], _SHOWN)} a placeholder listened, at least in part, and not Kong.",
            WARN,
        )
    if probed and not refused:
        yield Cell("No refusal was probed, so nothing shows that strangers are kept out.", WARN)
    missing = list(dict.fromkeys(one["from"] for one in outcomes if one["seen"] is None))
    if missing:
        yield Cell(f"Not probed from {listed(missing, _SHOWN)}, which took no part.", WARN)


def _differences(different: Iterable[Outcome]) -> Any:
    rows = [
        cells(
            one["from"],
            one["to"],
            f"{one['listener']} {one['port']}/{one['protocol']}",
            str(Endpoint(one["dial_address"], one["dial_port"])),
            one["expected"],
            Cell(one["seen"], BAD),
            one.get("detail") or "",
            one.get("cause") or "",
        )
        for one in different
    ]
    return table(
        "What differs", ("from", "to", "listener", "dials", "expected", "seen", "detail", "likely cause"), rows
    )


def _matrix(plan: Mapping[str, Any], outcomes: Sequence[Outcome], *, by_site: bool) -> Any:
    columns = dict.fromkeys(_source(plan, one, by_site=by_site) for one in outcomes)
    found: dict[tuple[str, str, str], dict[str, list[Outcome]]] = {}
    for one in sorted(outcomes, key=lambda one: str(one["to"])):
        source = _source(plan, one, by_site=by_site)
        family = " IPv6" if ":" in one["dial_address"] else ""
        row = one["to"], one["listener"], f"{one['port']}/{one['protocol']}{family}"
        found.setdefault(row, {}).setdefault(source, []).append(one)
    rows = [(*cells(*row), *(_cell(mine.get(column, ())) for column in columns)) for row, mine in found.items()]
    title = "Expected / seen, from every " + ("site" if by_site else "source") + " to every listener"
    return table(title, ("node", "listener", "port", *(f"from {column}" for column in columns)), rows)


def _source(plan: Mapping[str, Any], outcome: Outcome, *, by_site: bool) -> str:
    name = str(outcome["from"])
    host = plan["nodes"].get(name) or plan["hosts"].get(name) or {}
    return f"site {host.get('site', 'unknown')}" if by_site else name


def _cell(outcomes: Sequence[Outcome]) -> Cell:
    if not outcomes:
        return Cell("\N{EN DASH}", MUTED)
    met = Counter((bool(differs(one)), one["expected"], one["seen"] or "not probed") for one in outcomes)
    texts = [f"{_MARK if bad else ''}{expected} / {seen}" for bad, expected, seen in met]
    if len(outcomes) > 1:
        texts = [f"{count}{_TIMES}{text}" for count, text in zip(met.values(), texts, strict=True)]
    return Cell(", ".join(texts), _tone(outcomes))


def _tone(outcomes: Sequence[Outcome]) -> str:
    if any(map(differs, outcomes)):
        return BAD
    if any(one["seen"] in (None, SILENT) for one in outcomes):
        return WARN
    return GOOD if all(one["expected"] == OPEN for one in outcomes) else MUTED


def verification_summary(verification: Mapping[str, Any]) -> Cell:
    """Return the verification in one line."""
    different, probed = (
        sum(map(differs, verification["outcomes"])),
        sum(one["seen"] is not None for one in verification["outcomes"]),
    )
    if different:
        return Cell(f"{different} of {probed} differ", BAD, "verification")
    silent = sum(one["seen"] == SILENT for one in verification["outcomes"])
    if silent:
        return Cell(f"{silent} of {probed} unverified", WARN, "verification")
    return Cell(f"{counted(probed, 'connection')}, all as planned", GOOD, "verification")


def drift_section(drift: Mapping[str, Any]) -> Section:
    """Return the differences of the nodes from the plan, and the nodes that were not checked."""
    when = f" at {drift['at']}" if drift.get("at") else ""
    rows = [cells(name_ranges(nodes), *found) for found, nodes in shared_differences(drift).items()]
    missing = [cells(name_ranges(nodes), Cell(reason, WARN)) for reason, nodes in shared_reasons(drift).items()]
    tables = [table("", ("nodes", "part", "difference"), rows)] if rows else []
    tables += [table("Not checked", ("nodes", "reason"), missing)] if missing else []
    return Section("drift", "Drift", (Cell(f"{drift_summary(drift)}{when}.", BAD if rows else GOOD),), tuple(tables))


def drift_cell(drift: Mapping[str, Any]) -> Cell:
    """Return drift in short, for the summary of a report."""
    count = len(shared_differences(drift))
    if count:
        return Cell(counted(count, "difference"), BAD, "drift")
    missing = len(drift["not_checked"])
    return Cell(f"{counted(missing, 'node')} not checked", WARN, "drift") if missing else Cell("none", GOOD, "drift")


def changes_section(changes: Sequence[Change]) -> Section:
    """Return who gains or loses what, compared with an older plan."""
    if not changes:
        return Section("changes", "Changes", (Cell("Compared with the older plan, nobody gains or loses anything."),))
    rows = [cells(Cell(*_CHANGE_TONES[one.kind]), listed(one.where, _SHOWN), one.what, one.how) for one in changes]
    intro = Cell("Compared with the older plan: who gains or loses which port, and what else changes.")
    return Section("changes", "Changes", (intro,), (table("", ("", "where", "what", "who, or how"), rows),))

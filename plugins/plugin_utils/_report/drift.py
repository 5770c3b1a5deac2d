# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sections of the report about drift and about changes since an older plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import CHANGES, GAINS, LOSES, Change
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    GOOD,
    WARN,
    Cell,
    Section,
    make_cells,
    make_names_cell,
    make_text_table,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.drift import (
    format_drift_summary,
    share_differences,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import share_reasons

# No line break between a sign and its word.
_CHANGE_TONES = {
    GAINS: ("+\N{NO-BREAK SPACE}gains", GOOD),
    LOSES: ("\N{MINUS SIGN}\N{NO-BREAK SPACE}loses", BAD),
    CHANGES: ("~\N{NO-BREAK SPACE}changes", WARN),
}


def make_drift_section(drift: Mapping[str, Any]) -> Section:
    """Return the differences of the nodes from the plan, and the nodes that were not checked."""
    when = f" at {drift['at']}" if drift.get("at") else ""
    rows = [make_cells(make_names_cell(nodes), *found) for found, nodes in share_differences(drift).items()]
    missing = [
        make_cells(make_names_cell(nodes), Cell(reason, WARN))
        for reason, nodes in share_reasons(drift["not_checked"]).items()
    ]
    tables = [make_text_table("", ("nodes", "part", "difference"), rows)] if rows else []
    tables += [make_text_table("Not checked", ("nodes", "reason"), missing)] if missing else []
    return Section(
        "drift", "Drift", (Cell(f"{format_drift_summary(drift)}{when}.", BAD if rows else GOOD),), tuple(tables)
    )


def summarise_drift(drift: Mapping[str, Any]) -> Cell:
    """Return a short text about drift for the summary of a report."""
    count, missing = len(share_differences(drift)), len(drift["not_checked"])
    texts = [count_noun(count, "difference")] if count else []
    texts += [f"{count_noun(missing, 'node')} not checked"] if missing else []
    return Cell(", ".join(texts) or "none", BAD if count else WARN if missing else GOOD, "drift")


def make_changes_section(changes: Sequence[Change]) -> Section:
    """Return the changes from an older plan."""
    if not changes:
        return Section("changes", "Changes", (Cell("There are no changes from the older plan."),))
    rows = [
        make_cells(
            Cell(*_CHANGE_TONES[change.kind]),
            make_names_cell(change.where),
            change.subject,
            Cell(change.how, items=tuple(source.text for source in change.sources)),
        )
        for change in changes
    ]
    intro = Cell("Changes from the older plan: sources that gain or lose access to a port, and other changes.")
    return Section("changes", "Changes", (intro,), (make_text_table("", ("", "where", "subject", "change"), rows),))

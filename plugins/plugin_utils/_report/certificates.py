# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Further results of a verification: certificates, and Admin APIs that need no credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    WARN,
    Cell,
    Table,
    make_cells,
    make_table,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, list_ranges, make_natural_key
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import group_pairs

# A certificate that expires within this number of days is marked.
_SOON = 30


def make_certificates_table(outcomes: Iterable[Mapping[str, Any]]) -> Table | None:
    """Return a table of the certificates that listeners presented, each once; None without certificates."""
    rows = {
        (
            outcome["to"],
            outcome["listener"],
            str(outcome["port"]),
            certificate["subject"],
            certificate["not_after"][:10],
            certificate["days_left"],
        ): None
        for outcome in outcomes
        if (certificate := outcome.get("certificate"))
    }
    if not rows:
        return None
    header = ("node", "listener", "port", "subject", "valid until", "")
    return make_table(
        "Certificates of the listeners",
        header,
        [
            make_cells(*row[:5], _format_days_left(row[5]))
            for row in sorted(rows, key=lambda row: (make_natural_key(*row[:5]), row[5]))
        ],
    )


def _format_days_left(days: int) -> Cell:
    if days < 0:
        return Cell("expired", BAD)
    return Cell(f"{count_noun(days, 'day')} left", WARN) if days < _SOON else Cell("")


def is_open_admin(outcome: Mapping[str, Any]) -> bool:
    """Tell whether an Admin API answered without authentication."""
    return outcome["listener"] == "admin" and outcome.get("status") == 200


def open_admins(outcomes: Iterable[Mapping[str, Any]]) -> Iterator[Cell]:
    """Yield a warning for the nodes whose Admin API answered the same callers without authentication, with the callers."""
    found: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        if is_open_admin(outcome):
            found.setdefault(outcome["to"], {})[outcome["from"]] = None
    for callers, nodes in group_pairs(
        (tuple(sorted(names, key=make_natural_key)), node) for node, names in found.items()
    ).items():
        yield Cell(
            f"The Admin API of {', '.join(list_ranges(nodes))} answers without authentication:", WARN, items=callers
        )

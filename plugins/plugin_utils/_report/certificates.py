# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a verification shows beside who reaches what: certificates, and Admin APIs that ask for no credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import (
    BAD,
    WARN,
    Cell,
    Table,
    cells,
    table,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import listed

# A certificate that ends within so many days is worth a word, though it holds today.
_SOON = 30
_SHOWN = 12


def certificates(outcomes: Iterable[Mapping[str, Any]]) -> Table | None:
    """Return a table of the certificates that listeners showed, one line for each whoever saw it; None without any."""
    rows = {
        (one["to"], one["listener"], str(one["port"]), seen["subject"], seen["not_after"][:10], seen["days_left"]): None
        for one in outcomes
        if (seen := one.get("certificate"))
    }
    if not rows:
        return None
    header = ("node", "listener", "port", "subject", "valid until", "")
    return table("Certificates that were shown", header, [cells(*row[:5], _left(row[5])) for row in sorted(rows)])


def _left(days: int) -> Cell:
    if days < 0:
        return Cell("expired", BAD)
    return Cell(f"{days} days left", WARN) if days < _SOON else Cell("")


def open_admins(outcomes: Iterable[Mapping[str, Any]]) -> Iterator[Cell]:
    """Yield a warning for each node whose Admin API answered without authentication, naming to whom."""
    found: dict[str, dict[str, None]] = {}
    for one in outcomes:
        if one["listener"] == "admin" and one.get("status") == 200:
            found.setdefault(one["to"], {})[one["from"]] = None
    for node, callers in found.items():
        yield Cell(f"The Admin API of {node} answers without authentication to {listed([*callers], _SHOWN)}.", WARN)

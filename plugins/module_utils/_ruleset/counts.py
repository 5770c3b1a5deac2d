# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counted packets of sources that a ruleset does not allow."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Count:
    """The packets of one source to a port. `age` is the number of seconds since the last packet."""

    source: str
    protocol: str
    port: int
    packets: int
    age: int


@dataclass(frozen=True)
class Counts:
    """All counts of a host.

    `limit` is the largest number of entries for each family. Packets that would have needed a further entry are only in
    `uncounted`. `seconds` is the time since the count began, None if it is longer than entries are kept.
    """

    entries: tuple[Count, ...]
    limit: int
    uncounted: int
    seconds: int | None

    def as_dict(self) -> dict[str, t.Any]:
        """Return plain data."""
        return {**asdict(self), "entries": [asdict(entry) for entry in self.entries]}

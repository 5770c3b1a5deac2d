# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/findings.md says of each code, so that a report carries its own documentation."""

from __future__ import annotations

import re

_ROW = re.compile(r"^\| `([a-z0-9-]+)`(?:, `([a-z0-9-]+)`)* \|", re.MULTILINE)
_CODE = re.compile(r"`([a-z0-9-]+)`")
_CELL = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")


def meanings_in(page: str) -> dict[str, tuple[str, str]]:
    """Return for each code in the tables of the page what it means, and the way out, as plain text."""
    rows = (_CELL.split(line) for line in page.splitlines() if _ROW.match(line))
    return {code: (_plain(row[3]), _plain(row[4])) for row in rows if len(row) > 5 for code in _CODE.findall(row[1])}


def _plain(cell: str) -> str:
    return _LINK.sub(r"\1", cell).replace("`", "").replace("\\|", "|").strip()

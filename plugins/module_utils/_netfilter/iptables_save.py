# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes apart what iptables-save and ip6tables-save write."""

from __future__ import annotations

import re

_LINE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^"\n])+', re.DOTALL)


def saved_lines(saved: str) -> list[str]:
    """The lines that are not empty. A comment in quotes may have line breaks: its rule stays in one piece."""
    return _LINE.findall(saved)


def table_lines(saved: str, table: str) -> list[str]:
    """Those of one table; none where it is not there."""
    # Warnings of newer versions stand between the tables, also on stdout.
    return saved_lines(saved.partition(f"*{table}\n")[2].partition("\nCOMMIT")[0])

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines in the output of iptables-save and ip6tables-save."""

from __future__ import annotations

import re

# iptables-save writes a backslash only before a backslash or a quote. All other escape sequences are from Host.run.
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|.)", re.DOTALL)
_LINE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^"\n])+', re.DOTALL)


def split_saved(saved: str) -> list[str]:
    """Return the lines that are not empty. A quoted comment can contain line breaks; its rule is returned as one line."""
    return _LINE.findall(saved)


def select_table(saved: str, table: str) -> list[str]:
    """Return the lines of one table, or no lines if the table is missing."""
    # Newer versions write warnings between the tables, even to stdout.
    return split_saved(saved.partition(f"*{table}\n")[2].partition("\nCOMMIT")[0])


def with_raw_bytes(line: str) -> str:
    """Return a line with surrogates instead of the escape sequences for bytes that are not UTF-8 (PEP 383).

    Host.write and Host.run convert such a surrogate to its byte.
    """
    return _ESCAPE.sub(lambda found: chr(0xDC00 + int(found[1], 16)) if found[1] else found[0], line)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps docs/benchmarks.md: a section for each part, of which only those that were measured are written anew."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_HEAD = """\
<!--
Copyright (c) 2026 gatehouse.kong contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

# Benchmarks

Times are those of one machine at one moment, with others at work on it; compare the ratios, each within one run.
`make bench WRITE=--write` measures all of it and writes this page, `make bench WHAT=firewalls` one part.
"""
_PART = "<!-- part: {} -->\n"


def write(sections: Mapping[str, str], order: tuple[str, ...]) -> None:
    """Put these sections in place of those of the same name."""
    load = f"Measured on {os.cpu_count()} cores with a load average of {os.getloadavg()[1]:.0f}."
    known = _sections(DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else "")
    known.update((name, f"{text.strip()}\n\n{load}\n") for name, text in sections.items())
    parts = [f"{_PART.format(name)}\n{known[name].strip()}\n" for name in order if name in known]
    DOCUMENT.write_text("\n".join([_HEAD, *parts]), encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    _head, *rest = re.split(r"<!-- part: (\w+) -->\n", text)
    return dict(zip(rest[::2], rest[1::2], strict=True))

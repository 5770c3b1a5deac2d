# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Updates docs/benchmarks.md, which has a section for each part: replaces only the sections of measured parts."""

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

The times were measured on a machine that also did other work. Compare only ratios, and only within a run.
`make bench WRITE=--write` measures all parts and writes this page. `make bench WHAT=firewalls` measures a single part.
"""
_PART = "<!-- part: {} -->\n"


def write(sections: Mapping[str, str], order: tuple[str, ...]) -> None:
    """Replace the sections with these names."""
    load = f"Measured on {os.cpu_count()} cores with a load average of {os.getloadavg()[1]:.0f}."
    known = _split_sections(DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else "")
    known.update((name, f"{text.strip()}\n\n{load}\n") for name, text in sections.items())
    parts = [f"{_PART.format(name)}\n{known[name].strip()}\n" for name in order if name in known]
    DOCUMENT.write_text("\n".join([_HEAD, *parts]), encoding="utf-8")


def _split_sections(text: str) -> dict[str, str]:
    _head, *rest = re.split(r"<!-- part: (\w+) -->\n", text)
    return dict(zip(rest[::2], rest[1::2], strict=True))

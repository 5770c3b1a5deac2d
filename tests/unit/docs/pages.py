# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation as data: its tables and its blocks of YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
ROLES = sorted((ROOT / "roles").glob("*/README.md"))
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *GUIDES, *ROLES)
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A block of YAML; ``kind`` is the first word of its leading comment."""

    page: str
    text: str

    @property
    def kind(self):
        return self.text.partition("\n")[0].removeprefix("# ").partition(":")[0]

    @property
    def data(self):
        return yaml.safe_load(self.text)

    def __str__(self):
        return f"{self.page} {self.text.partition(chr(10))[0]}"


def read_page(name):
    """Return a page's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def read_section(name, heading):
    """Return the text below a heading of a page, up to the next heading."""
    _before, found, after = read_page(name).partition(f"\n{heading}\n")
    assert found, f"{name} has no heading {heading!r}"
    return re.split(r"^#", after, maxsplit=1, flags=re.MULTILINE)[0]


def list_blocks():
    """Return every block of YAML in the documentation."""
    return [
        Block(str(page.relative_to(ROOT)), text)
        for page in PAGES
        for text in _BLOCK.findall(page.read_text(encoding="utf-8"))
    ]


def read_first_column(text):
    """Return the code in the first columns of the tables in a text."""
    rows = (line for line in text.splitlines() if line.startswith("|"))
    return [code for row in rows for code in _CODE.findall(row.split("|")[1])]

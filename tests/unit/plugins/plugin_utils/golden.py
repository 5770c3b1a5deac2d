# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that are compared word for word with files of tests/golden.

Delete a file to write it again. Its test fails once, and the diff shows the changes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[3] / "golden"


def compare_with_file(name, text):
    """Fail if a text differs from the file of this name below tests/golden, or if there was none."""
    path = GOLDEN / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path} was missing and is written now: read it before you commit it")
    assert text == path.read_text(encoding="utf-8")

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/versions.md is the current output of scripts/versions_table.py."""

from __future__ import annotations

from ansible_collections.gatehouse.kong.scripts.versions_table import TARGET, render_page


def test_the_committed_file_is_current():
    assert TARGET.read_text(encoding="utf-8") == render_page(), "run scripts/versions_table.py"

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/images/fleet.svg is the output of scripts/picture.py."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ansible_collections.gatehouse.kong.scripts.picture import TARGET, render_document


def test_the_committed_picture_is_current():
    assert TARGET.read_text(encoding="utf-8") == render_document(), "run scripts/picture.py"
    assert "var(" not in TARGET.read_text(encoding="utf-8")
    ET.parse(TARGET)

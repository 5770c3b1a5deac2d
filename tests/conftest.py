# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

from hypothesis import settings


def pytest_configure():
    """Fix the width of tables, which otherwise depends on the terminal of the developer, and let slow machines be slow."""
    os.environ["COLUMNS"] = "100"
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")

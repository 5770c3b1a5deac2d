# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path

# The lab is not a package: its programs run as files, on the controller and inside its containers.
LAB = Path(__file__).resolve().parents[3] / "molecule" / "lab"
sys.path[:0] = [str(LAB), str(LAB / "image/usr/local/lib/kong-placeholder")]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts import each other by their file names, as programs do."""

from __future__ import annotations

import sys

from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT

sys.path.append(str(ROOT / "scripts"))

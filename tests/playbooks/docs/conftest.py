# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of the documentation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT


@pytest.fixture
def environment(monkeypatch):
    """Put the programs of this environment on PATH."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".venv" / "collections"))

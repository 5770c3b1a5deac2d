# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the evidence of every proposed variable in the tests of this folder."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt import propose

LABELS = ("observed: ", "assumed: ")


@pytest.fixture(autouse=True)
def _labels(monkeypatch):
    """Fail for a variable whose evidence does not say whether it was observed or assumed."""

    def make_line(variable, value, evidence, **more):
        assert evidence.startswith(LABELS), (variable, evidence)
        assert variable.startswith("kong_")
        return made(variable, value, evidence, **more)

    made = propose.Line
    monkeypatch.setattr(propose, "Line", make_line)

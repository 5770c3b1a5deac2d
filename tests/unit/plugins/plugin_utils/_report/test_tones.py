# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The colour of a cell with the results of several connections."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import BAD, GOOD, MUTED, WARN
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import _choose_tone


def make_result(expected, found):
    return {"expected": expected, "result": found, "protocol": "tcp"}


OPEN, BLOCKED, SILENT = make_result("open", "open"), make_result("filtered", "filtered"), make_result("open", "silent")
WRONG, UNTESTED = make_result("filtered", "open"), make_result("open", None)


@pytest.mark.parametrize(
    ("outcomes", "tone"),
    [
        ([OPEN], GOOD),
        ([OPEN, OPEN], GOOD),
        ([BLOCKED], MUTED),
        ([OPEN, BLOCKED], MUTED),
        ([OPEN, UNTESTED], WARN),
        ([BLOCKED, SILENT], WARN),
        ([OPEN, WRONG], BAD),
        ([WRONG, UNTESTED, OPEN], BAD),
    ],
)
def test_the_most_important_result_decides(outcomes, tone):
    assert _choose_tone(outcomes) == tone
    assert _choose_tone(outcomes[::-1]) == tone

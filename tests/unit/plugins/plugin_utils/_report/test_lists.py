# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cell of callers in lists: a link to a single list, and all exceptions."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.caller_lists import Listed
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.lists import make_listed_cell
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.model import Cell

FURTHER = (("c", ("10.0.0.3/32", "10.0.1.3/32")), ("198.51.100.0/24", ()))
ALL = Listed(2, 40, ("a", "b"), FURTHER)
PLAIN = Listed(1, 40, (), ())
FEW = Listed(0, 2, (), FURTHER)


@pytest.mark.parametrize(
    ("listed", "text", "cell"),
    [
        ([PLAIN], "", Cell("list 1", link="list-1")),
        (
            [ALL],
            "",
            Cell("list 2", link="list-2", items=("without a, b", "and c (10.0.0.3, 10.0.1.3), 198.51.100.0/24")),
        ),
        ([FEW], "", Cell("", items=("c (10.0.0.3, 10.0.1.3), 198.51.100.0/24",))),
        ([PLAIN], "any", Cell("any", items=("list 1",))),
        (
            [PLAIN, ALL],
            "",
            Cell("", items=("list 1", "list 2 without a, b and c (10.0.0.3, 10.0.1.3), 198.51.100.0/24")),
        ),
    ],
)
def test_callers_in_lists_and_their_exceptions(listed, text, cell):
    assert make_listed_cell(listed, text) == cell

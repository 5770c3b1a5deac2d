# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two related listen settings, one right and one wrong: the wrong setting is named, and the other setting is still read."""

from __future__ import annotations

from itertools import combinations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import list_generations
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listeners import read_listeners

PAIRS = [
    pytest.param(generation, *pair, id=f"{generation.versions}-{pair[0].name}-{pair[1].name}")
    for generation in list_generations()
    for pair in combinations(generation.settings, 2)
    if pair[0].name.partition("_listen")[0] == pair[1].name.partition("_listen")[0]
]


@pytest.mark.parametrize(("generation", "first", "second"), PAIRS)
@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_wrong_setting_and_a_right_setting(generation, first, second, is_reversed):
    right, wrong = (second, first) if is_reversed else (first, second)
    variables = {f"kong_{right.name}": right.default, f"kong_{wrong.name}": "x y"}
    found = read_listeners("n", generation.versions.partition("-")[0], "traditional", variables, {}).findings
    assert f"kong_{wrong.name}" in {finding.variable for finding in found if finding.severity == "error"}
    assert f"kong_{right.name}" not in {finding.variable for finding in found if finding.severity == "error"}


def test_there_are_such_pairs():
    assert len(PAIRS) > 4

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of a probe: whether it holds or differs, for every expectation and result."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import Probe

HOLDING = {"open": {"open"}, "filtered": {"filtered"}, "closed": {"filtered", "refused", "unreachable"}}
RESULTS = ("open", "filtered", "refused", "unreachable")


def make_outcome(expected, result):
    probe = Probe("a", "b", "proxy", "tcp", "0.0.0.0", 8000, Endpoint("10.0.0.2", 80), expected, "tcp")
    return Outcome(probe, result)


@pytest.mark.parametrize("expected", HOLDING)
@pytest.mark.parametrize("result", RESULTS)
def test_a_known_result_holds_or_differs(expected, result):
    outcome = make_outcome(expected, result)
    assert outcome.holds is not outcome.differs
    assert outcome.holds is (result in HOLDING[expected])
    assert outcome.cell == f"{expected} / {result}{'' if outcome.holds else '  <<<'}"


@pytest.mark.parametrize("expected", HOLDING)
@pytest.mark.parametrize(("result", "shown"), [(None, "not probed"), ("silent", "silent")])
def test_an_unknown_result_neither_holds_nor_differs(expected, result, shown):
    outcome = make_outcome(expected, result)
    assert (outcome.holds, outcome.differs, outcome.cell) == (False, False, f"{expected} / {shown}")

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines about the verification and the drift in the summary of a report."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.drift import summarise_drift
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verification import summarise_verification

VERIFICATIONS = [
    ([], "no connection was tested", "warn"),
    (["open"], "1 connection, all as planned", "good"),
    (["open", "open", None], "2 connections, all as planned", "good"),
    (["open", "silent", None], "1 of 2 unverified", "warn"),
    (["open", "silent", "filtered", "refused"], "2 of 4 differ", "bad"),
]
DRIFTS = [
    ({"n": {"firewall": []}}, {}, "none", "good"),
    ({"n": {"firewall": []}}, {"o": ["x"]}, "1 node not checked", "warn"),
    ({}, {"o": ["x"], "p": ["x"]}, "2 nodes not checked", "warn"),
    ({"n": {"firewall": ["a"]}, "o": {"firewall": ["a"]}}, {"p": ["x"]}, "1 difference, 1 node not checked", "bad"),
    ({"n": {"firewall": ["a", "b"], "settings": ["a"]}}, {}, "3 differences", "bad"),
]


@pytest.mark.parametrize(("results", "text", "tone"), VERIFICATIONS)
def test_summary_of_a_verification(results, text, tone):
    cell = summarise_verification({"outcomes": [{"expected": "open", "result": result} for result in results]})
    assert (cell.text, cell.tone, cell.link) == (text, tone, "verification")


@pytest.mark.parametrize(("nodes", "not_checked", "text", "tone"), DRIFTS)
def test_summary_of_drift(nodes, not_checked, text, tone):
    cell = summarise_drift({"nodes": nodes, "not_checked": not_checked})
    assert (cell.text, cell.tone, cell.link) == (text, tone, "drift")

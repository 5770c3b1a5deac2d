# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table and the bars of the benchmark of the playbooks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


@pytest.fixture
def runs(monkeypatch):
    """Return the module of the benchmark."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3] / "benchmarks"))
    import site_runs  # noqa: PLC0415

    yield site_runs
    sys.modules.pop("site_runs")


@pytest.fixture
def timings(runs):
    """Return a timing of each playbook; two are above their bars."""
    return [
        runs.Timing(runs.FIRST, (60.0,), 12.0),
        runs.Timing(runs.PING, (4.0, 5.0, 6.0), 1.0),
        runs.Timing(runs.FIREWALL, (7.0,), 1.4),
        runs.Timing(runs.AGAIN, (20.0,), 4.0),
        runs.Timing(runs.VERIFY, (19.0,), 4.01),
    ]


def test_a_ratio_above_its_bar_is_a_failure(runs, timings):
    assert runs.list_failures(timings) == [
        "kong_firewall, unchanged takes 1.40 times a ping, more than 1.3",
        "verify takes 4.01 times a ping, more than 4",
    ]
    assert {timing.name for timing in timings} == {runs.PING, *runs.BARS}


def test_the_table_has_the_median_of_the_seconds(runs, timings):
    assert runs.format_table(timings).splitlines() == [
        "playbook                  seconds  x ping  bar",
        "site, first run              60.0   12.00  12.0",
        "ping                          5.0    1.00",
        "kong_firewall, unchanged      7.0    1.40  1.3",
        "site, unchanged              20.0    4.00  6.0",
        "verify                       19.0    4.01  4.0",
    ]


@pytest.mark.parametrize(("before", "during"), [("1024\n", "3200"), ("65536\n", "65536")])
def test_the_table_of_neighbours_has_room_for_all_nodes_of_the_lab(runs, monkeypatch, tmp_path, before, during):
    limit = tmp_path / "gc_thresh3"
    limit.write_text(before)
    monkeypatch.setattr(runs, "NEIGHBOURS", limit)
    with runs._make_room_for_neighbours(40):
        assert limit.read_text() == during
    assert limit.read_text() == before

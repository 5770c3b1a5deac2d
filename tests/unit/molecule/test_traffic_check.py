# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path

import pytest

NODE = "10.78.0.21:8001"


@pytest.fixture
def faults(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3] / "molecule" / "backends"))
    from traffic_check import find_faults  # noqa: PLC0415

    yield find_faults
    sys.modules.pop("traffic_check")


def make_counts(tried: int, opened: int, again: int = 0) -> dict[str, dict[str, int]]:
    """Return the counts of one node, as traffic.py prints them: it omits a target without connections."""
    return {
        "tried": {NODE: tried},
        "opened": {NODE: opened} if opened else {},
        "again": {NODE: again} if opened else {},
    }


@pytest.mark.parametrize(
    ("allowed", "unauthorised", "expected"),
    [
        (make_counts(1000, 1000), make_counts(250, 0), []),
        (make_counts(1000, 999), make_counts(250, 0), [f"{NODE}: 1 of 1000 allowed connections lost"]),
        (make_counts(1000, 1000, again=2), make_counts(250, 0), [f"{NODE}: 2 of 1000 allowed connections lost"]),
        (make_counts(1000, 0), make_counts(250, 0), [f"{NODE}: 1000 of 1000 allowed connections lost"]),
        (make_counts(999, 999), make_counts(250, 0), [f"{NODE}: 999 allowed connections, fewer than 1000"]),
        (make_counts(1000, 1000), make_counts(250, 1), [f"{NODE}: 1 unauthorised connections opened"]),
    ],
)
def test_each_loss_and_each_unauthorised_connection_fails_the_check(faults, allowed, unauthorised, expected):
    assert list(faults(allowed, unauthorised, 1000)) == expected

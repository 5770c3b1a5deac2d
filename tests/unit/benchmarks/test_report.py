# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bars of the benchmark of the compiler: the growth of fleets in which every node has its own site."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield
    for name in ("fleet", "measure", "report"):
        sys.modules.pop(name, None)


def make_measurement(nodes, plan, plan_bytes):
    from measure import Measurement  # noqa: PLC0415

    unused = {"read": 1.0, "ratio": 1.0, "waited": 1.0, "reused": 1.0, "use": 0.001, "memory": 0, "bare_memory": 0}
    return Measurement(
        nodes=nodes, style="gossip sites", plan=plan, plan_bytes=plan_bytes, digests=("a", "a"), **unused
    )


@pytest.mark.parametrize(
    ("small", "large", "missed"),
    [
        ((0.4, 1000), (0.9, 2300), []),
        ((0.4, 1000), (1.0, 2300), ["gossip sites: 40 nodes have 2.50 times the time of 20"]),
        # Most of a short time is noise.
        ((0.2, 1000), (1.0, 2300), []),
        ((0.4, 1000), (0.9, 2500), ["gossip sites: 40 nodes have 2.50 times the size of 20"]),
    ],
)
def test_time_and_size_of_a_plan_grow_as_the_number_of_sites(small, large, missed):
    from report import list_failures  # noqa: PLC0415

    assert list_failures([make_measurement(20, *small), make_measurement(40, *large)]) == missed

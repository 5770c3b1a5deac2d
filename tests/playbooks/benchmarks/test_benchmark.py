# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmark of the compiler runs. A single size has no bars of growth: only the plans of different hash seeds are compared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_a_small_fleet_is_measured_and_its_plan_stays_the_same():
    command = [
        sys.executable,
        "benchmarks/run.py",
        "fleets",
        "--nodes",
        "30",
        "--repetitions",
        "2",
        "--style",
        "templates",
        "--sites",
        "20",
        "--report-sites",
        "20",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[1].split()[:2] == ["30", "templates"]
    assert [line.split()[:2] for line in lines[2:4]] == [["20", "gossip"], ["20", "hybrid"]]
    assert [line.split()[:2] for line in lines if " sites " in line and line.split()[0] == "20"][2:] == [
        ["20", "gossip"], ["20", "hybrid"],
    ]  # fmt: skip
    assert lines[-1] == "PASS"

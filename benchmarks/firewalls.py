# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures every way of ways.py with ansible-playbook on hosts of the lab: the first run and an unchanged run.

The times are the user's waiting time for whole runs and the time of their tasks. Runs of all ways alternate, so other
work of the machine slows down all ways equally.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ways import LARGE, LARGE_SOURCES, WAYS, Way, make_peers

from ansible_collections.gatehouse.kong.scripts.ansible_package import provide_collections

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LAB = [sys.executable, str(ROOT / "molecule" / "lab" / "lab.py")]
HOSTS = HERE / "hosts"
# The collections with the modules of the loops.
_NEEDED = ("ansible/posix", "community/general")
# The number of unchanged runs of a round, of which the fastest counts: other work of the machine can only add time.
_UNCHANGED = 3
_PING = [{"name": "ping", "ansible.builtin.ping": {}}]


@dataclass(frozen=True)
class Round:
    """Seconds of a first run and an unchanged run, and of their tasks.

    ``to_ping`` is the ratio of an unchanged run to a run that only pings the same host, just before it.
    """

    first: float
    first_tasks: float
    again: float
    again_tasks: float
    to_ping: float


@dataclass(frozen=True)
class Timing:
    """The rounds of one way for one number of peers."""

    way: str
    host: str
    peers: int
    rounds: tuple[Round, ...]

    def compute_seconds(self, column: str) -> float:
        """Return the median of a column of the rounds."""
        return median(getattr(times, column) for times in self.rounds)

    def compute_ratio(self, base: Timing, column: str) -> float:
        """Return the median of the ratios to another way, each within a round: the load differs between rounds."""
        pairs = zip(self.rounds, base.rounds, strict=True)
        return median(getattr(times, column) / getattr(others, column) for times, others in pairs)


def measure(sizes: list[int], repetitions: int, most_looped: int) -> list[Timing]:
    """Start the lab, run every way for every number of peers, and remove the lab; loops only up to most_looped peers.

    A round has all ways and numbers of peers, except loops, which run once.
    """
    cases = [(way, peers) for peers in sizes for way in WAYS if not way.loops]
    once = [(way, peers) for peers in sizes for way in WAYS if way.loops and peers <= most_looped]
    once += [(way, LARGE_SOURCES) for way in LARGE]
    collections = provide_collections(_NEEDED)
    with _provide_lab(), tempfile.TemporaryDirectory(prefix="kong-benchmark-") as name:
        runner = _Runner(Path(name), collections)
        rounds = [[_measure_round(runner, *case) for case in cases] for _repetition in range(repetitions)]
        timings = [_measure_way(*case, times) for case, times in zip(cases, zip(*rounds, strict=True), strict=True)]
        timings += [_measure_way(*case, (_measure_round(runner, *case),)) for case in once]
    return sorted(timings, key=lambda timing: timing.peers)


def _measure_way(way: Way, peers: int, rounds: tuple[Round, ...]) -> Timing:
    return Timing(way.name, way.host, peers, rounds)


def _measure_round(runner: _Runner, way: Way, peers: int) -> Round:
    print(f"{way.name} on {way.host}, {peers} peers ...", file=sys.stderr, flush=True)
    tasks = way.tasks(make_peers(peers))
    first = runner.run(way.host, tasks)
    turns = [
        (runner.run(way.host, _PING), runner.run(way.host, tasks)) for _run in range(1 if way.loops else _UNCHANGED)
    ]
    runner.undo(way)
    to_ping = median(again[0] / ping[0] for ping, again in turns)
    return Round(*first, *min(again for _ping, again in turns), to_ping)


class _Runner:
    def __init__(self, folder: Path, collections: Path) -> None:
        self._folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
        paths = (ROOT / ".venv" / "collections", collections)
        self._environment = kept | {
            "ANSIBLE_COLLECTIONS_PATH": ":".join(map(str, paths)),
            "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "molecule" / "lab" / "connection_plugins"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "plugins" / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_times",
            "BENCHMARK_TIMES": str(folder / "times"),
            "LC_ALL": "C.UTF-8",
        }

    def run(self, host: str, tasks: list[dict[str, Any]]) -> tuple[float, float]:
        """Run the tasks on a host; return the seconds of the whole run and of its tasks."""
        play, times = self._folder / "play.yml", self._folder / "times"
        play.write_text(json.dumps([{"hosts": host, "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        times.write_text("", encoding="utf-8")
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "-i",
            str(HOSTS / "inventory.yml"),
            str(play),
        ]
        started = time.monotonic()
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if done.returncode:
            raise SystemExit(f"{done.stdout[-3000:]}\n{done.stderr[-1000:]}")
        return seconds, sum(json.loads(line)["seconds"] for line in times.read_text(encoding="utf-8").splitlines())

    def undo(self, way: Way) -> None:
        """Remove a way's rules."""
        if way.undo:
            _run_on(way.host, way.undo)
        else:
            absent = {"state": "absent", "backend": way.host}
            self.run(way.host, [{"name": "absent", "gatehouse.kong.kong_firewall": absent}])


@contextmanager
def _provide_lab() -> Iterator[None]:
    subprocess.run([ROOT / "molecule" / "lab" / "install"], check=True, stdout=sys.stderr)
    try:
        subprocess.run([*LAB, "up", str(HOSTS)], check=True, stdout=sys.stderr)
        _run_on("firewalld", "systemctl enable --now firewalld")
        _run_on("ufw", "ufw --force enable >/dev/null; systemctl enable --now ufw")
        yield
    finally:
        subprocess.run([*LAB, "down", str(HOSTS)], check=True, stdout=sys.stderr)


def _run_on(host: str, command: str) -> None:
    subprocess.run([*LAB, "exec", str(HOSTS), host, "sh", "-c", command], check=True, stdout=sys.stderr)

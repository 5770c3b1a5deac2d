# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures a fleet with ansible-playbook: time, memory, and whether all runs make the same plan."""

from __future__ import annotations

import hashlib
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

from fleet import write_inventory

HERE = Path(__file__).resolve().parent
PLUGINS = HERE / "plugins"
# They change the order of Python's sets, so they show a plan that depends on this order.
HASH_SEEDS = ("1", "2")
MEMORY_INTERVAL = 0.25


@dataclass(frozen=True)
class Measurement:
    """The results for a fleet. Times are medians in seconds, sizes are in bytes.

    ``read`` and ``plan`` are processor time in the task. ``waited`` is the user's waiting time for kong_plan, ``reused`` for a
    second kong_plan in the same run. ``use`` is the processor time in which one host reads its part. ``memory`` is the peak
    of all processes of ansible-playbook together, ``bare_memory`` the same for a run that only reads hostvars.
    """

    nodes: int
    style: str
    read: float
    plan: float
    ratio: float
    waited: float
    reused: float
    use: float
    memory: int
    bare_memory: int
    plan_bytes: int
    digests: tuple[str, ...]


def measure(nodes: int, style: str, repetitions: int) -> Measurement:
    """Write a fleet and run it once for each hash seed, with this number of repetitions in total; return the results."""
    with tempfile.TemporaryDirectory(prefix="kong-benchmark-") as name:
        folder = Path(name)
        inventory = write_inventory(folder / "inventory", nodes, style)
        (folder / "bare.yml").write_text(json.dumps(_make_play([_measure("read")])), encoding="utf-8")
        bare_memory, _measured = _run(folder, inventory, "bare.yml", HASH_SEEDS[0])
        memory, measured, digests = 0, [], []
        for index, seed in enumerate(HASH_SEEDS):
            share = [number for number in range(repetitions) if number % len(HASH_SEEDS) == index]
            (folder / "play.yml").write_text(json.dumps(_make_play(_make_tasks(share, folder))), encoding="utf-8")
            peak, times = _run(folder, inventory, "play.yml", seed)
            memory, measured = max(memory, peak), [*measured, *times]
            text = (folder / "plan.json").read_bytes()
            digests.append(hashlib.sha256(text).hexdigest())
            (folder / "plan.json").unlink()
    read, plan = _list_column(measured, "read", "processor"), _list_column(measured, "plan", "processor")
    return Measurement(
        nodes=nodes,
        style=style,
        read=median(read),
        plan=median(plan),
        ratio=median(whole / bare for whole, bare in zip(plan, read, strict=True)),
        waited=median(_list_column(measured, "plan", "seconds")),
        reused=median(_list_column(measured, "reuse", "seconds")),
        use=median(_list_column(measured, "use", "processor")),
        memory=memory,
        bare_memory=bare_memory,
        plan_bytes=len(text),
        digests=tuple(digests),
    )


def _measure(part: str) -> dict[str, Any]:
    return {"name": part, "measured": {"part": part}}


def _make_tasks(repetitions: list[int], folder: Path) -> list[dict[str, Any]]:
    """Return the tasks of a run: read and plan in alternating order, then the plan again, and its use."""
    tasks = []
    for number in repetitions:
        pair = [_measure("read"), _measure("plan")]
        tasks += pair if number % 4 < 2 else pair[::-1]
    write = {"name": "write", "gatehouse.kong.kong_plan": {"path": str(folder / "plan.json")}, "register": "fleet"}
    return [*tasks, write, {"name": "reuse", "gatehouse.kong.kong_plan": {}}, _measure("use")]


def _make_play(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]


def _list_column(measured: list[dict[str, Any]], task: str, key: str) -> list[float]:
    return [line[key] for line in measured if line["task"] == task]


def _run(folder: Path, inventory: Path, play: str, seed: str) -> tuple[int, list[dict[str, Any]]]:
    """Run a play; return the peak memory of its processes together, and the times of its tasks."""
    times, log = folder / "times", folder / "log"
    times.unlink(missing_ok=True)
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), str(folder / play)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=_make_environment(folder, times, seed), stdout=output, stderr=output)
        peak = 0
        while process.poll() is None:
            peak = max(peak, sum(_read_memory(pid) for pid in _list_family(process.pid)))
            time.sleep(MEMORY_INTERVAL)
    if process.returncode:
        raise SystemExit(log.read_text(encoding="utf-8", errors="replace")[-4000:])
    return peak, [json.loads(line) for line in times.read_text(encoding="utf-8").splitlines()]


def _make_environment(folder: Path, times: Path, seed: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
    return kept | {
        "ANSIBLE_COLLECTIONS_PATH": str(HERE.parent / ".venv" / "collections"),
        "ANSIBLE_ACTION_PLUGINS": str(PLUGINS / "action"),
        "ANSIBLE_CALLBACK_PLUGINS": str(PLUGINS / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "task_times",
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "inventory" / "facts"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "BENCHMARK_TIMES": str(times),
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": seed,
    }


def _list_family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    with _ignore_ended():
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            yield from _list_family(int(child))


def _read_memory(pid: int) -> int:
    """Return a process's memory in bytes, with its proportion of shared memory."""
    with _ignore_ended():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


@contextmanager
def _ignore_ended() -> Iterator[None]:
    """Ignore a process that ended while it was read."""
    try:
        yield
    except (FileNotFoundError, ProcessLookupError):
        return

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures the playbooks on a lab of many nodes, as ratios to a play that only pings the nodes.

The first run of `site` happens once. The other playbooks run in turns with the ping, so other work slows down all of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LAB = [sys.executable, str(ROOT / "molecule" / "lab" / "lab.py")]
FORKS = 10
# All network namespaces share the table of neighbours, and each node has each other node as a neighbour.
NEIGHBOURS = Path("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
PING, FIRST, AGAIN, VERIFY, FIREWALL = (
    "ping",
    "site, first run",
    "site, unchanged",
    "verify",
    "kong_firewall, unchanged",
)
# The largest ratios to the play that pings.
BARS = {FIRST: 12.0, AGAIN: 6.0, VERIFY: 4.0, FIREWALL: 1.3}


@dataclass(frozen=True)
class Timing:
    """The seconds of each run of a playbook, and its ratio to the ping (the median of the ratios within a turn)."""

    name: str
    seconds: tuple[float, ...]
    ratio: float


def measure(nodes: int, repetitions: int) -> list[Timing]:
    """Start a lab of nodes, run each playbook, and remove the lab. Raises SystemExit if a playbook fails."""
    with (
        tempfile.TemporaryDirectory(prefix="kong-benchmark-") as name,
        _make_room_for_neighbours(nodes),
        _provide_lab(Path(name) / "fleet", nodes) as folder,
    ):
        runner = _Runner(folder)
        first, ping = runner.run(FIRST), runner.run(PING)
        turns = [{name: runner.run(name) for name in (PING, FIREWALL, AGAIN, VERIFY)} for _turn in range(repetitions)]
    timings = [Timing(FIRST, (first,), first / ping)]
    for name in (PING, FIREWALL, AGAIN, VERIFY):
        seconds = tuple(turn[name] for turn in turns)
        timings.append(Timing(name, seconds, median(turn[name] / turn[PING] for turn in turns)))
    return timings


class _Runner:
    def __init__(self, folder: Path) -> None:
        self._inventory = folder / "inventory.json"
        self._folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
        self._environment = kept | {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
            "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "molecule" / "lab" / "connection_plugins"),
            "ANSIBLE_FORKS": str(FORKS),
            "LC_ALL": "C.UTF-8",
        }

    def run(self, name: str) -> float:
        """Return the seconds of a playbook."""
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "-i",
            str(self._inventory),
            self._choose_playbook(name),
        ]
        print(f"{name} ...", file=sys.stderr, flush=True)
        started = time.monotonic()
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if done.returncode:
            raise SystemExit(f"{name}: {done.stdout[-5000:]}\n{done.stderr[-2000:]}")
        changed = [line for line in done.stdout.splitlines() if " changed=" in line and " changed=0 " not in line]
        if name in (FIREWALL, AGAIN) and changed:
            raise SystemExit(f"{name} changed something: {changed[:3]}")
        return seconds

    def _choose_playbook(self, name: str) -> str:
        if name in (FIRST, AGAIN, VERIFY):
            return f"gatehouse.kong.{'verify' if name == VERIFY else 'site'}"
        path = self._folder / "play.json"
        play = {"hosts": "kong", "gather_facts": False}
        part = (
            {"roles": ["gatehouse.kong.kong_firewall"]}
            if name == FIREWALL
            else {"tasks": [{"ansible.builtin.ping": {}}]}
        )
        path.write_text(json.dumps([{**play, **part}]), encoding="utf-8")
        return str(path)


@contextmanager
def _make_room_for_neighbours(nodes: int) -> Iterator[None]:
    """Raise the largest number of neighbours for a lab of nodes, and restore it at the end."""
    before = NEIGHBOURS.read_text(encoding="ascii")
    NEIGHBOURS.write_text(str(max(int(before), 2 * nodes**2)), encoding="ascii")
    try:
        yield
    finally:
        NEIGHBOURS.write_text(before, encoding="ascii")


@contextmanager
def _provide_lab(folder: Path, nodes: int) -> Iterator[Path]:
    """Start a lab of nodes and yield its folder, which has the inventory."""
    folder.mkdir()
    addresses = {f"n{number}": f"10.97.{number // 250}.{number % 250 + 2}" for number in range(1, nodes + 1)}
    _write(folder / "lab.yml", _describe_lab(addresses))
    _write(folder / "inventory.json", _describe_inventory(addresses))
    subprocess.run([ROOT / "molecule" / "lab" / "install"], check=True, stdout=sys.stderr)
    try:
        subprocess.run([*LAB, "up", str(folder)], check=True, stdout=subprocess.DEVNULL)
        yield folder
    finally:
        subprocess.run([*LAB, "down", str(folder)], check=True, stdout=sys.stderr)


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")  # JSON is YAML


def _describe_lab(addresses: Mapping[str, str]) -> dict[str, Any]:
    kong = {"KONG_VERSION": "3.9.1", "KONG_DATABASE": "postgres"}
    hosts = {
        name: {"init": "systemd", "addresses": {"lan": [address]}, "kong": kong} for name, address in addresses.items()
    }
    return {"networks": {"lan": ["10.97.0.0/16"]}, "hosts": hosts}


def _describe_inventory(addresses: Mapping[str, str]) -> dict[str, Any]:
    """Return an inventory of traditional nodes with one database, and an Admin API for all nodes."""
    variables = {
        "ansible_connection": "lab",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_pipelining": True,
        "lab_scenario": "fleet",
        "lab_host": "{{ inventory_hostname }}",
        "kong_version": "3.9",
        "kong_admin_listen": "0.0.0.0:8001",
        "kong_admin_sources": ["@kong"],
    }
    hosts = {name: {"kong_address": address} for name, address in addresses.items()}
    return {"all": {"vars": variables, "children": {"kong": {"hosts": hosts}}}}


def format_table(timings: list[Timing]) -> str:
    """Return the timings as a table for the terminal and the page."""
    lines = ["playbook                  seconds  x ping  bar"]
    for timing in timings:
        limit = f"{BARS[timing.name]:.1f}" if timing.name in BARS else ""
        lines.append(f"{timing.name:24}  {median(timing.seconds):7.1f}  {timing.ratio:6.2f}  {limit}".rstrip())
    return "\n".join(lines)


def list_failures(timings: list[Timing]) -> list[str]:
    """Return a line for each missed bar."""
    return [
        f"{timing.name} takes {timing.ratio:.2f} times a ping, more than {BARS[timing.name]:g}"
        for timing in timings
        if timing.name in BARS and timing.ratio > BARS[timing.name]
    ]


def render_markdown(timings: list[Timing], nodes: int) -> str:
    """Return the section of docs/benchmarks.md."""
    return f"""\
## The playbooks

{nodes} nodes are containers with systemd and the placeholder Kong, all on this machine. Ansible runs with {FORKS} forks. The table
shows the seconds of whole runs of `ansible-playbook`, and their ratio to a play that only pings the nodes. The first run
happens once. All other values are medians, and their ratios medians of the ratios within a turn.

The benchmark fails if a ratio is above its bar.

```text
{format_table(timings)}
```
"""

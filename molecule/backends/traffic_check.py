# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends new connections from an allowed and from an unauthorised source while the sources of the plan change.

    python3 traffic_check.py [--changes NUMBER] [--connections NUMBER] PLAN

PLAN is a plan file in which the host `admin`, 10.78.0.100 and fd78:6761:7465::100 are the sources of the Admin API. The two
addresses change at least --changes times, and until --connections allowed connections to each node are due over each of IPv4
and IPv6. Exit status 1, with the figures, if an allowed connection to any node was lost, if an unauthorised connection opened,
or if a node got fewer allowed connections.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from third_party import HERE, NODES, SCENARIO, LabHost, Node

RATES = {"admin": 125, "outsider": 31}  # a second, node and family: 1,000 and 248 in all
CHANGES = 8
CONNECTIONS = 1_000
PATIENCE = "5"  # seconds; the kernel sends a second SYN after a second
PROGRAM = "/root/traffic.py"
CHANGED = ("10.78.0.1", "fd78:6761:7465::1")  # without the last two digits


def start(name: str) -> subprocess.Popen[str]:
    host = LabHost(SCENARIO, name)
    program = (HERE / "traffic.py").read_text(encoding="utf-8")
    subprocess.run(host.make_command(f"cat > {PROGRAM}"), input=program, text=True, check=True)
    targets = " ".join(f"{address}:8001" for addresses in NODES.values() for address in addresses)
    command = host.make_command(f"exec python3 {PROGRAM} {RATES[name]} {PATIENCE} {targets}")
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def change(nodes: list[Node], plan: str, number: int) -> None:
    """Allow other addresses and remove the addresses of the last change; the sets of sources keep their names."""
    for prefix in CHANGED:
        plan = plan.replace(f'"{prefix}00', f'"{prefix}0{number % 7}')
    changed = json.loads(plan)

    def apply(node: Node) -> None:
        node.set_plan(changed)
        node.apply()

    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(apply, nodes))


def change_until(end: float, least: int, act: Callable[[int], None]) -> int:
    """Change the sources repeatedly until that time, at least that number of times; return the number of changes."""
    number = 0
    while number < least or time.monotonic() < end:
        number += 1
        act(number)
    return number


def find_faults(allowed: dict[str, Any], unauthorised: dict[str, Any], connections: int) -> Iterator[str]:
    """Yield each result that fails the check, from the counts that traffic.py prints."""
    for target, tried in allowed["tried"].items():
        lost = tried - allowed["opened"].get(target, 0) + allowed["again"].get(target, 0)
        if lost:
            yield f"{target}: {lost} of {tried} allowed connections lost"
        if tried < connections:
            yield f"{target}: {tried} allowed connections, fewer than {connections}"
    for target, opened in unauthorised["opened"].items():
        yield f"{target}: {opened} unauthorised connections opened"


def main(plan: str, changes: int, connections: int) -> int:
    nodes = [Node(system, json.loads(plan)) for system in NODES]
    # This creates the sets for single addresses on every node. firewalld reloads for it, but not for later changes.
    change(nodes, plan, 0)
    clients = {host: start(host) for host in RATES}
    end = time.monotonic() + connections / RATES["admin"]
    number = change_until(end, changes, lambda number: change(nodes, plan, number))
    allowed, unauthorised = (json.loads(clients[host].communicate("")[0]) for host in RATES)
    for system, address in ((system, address) for system, addresses in NODES.items() for address in addresses):
        tried, unwanted = (counts["tried"][f"{address}:8001"] for counts in (allowed, unauthorised))
        print(f"{system}, {address}: {number} changes, {tried} allowed connections, {unwanted} unauthorised attempts")
    found = list(find_faults(allowed, unauthorised, connections))
    print("\n".join(found) or "no allowed connection was lost, no unauthorised connection opened")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--changes", type=int, default=CHANGES)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("plan", type=Path)
    arguments = parser.parse_args()
    sys.exit(main(arguments.plan.read_text(encoding="utf-8"), arguments.changes, arguments.connections))

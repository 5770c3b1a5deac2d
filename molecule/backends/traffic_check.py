# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends new connections from an allowed and from an unauthorised source while the sources of the plan change.

    python3 traffic_check.py [--connections NUMBER] COMMAND...

COMMAND is ansible-playbook with its arguments, without the playbook. The sources change at least 20 times, and until
NUMBER allowed connections to each node are due. Exit status 1, with the figures, if an allowed connection to any node was
lost, if an unauthorised connection opened, or if there were fewer allowed connections than NUMBER to a node.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LAB = [sys.executable, str(HERE.parent / "lab" / "lab.py"), "exec", str(HERE)]
NODES = {"10.78.0.21": "nftables", "10.78.0.22": "iptables", "10.78.0.23": "firewalld", "10.78.0.24": "ufw"}
RATES = {"admin": 250, "outsider": 63}  # a second and node: 1,000 and 250 in all
CHANGES = 20
CONNECTIONS = 1_000
PATIENCE = "5"  # seconds; the kernel sends a second SYN after a second
PROGRAM = "/root/traffic.py"


def start(host: str) -> subprocess.Popen[str]:
    program = (HERE / "traffic.py").read_text(encoding="utf-8")
    subprocess.run([*LAB, host, "sh", "-c", f"cat > {PROGRAM}"], input=program, text=True, check=True)
    targets = [f"{node}:8001" for node in NODES]
    command = [*LAB, host, "python3", PROGRAM, str(RATES[host]), PATIENCE, *targets]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def change(ansible: list[str], number: int) -> None:
    """Allow another address and remove the address of the last change; the set of sources keeps its name."""
    sources = json.dumps({"kong_admin_sources": ["admin", f"10.78.0.{100 + number % 7}"]})
    done = subprocess.run(
        [*ansible, str(HERE / "firewall.yml"), "--extra-vars", sources], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout[-4000:] + done.stderr[-4000:])


def change_until(ansible: list[str], end: float) -> int:
    """Change the sources repeatedly until that time, at least CHANGES times; return the number of changes."""
    number = 0
    while number < CHANGES or time.monotonic() < end:
        number += 1
        change(ansible, number)
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


def main(ansible: list[str], connections: int) -> int:
    # This creates the set for single addresses on every node. firewalld reloads for it, but not for later changes.
    change(ansible, 0)
    clients = {host: start(host) for host in RATES}
    number = change_until(ansible, time.monotonic() + connections / RATES["admin"])
    allowed, unauthorised = (json.loads(clients[host].communicate("")[0]) for host in RATES)
    for address, system in NODES.items():
        tried, unwanted = (counts["tried"][f"{address}:8001"] for counts in (allowed, unauthorised))
        print(f"{system}: {number} changes, {tried} allowed connections, {unwanted} unauthorised attempts")
    found = list(find_faults(allowed, unauthorised, connections))
    print("\n".join(found) or "no allowed connection was lost, no unauthorised connection opened")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("ansible", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    sys.exit(main(arguments.ansible, arguments.connections))

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends new connections from who may come and from who may not, while the sources change again and again.

    python3 traffic_check.py COMMAND...

COMMAND is what ansible-playbook is called with, less the playbook. Exit status 1, with the figures, if one connection of
the admin's was lost on any node, or one of the outsider's got through.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LAB = [sys.executable, str(HERE.parent / "lab" / "lab.py"), "exec", str(HERE)]
NODES = {"10.78.0.21": "nftables", "10.78.0.22": "iptables", "10.78.0.23": "firewalld", "10.78.0.24": "ufw"}
RATES = {"admin": 250, "outsider": 63}  # a second and node: 1,000 and 250 in all
CHANGES = 20
PATIENCE = "5"  # seconds; the kernel sends a second SYN after one
PROGRAM = "/root/traffic.py"


def start(host: str) -> subprocess.Popen[str]:
    program = (HERE / "traffic.py").read_text(encoding="utf-8")
    subprocess.run([*LAB, host, "sh", "-c", f"cat > {PROGRAM}"], input=program, text=True, check=True)
    targets = [f"{node}:8001" for node in NODES]
    command = [*LAB, host, "python3", PROGRAM, str(RATES[host]), PATIENCE, *targets]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def change(ansible: list[str], number: int) -> None:
    """Let one more address come, and another one no longer; the set of sources stays the same one."""
    sources = json.dumps({"kong_admin_sources": ["admin", f"10.78.0.{100 + number % 7}"]})
    done = subprocess.run(
        [*ansible, str(HERE / "firewall.yml"), "--extra-vars", sources], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout[-4000:] + done.stderr[-4000:])


def main(ansible: list[str]) -> int:
    # The set for addresses by themselves is new on every node: firewalld has to reload for it, and only for it.
    change(ansible, 0)
    clients = {host: start(host) for host in RATES}
    for number in range(1, CHANGES + 1):
        change(ansible, number)
    found = {host: json.loads(client.communicate("")[0]) for host, client in clients.items()}
    tried, opened, again = (found["admin"][what] for what in ("tried", "opened", "again"))
    lost = {
        NODES[target.partition(":")[0]]: tried[target] - opened.get(target, 0) + again.get(target, 0)
        for target in tried
    }
    let_in = found["outsider"]["opened"]
    print(f"{CHANGES} changes; of the admin's {sum(tried.values())} connections lost: {lost}; "
          f"of the outsider's {sum(found['outsider']['tried'].values())} let in: {let_in or 'none'}")  # fmt: skip
    return 1 if any(lost.values()) or let_in or min(tried.values()) < 1000 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes third-party rules on a node of each firewall manager, and connects to it: third_party.py PLAN [SYSTEM...]

The plan has port 8000 for any source, and port 8001 for the host `admin`. On a host that drops by default these must be open,
and 8001 must stay closed for `outsider` although a third-party rule accepts it for every source. A ban of `outsider` must
hold, also a ban by a real fail2ban. The last steps are commands that reload or flush rules while connections are opened
continuously. Prints a row of a Markdown table for each such command. Exit status 1, with a line for each failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from third_party_steps import SYSTEMS, Reload, Step, System

sys.path.insert(0, str(Path(__file__).parents[1] / "lab"))
from _lab_host import LabHost

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_ruleset

HERE = Path(__file__).resolve().parent
SCENARIO = HERE.name
NODES = {
    "nftables": ("10.78.0.21", "fd78:6761:7465::21"),
    "iptables": ("10.78.0.22", "fd78:6761:7465::22"),
    "firewalld": ("10.78.0.23", "fd78:6761:7465::23"),
    "ufw": ("10.78.0.24", "fd78:6761:7465::24"),
}
BANNED = ("10.78.0.40", "fd78:6761:7465::40")
RATE = 100  # connections a second from each client to each address of a node
# Seconds for a connection. A slow machine is no reason to count a connection as lost, unless it can only be lost.
PATIENCE, SHORT_PATIENCE = 5, 2
WAIT = 15  # seconds for a ban of fail2ban, on a machine that is busy
# Prints which targets answer; each target is an address, a port and a time limit in seconds.
DIAL = """
import asyncio, json, sys
async def dial(address, port, patience):
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), patience)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True
async def main():
    print(json.dumps(await asyncio.gather(*(dial(*target) for target in json.loads(sys.argv[1])))))
asyncio.run(main())
"""
JAIL = """\
mkdir -p /var/lib/fail2ban; : >/var/log/bans; cat >/etc/fail2ban/jail.local <<'JAIL'
[DEFAULT]
backend = polling
[sshd]
enabled = false
[kong]
enabled = true
filter = sshd
logpath = /var/log/bans
port = 8000
protocol = tcp
bantime = 1h
banaction = BANACTION
JAIL
systemctl start fail2ban
until fail2ban-client status kong >/dev/null 2>&1; do sleep 0.2; done
fail2ban-client set kong banip @4 @6"""


Trial = tuple[str, Callable[[], str | None]]


class TrialError(Exception):
    """A trial failed; the message says why."""


class Node:
    """The current node of a firewall system, and the clients that connect to it."""

    def __init__(self, system: str, plan: dict[str, Any]) -> None:
        self.addresses = NODES[system]
        self._host = LabHost(SCENARIO, f"{system}-new")
        self._arguments = {"backend": "iptables" if system == "iptables" else "auto"}
        self.set_plan(plan)
        self._host.install()

    def set_plan(self, plan: dict[str, Any]) -> None:
        """Set the plan of the next applies and reads."""
        self._arguments["ruleset"] = select_ruleset(plan, self._host.name)

    def run(self, command: str) -> None:
        """Run a command of the host's administrator; it must succeed."""
        for mark, address in zip(("@4", "@6"), BANNED, strict=True):
            command = command.replace(mark, address)
        if failure := self._host.run_shell(command):
            raise TrialError(failure)

    def read_info(self) -> dict[str, Any]:
        """Return the result of kong_firewall_info for the node."""
        return self._run_module("kong_firewall_info", self._arguments)

    def apply(self, state: str = "present") -> None:
        """Run kong_firewall like its action, and confirm the change."""
        arguments = {**self._arguments, "state": state, "rollback_timeout": 600}
        done = self._run_module("kong_firewall", arguments)
        if "_transaction" in done:
            self._run_module("kong_firewall", {**arguments, "confirm": done["_transaction"]})

    def check(self, *, banned: bool) -> None:
        """Connect from both clients, over both families."""
        wanted = {
            ("admin", 8000): True,
            ("admin", 8001): True,
            ("outsider", 8000): not banned,
            ("outsider", 8001): False,
        }
        for client in ("admin", "outsider"):
            targets = [
                (address, port, 5 if wanted[client, port] else 1) for address in self.addresses for port in (8000, 8001)
            ]
            done = subprocess.run(
                LabHost(SCENARIO, client).make_command(f"python3 -c '{DIAL}' '{json.dumps(targets)}'"),
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            for (address, port, _patience), is_open in zip(targets, json.loads(done.stdout), strict=True):
                if is_open != wanted[client, port]:
                    raise TrialError(f"{client} to {address} port {port} is {'open' if is_open else 'closed'}")

    def check_soon(self, *, banned: bool) -> None:
        """Check until it succeeds: fail2ban acts a moment after its command, and a limit accepts some packets."""
        deadline = time.monotonic() + WAIT
        while True:
            try:
                return self.check(banned=banned)
            except TrialError:
                if time.monotonic() > deadline:
                    raise

    def start_traffic(self, client: str, patience: int) -> subprocess.Popen[str]:
        """Start connections from a client to port 8001 of the node."""
        targets = [f"{address}:8001" for address in self.addresses]
        program = (HERE / "traffic.py").read_text(encoding="utf-8")
        place = f"/root/traffic-{self._host.name}.py"
        subprocess.run(LabHost(SCENARIO, client).make_command(f"cat >{place}"), input=program, text=True, check=True)
        command = LabHost(SCENARIO, client).make_command(f"exec python3 {place} {RATE} {patience} {' '.join(targets)}")
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _run_module(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._host.run_modules({"task": (name, arguments)})["task"]
        if result.get("failed"):
            raise TrialError(f"{name}: {result['msg']}")
        return result


def check_no_difference(node: Node) -> None:
    """Raise TrialError if kong_firewall_info reports a difference."""
    found = node.read_info()
    if found["differs"]:
        raise TrialError(f"reported as a difference: {found['report']}")


def try_default(node: Node, step: Step, *, stays: bool) -> None:
    """Make the host drop packets by default: after the next run the plan's sources can connect."""
    node.run(step.do)
    node.apply()
    node.check_soon(banned=False)
    check_no_difference(node)
    if not stays:
        node.run(step.undo)


def try_opened(node: Node, step: Step) -> None:
    """Make the host accept port 8001 from every source: other sources still cannot connect."""
    node.run(step.do)
    node.check(banned=False)
    node.run(step.undo)


def try_ban(node: Node, step: Step) -> None:
    """Ban a source after our run: the ban is not a difference."""
    node.run(step.do)
    node.check_soon(banned=True)
    check_no_difference(node)
    node.run(step.undo)


def try_ban_before(node: Node, step: Step) -> None:
    """Ban a source on a host without our rules, then run."""
    node.apply("absent")
    node.run(step.do)
    node.apply()
    node.check_soon(banned=True)
    node.run(step.undo)
    node.check_soon(banned=False)


def try_appended(node: Node, step: Step) -> None:
    """Add a ban after our late part: it is a difference, and the next run moves the late part after the ban."""
    node.run(step.do)
    if not node.read_info()["differs"]:
        raise TrialError("no difference is reported")
    node.apply()
    node.check_soon(banned=True)
    check_no_difference(node)
    node.run(step.undo)
    node.apply()


def try_fail2ban(node: Node, banaction: str) -> None:
    """Ban with a real fail2ban, restart it, unban."""
    node.run(JAIL.replace("BANACTION", banaction))
    node.check_soon(banned=True)
    check_no_difference(node)
    node.run("systemctl restart fail2ban")
    node.check_soon(banned=True)
    check_no_difference(node)
    node.run("fail2ban-client set kong unbanip @4 @6")
    node.check_soon(banned=False)
    check_no_difference(node)


def try_reload(node: Node, reload: Reload) -> str:
    """Run a command while connections are opened; return a row: effect, time without answers, report.

    Allowed connections are lost only during a command with a gap, and after a command that removes our rules. No unauthorised
    connection opens.
    """
    patience = {"admin": PATIENCE if reload.stays else SHORT_PATIENCE, "outsider": SHORT_PATIENCE}
    clients = {client: node.start_traffic(client, patience[client]) for client in patience}
    time.sleep(1)
    node.run(reload.command)
    for process in clients.values():
        print(file=process.stdin, flush=True)
    time.sleep(0.5)
    found = {client: json.loads(process.communicate("")[0]) for client, process in clients.items()}
    lost, lost_after = (count_lost(counts) for counts in (found["admin"], found["admin"]["after"]))
    leaked = found["outsider"]["opened"]
    state = node.read_info()
    row = (
        f"unauthorised: {_format_duration(max(leaked.values(), default=0)) if leaked else 'closed'} | authorised lost: "
        f"{_format_duration(max(lost.values()))} | {'; '.join(state['report']) if state['differs'] else 'no difference'}"
    )
    if leaked:
        raise TrialError(f"unauthorised connections were open: {leaked}; {row}")
    opened_after = found["admin"]["after"]["opened"]
    if not lost_after or (any(lost_after.values()) if reload.stays else opened_after):
        raise TrialError(f"after the command: {lost_after} lost, {opened_after} opened; {row}")
    if not reload.gap and any(lost.values()):
        raise TrialError(f"lost during the command: {lost}; {row}")
    if state["differs"] == reload.stays:
        raise TrialError(row)
    node.run(reload.again)
    if node.read_info()["differs"]:
        node.apply()
    node.check_soon(banned=False)
    check_no_difference(node)
    return row


def count_lost(counts: dict[str, Any]) -> dict[str, int]:
    """Return the number of connections to each target that did not open with their first packet."""
    tried, opened, again = (counts[step] for step in ("tried", "opened", "again"))
    return {target: tried[target] - opened.get(target, 0) + again.get(target, 0) for target in tried}


def _format_duration(connections: int) -> str:
    return f"{connections * 1000 // RATE} ms" if connections else "none"


def list_trials(node: Node, system: System) -> Iterator[Trial]:
    """Yield the trials of a node in their order, with their names."""
    yield "preparation", partial(node.run, system.prepare)
    for step in system.defaults:
        yield step.name, partial(try_default, node, step, stays=step is system.defaults[-1])
    for kind, steps in ((try_opened, system.opened), (try_ban, system.bans), (try_appended, system.appended)):
        yield from ((step.name, partial(kind, node, step)) for step in steps)
    yield f"before the first run: {system.bans[0].name}", partial(try_ban_before, node, system.bans[0])
    yield "fail2ban: start, ban, restart, unban", partial(try_fail2ban, node, system.banaction)
    yield from ((reload.command, partial(try_reload, node, reload)) for reload in system.reloads)
    yield "restoration", partial(node.run, f"systemctl stop fail2ban; {system.defaults[-1].undo}; {system.restore}")
    yield "the last run", node.apply
    yield "no difference", partial(check_no_difference, node)


def try_system(name: str, plan: dict[str, Any]) -> list[str]:
    """Run all trials on the node of a firewall manager; return the failures."""
    failures = []
    for trial, act in list_trials(Node(name, plan), SYSTEMS[name]):
        began = time.monotonic()
        try:
            outcome = act() or "holds"
        except TrialError as failed:
            outcome = f"FAILED: {failed}"
            failures.append(f"{name}: {trial}: {failed}")
        print(f"| {name} | {trial} | {outcome} | {time.monotonic() - began:.1f} s |", flush=True)
    return failures


def main(arguments: list[str]) -> int:
    plan = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    names = arguments[1:] or [*SYSTEMS]
    with ThreadPoolExecutor(len(names)) as pool:
        failures = [line for lines in pool.map(lambda name: try_system(name, plan), names) for line in lines]
    print(*failures, f"{len(failures)} failures", sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

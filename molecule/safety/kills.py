# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills changes on hosts of each firewall system, and cuts the power: kills.py [SYSTEM...]

The points are spread over all steps of the changes. After each the host has the old rules or the new ones, the same at boot,
and the rules and files of others as they were. GATEHOUSE_KILLS and GATEHOUSE_CUTS are the numbers for each system. Exit
status 1, with a line for each failure.
"""

from __future__ import annotations

import difflib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lab"))
from _lab_host import PLACE, LabHost
from _podman import Paths, podman

HERE = Path(__file__).resolve().parent
SCENARIO = HERE.name
SYSTEMS = ("nftables", "iptables", "firewalld", "ufw")
KILLS = int(os.environ.get("GATEHOUSE_KILLS", "8"))
CUTS = int(os.environ.get("GATEHOUSE_CUTS", "2"))
CHANGES = (("none", "rules"), ("rules", "other rules"), ("rules", "other members"), ("rules", "none"))
PATIENCE = 150
SIGKILLED = -9
# The rules of the host's owner, and what loads them at boot.
OWN_RULES = {
    "nftables": "sh /root/own_rules.sh set nftables; (echo '#!/usr/sbin/nft -f'; echo 'flush ruleset'; nft list ruleset)"
    " >/etc/nftables.conf; systemctl enable nftables",
    "iptables": "export DEBIAN_FRONTEND=noninteractive; dpkg --purge ufw; dpkg --install /opt/iptables-persistent/*.deb;"
    "sh /root/own_rules.sh set iptables; netfilter-persistent save",
    "firewalld": "sh /root/own_rules.sh set firewalld",
    "ufw": "sh /root/own_rules.sh set ufw",
}


@dataclass(frozen=True)
class Point:
    """A kill of the change between two states, at this part of its steps, and what comes after it."""

    change: tuple[str, str]
    part: float
    after: str


class Host:
    """The host whose changes are killed."""

    def __init__(self, system: str) -> None:
        self.lab = LabHost(SCENARIO, f"killed-{system}")
        self.system = system

    def run(self, command: str) -> str:
        """Return the output of a command that must succeed."""
        done = self._done(command)
        if done.returncode:
            raise AssertionError(f"{command}: exit {done.returncode} {done.stdout}{done.stderr}")
        return done.stdout

    def program(self, *words: str) -> str:
        """Return the output of killed.py on the host."""
        return self.run(self._program(words))

    def dies(self, state: str, step: int) -> bool:
        """Change the host's rules and have the process die before a step; tell whether it died."""
        status = self._done(self._program(("die", state, str(step)))).returncode
        if status not in (0, SIGKILLED, 128 - SIGKILLED):
            raise AssertionError(f"die {state} {step}: exit {status}")
        return status != 0

    def own_rules(self) -> str:
        """Return the rules and files of the host's owner."""
        return self.run(f"sh /root/own_rules.sh show {self.system}")

    def look(self) -> dict[str, object]:
        """Return the state that the host has, and what differs from it."""
        found: dict[str, object] = json.loads(self.program("look"))
        return found

    def boot(self) -> None:
        """Cut the power and turn it on again."""
        container = Paths(SCENARIO).container(self.lab.name)
        for words in (("kill",), ("wait",), ("container", "cleanup")):  # which takes away the network with its rules
            podman(*words, container, netns=Paths(SCENARIO).netns)
        lab = [sys.executable, str(HERE.parent / "lab" / "lab.py"), "reboot", str(HERE), self.lab.name]
        subprocess.run(lab, check=True, capture_output=True)

    def prepare(self) -> None:
        """Install the programs, and give the host rules of its owner, which it has after each boot."""
        self.lab.install()
        for program in (HERE / "killed.py", HERE / "processes.py", HERE.parent / "backends" / "own_rules.sh"):
            text = program.read_text(encoding="utf-8")
            subprocess.run(self.lab.command(f"cat >/root/{program.name}"), input=text, text=True, check=True)
        self.run(OWN_RULES[self.system])
        self.boot()

    def _program(self, words: tuple[str, ...]) -> str:
        return f"PYTHONPATH={PLACE} exec python3 /root/killed.py " + " ".join(f"'{word}'" for word in words)

    def _done(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.lab.command(command), capture_output=True, text=True, check=False)


def points() -> Iterator[Point]:
    """Yield the points: each change in turn, at parts that are spread over its steps."""
    total = KILLS + CUTS
    afters = itertools.cycle(("timer", "next run"))
    for number in range(total):
        is_cut = (number * CUTS) // total != ((number + 1) * CUTS) // total
        part = (number + 0.5) / total if number % 2 else 1 - (number + 0.5) / total
        yield Point(CHANGES[number % len(CHANGES)], part, "power cut" if is_cut else next(afters))


def try_point(host: Host, point: Point, steps: int, own_rules: str) -> str:
    """Kill at one point; return the state that the host has then."""
    new = point.change[1]
    step = int(point.part * steps)
    killed = host.dies(new, step)
    if point.after == "power cut":
        host.boot()
    elif point.after == "next run":
        host.program("change", new)
    else:
        # A run that died before its change was complete is rolled back without the timer.
        wait(host, lambda found: found["state"] in point.change and not found["live"])
        host.program("timer")
    expected = (new,) if point.after == "next run" or not killed else point.change
    # A run that died before the change had its id changed nothing, and the next run or boot removes what it left.
    waits = "armed" if point.after == "timer" else "pending"
    found = wait(
        host, lambda found: found["state"] in expected and not (found["live"] or found["boot"] or found[waits])
    )
    compare_rules(own_rules, host.own_rules())
    return f"{'killed' if killed else 'done'}, then {found['state']}"


def wait(host: Host, holds: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    """Wait until something holds of the host; return what it has then."""
    deadline = time.monotonic() + PATIENCE
    while not holds(found := host.look()):
        if time.monotonic() > deadline:
            raise AssertionError(str(found))
        time.sleep(0.5)
    return found


def compare_rules(expected: str, actual: str) -> None:
    """Raise AssertionError if the owner's rules or files differ from those before."""
    lines = [*difflib.unified_diff(expected.splitlines(), actual.splitlines(), "expected", "actual", lineterm="", n=0)]
    if lines:
        raise AssertionError("the rules or files of the host's owner changed:\n" + "\n".join(lines))


def try_system(system: str) -> list[str]:
    """Kill at all points on the host of a firewall system; return the failures."""
    host, failures = Host(system), []
    host.prepare()
    if system == "firewalld":
        host.run(f"PYTHONPATH={PLACE} python3 /root/processes.py")
    own_rules = host.own_rules()
    steps = {}
    for change in CHANGES:
        host.program("change", change[0])
        steps[change] = int(host.program("change", change[1]))
    for point in points():
        began = time.monotonic()
        place = f"{system}: {' to '.join(point.change)}, {point.part:.0%} of {steps[point.change]} steps, {point.after}"
        try:
            host.program("change", point.change[0])
            outcome = try_point(host, point, steps[point.change], own_rules)
        except AssertionError as failure:
            outcome = f"FAILED: {failure}"
            failures.append(f"{place}: {failure}")
        print(f"{place}: {outcome} ({time.monotonic() - began:.1f} s)", flush=True)
    host.program("change", "none")
    return failures


def main(names: list[str]) -> int:
    systems = names or [*SYSTEMS]
    with ThreadPoolExecutor(len(systems)) as pool:
        failures = [line for lines in pool.map(try_system, systems) for line in lines]
    print(
        *failures,
        f"{KILLS} kills and {CUTS} power cuts for each of {', '.join(systems)}: {len(failures)} failures",
        sep="\n",
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills changes on hosts of each firewall system, and cuts the power: kills.py [SYSTEM...]

The points are spread over all steps of the changes, and over the duration of a step. After each point the host has the old
rules or the new rules, also after a boot, and third-party rules and files are unchanged. The next run removes the remains of
the killed run. GATEHOUSE_KILLS and GATEHOUSE_CUTS are the numbers for each system. Exit status 1, with a line for each
failure.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from boots import try_boots

sys.path.insert(0, str(Path(__file__).parents[1] / "lab"))
from _lab_host import PLACE, LabHost
from _podman import Paths, run_podman

HERE = Path(__file__).resolve().parent
SCENARIO = HERE.name
SYSTEMS = ("nftables", "iptables", "firewalld", "ufw")
KILLS = int(os.environ.get("GATEHOUSE_KILLS", "8"))
CUTS = int(os.environ.get("GATEHOUSE_CUTS", "2"))
# A third party saves its rules while our rules are loaded: the change removes our rules from the saved files.
SAVED = "saved rules"
CHANGES = (
    ("none", "rules"),
    ("rules", "other rules"),
    ("rules", "other members"),
    ("rules", "none"),
    (SAVED, "other rules"),
    (SAVED, "none"),
)
KILLED = ("timer", "next run")
UNCONFIRMED = ("power cut", "timer")
# A first published port is refused on the host with ufw, which drops forwarded packets.
LEFT = dict.fromkeys(SYSTEMS, ("other rules", "other members", "published port")) | {
    "ufw": ("other rules", "other members")
}
CUT = ("power cut", "power cut in the rollback")
PATIENCE = 120
SIGKILLED = -9
# About the time that a rollback takes.
ROLLBACK_SECONDS = 0.4

Found = dict[str, object]

# Third-party rules that a boot loads, with a default that drops: the late part accepts before it.
NFT_DEFAULTS = """
table inet host_filter {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname lo accept
    ct state established,related accept
    ip saddr 203.0.113.7 drop
    tcp dport 22 accept
  }
}
table ip host_end {
  chain input { type filter hook input priority 5; iifname lo accept; jump admin; }
  chain admin { ip saddr 203.0.113.8 drop; log prefix "end "; reject; }
}
"""
IPTABLES_DEFAULTS = """
*filter
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -j REJECT
COMMIT
"""
SAVE = {
    "nftables": "(echo '#!/usr/sbin/nft -f'; echo 'flush ruleset'; nft list ruleset) >/etc/nftables.conf",
    "iptables": "netfilter-persistent save",
    "firewalld": ":",
    "ufw": ":",
}
SET = {
    "nftables": f"sh /root/own_rules.sh set nftables; nft -f - <<'EOF'{NFT_DEFAULTS}EOF\n systemctl enable nftables",
    "iptables": "export DEBIAN_FRONTEND=noninteractive; dpkg --purge ufw; dpkg --install /opt/iptables-persistent/*.deb;"
    "sh /root/own_rules.sh set iptables; for family in ip ip6; do"
    f" ${{family}}tables-restore --noflush <<'EOF'{IPTABLES_DEFAULTS}EOF\n done",
    "firewalld": "[ -e /etc/firewalld/zones/plant.xml ] || sh /root/own_rules.sh set firewalld",
    "ufw": "sh /root/own_rules.sh set ufw",
}
# Third-party rules that are loaded and not saved.
BAN = {
    "nftables": "nft add element ip fail2ban banned '{ 203.0.113.10 }'",
    "iptables": "iptables -I INPUT -s 203.0.113.10 -j DROP",
    "firewalld": "firewall-cmd --quiet --zone=drop --add-rich-rule='rule family=ipv4 source address=203.0.113.10 reject';"
    "firewall-cmd --quiet --direct --add-rule ipv4 filter INPUT 0 -s 203.0.113.10 -j DROP",
    "ufw": "iptables -I INPUT -s 203.0.113.10 -j DROP",
}
# Third-party files: type, mode, owner, content. Our files and the container's files are left out. own_rules.sh shows the
# content of files that contain our rules.
FILES = r"""
find /etc \( -type f -o -type l \) ! -path '*gatehouse*' ! -name 'gkfwd*' ! -path '/etc/firewalld/zones/*.xml' \
    ! -path /etc/resolv.conf ! -path /etc/hosts ! -path /etc/hostname ! -path /etc/mtab ! -path '/etc/.*' \
    -printf '%p %y %m %U:%G %l\n' | sort
find /etc -type f ! -path '*gatehouse*' ! -name 'gkfwd*' ! -path '/etc/firewalld/zones/*.xml' \
    ! -path /etc/resolv.conf ! -path /etc/hosts ! -path /etc/hostname ! -path /etc/mtab ! -path '/etc/.*' \
    ! -path '/etc/ufw/after*.rules' ! -path /etc/nftables.conf ! -path '/etc/iptables/*' -exec sha256sum {} + | sort -k 2
for file in $(find /etc/nftables.conf /etc/iptables -type f | sort); do
    sed '/^table inet gatehouse_kong {$/,/^}$/d; /comment "\{0,1\}gatehouse\.kong/d' "$file"
done
"""
TRACES = r"""
find /etc /var/lib /usr /run/systemd \( -name '*gatehouse*' ! -name '*gatehouse-lab*' -o -name 'gkfwd*' \)
"""


@dataclass(frozen=True)
class Point:
    """A point at which the change between two states ends, as a part of its steps, and the event after it."""

    change: tuple[str, str]
    part: float
    after: str

    @property
    def states(self) -> tuple[str, str]:
        """The old and the new state."""
        return self.change[0].removeprefix("saved "), self.change[1]


@dataclass(frozen=True)
class ThirdParty:
    """Third-party rules and files: as loaded at boot, and as they are during the change."""

    booted: str
    running: str


class Host:
    """The host whose changes are killed."""

    def __init__(self, system: str) -> None:
        self.lab = LabHost(SCENARIO, f"killed-{system}")
        self.system = system

    def run(self, command: str) -> str:
        """Return the output of a command that must succeed."""
        done = self._run(command)
        if done.returncode:
            raise AssertionError(f"{command}: exit {done.returncode} {done.stdout}{done.stderr}")
        return done.stdout

    def run_program(self, *words: str) -> str:
        """Return the output of killed.py on the host."""
        return self.run(self._make_command(words))

    def set_state(self, name: str) -> list[float]:
        """Apply the rules of a state, and save the third-party rules if the state requires it; return the steps."""
        steps: list[float] = json.loads(self.run_program("change", name.removeprefix("saved ")))
        if name == SAVED:
            self.run(SAVE[self.system])
        return steps

    def kill(self, state: str, step: int, delay: float) -> bool:
        """Change the host's rules and kill the process in a step; tell whether it was killed."""
        words = ("kill", state, str(step), str(delay))
        done = self._run(self._make_command(words))
        if done.returncode not in (0, SIGKILLED, 128 - SIGKILLED):
            raise AssertionError(f"{words}: exit {done.returncode} {done.stderr}")
        return done.returncode != 0

    def cut(self, state: str, step: int, delay: float) -> bool:
        """Change the host's rules and cut the power in a step; tell whether the change was still running."""
        command = self.lab.make_command(self._make_command(("stop", state, str(step), str(delay))))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            is_stopped = process.stdout.readline() != ""
            self.boot()
        return is_stopped

    def read_third_party(self) -> str:
        """Return the rules and files of third parties."""
        return self.run(f"sh /root/own_rules.sh show {self.system}") + self.run(FILES)

    def look(self) -> Found:
        """Return the state of the host, and the differences from it."""
        found: Found = json.loads(self.run_program("look"))
        return found

    def boot(self) -> None:
        """Cut the power and turn it on again."""
        container = Paths(SCENARIO).name_container(self.lab.name)
        for words in (("kill",), ("wait",), ("container", "cleanup")):  # which removes the network with its rules
            run_podman(*words, container, netns=Paths(SCENARIO).netns)
        lab = [sys.executable, str(HERE.parent / "lab" / "lab.py"), "reboot", str(HERE), self.lab.name]
        subprocess.run(lab, check=True, capture_output=True)

    def prepare(self) -> None:
        """Install the programs, and load third-party rules that the host also loads at boot."""
        self.lab.install()
        for program in (
            HERE / "killed.py",
            HERE / "processes.py",
            HERE / "bans.py",
            HERE.parent / "backends" / "own_rules.sh",
        ):
            text = program.read_text(encoding="utf-8")
            subprocess.run(self.lab.make_command(f"cat >/root/{program.name}"), input=text, text=True, check=True)
        self.run(SET[self.system])
        self.run(SAVE[self.system])
        self.boot()

    def _make_command(self, words: tuple[str, ...]) -> str:
        return f"PYTHONPATH={PLACE} exec python3 /root/killed.py " + " ".join(f"'{word}'" for word in words)

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.lab.make_command(command), capture_output=True, text=True, check=False)


def list_points() -> Iterator[Point]:
    """Yield the points: each change in turn, at parts that are spread over its steps."""
    for total, afters in ((KILLS, KILLED), (CUTS, CUT)):
        for number in range(total):
            change = CHANGES[number % len(CHANGES)]
            yield Point(change, (number + 0.5) / total, afters[number // len(CHANGES) % len(afters)])


def try_change(host: Host, point: Point, steps: list[float]) -> str:
    """Set the old state, add a ban that is not saved, and end the change at a point; return the state after it."""
    host.set_state(point.change[0])
    booted = host.read_third_party()
    host.run(BAN[host.system])
    return try_point(host, point, steps, ThirdParty(booted, host.read_third_party()))


def try_point(host: Host, point: Point, steps: list[float], rules: ThirdParty) -> str:
    """End a change at a point; return the state of the host after it."""
    new = point.change[1]
    step = int(point.part * len(steps))
    # Half of the processes end before the step, the other half during the step.
    delay = max(0.0, 2 * (point.part * len(steps) - step) - 1) * steps[step]
    before = host.look()
    end = host.cut if point.after == "power cut" else host.kill
    ended = end(new, step, delay)
    if point.after == "power cut in the rollback":
        time.sleep(point.part * ROLLBACK_SECONDS)
        host.boot()
    elif point.after == "next run":
        host.run_program("change", new)
    elif point.after == "timer":
        # A killed run whose change is not complete is rolled back without the timer.
        wait(host, lambda found: found["state"] in point.states and not found["live"])
        host.run_program("timer")
    expected = (new,) if point.after == "next run" or not ended else point.states
    # A run killed before the change has its id changes nothing. The next run or boot removes its remains.
    waits = "armed" if point.after == "timer" else "pending"
    found = wait(host, lambda found: found["state"] in expected and not (found["live"] or found[waits])
                 and is_loaded_at_boot(found, before))  # fmt: skip
    compare_rules(rules.booted if point.after in CUT else rules.running, host.read_third_party())
    try_boot(host, str(found["state"]), before)
    compare_rules(rules.booted, host.read_third_party())
    return f"{'ended' if ended else 'done'}, then {found['state']}"


def try_boot(host: Host, state: str, before: Found) -> None:
    """Boot, and run the same change again: the state stays, and the remains of the ended run are removed."""
    host.boot()
    wait(host, lambda found: found["state"] == state and not (found["live"] or found["pending"])
         and is_loaded_at_boot(found, before))  # fmt: skip
    host.run_program("change", state)
    found = host.look()
    if found["state"] != state or any(found[key] for key in ("live", "boot", "left", "pending")):
        raise AssertionError(f"after the next run: {found}")
    if state == "none" and (traces := host.run(TRACES)):
        raise AssertionError(f"left without rules: {traces}")


def try_unconfirmed(host: Host, after: str) -> str:
    """Leave several changes unconfirmed: the timer, or a power cut, restores the state before the first change."""
    host.set_state("rules")
    booted = host.read_third_party()
    host.run(BAN[host.system])
    rules = {"timer": host.read_third_party(), "power cut": booted}[after]
    for state in LEFT[host.system]:
        host.run_program("leave", state)
        if (found := host.look()["state"]) != state:
            raise AssertionError(f"the change to {state} had no effect: {found}")
    if after == "timer":
        host.run_program("timer")
    else:
        host.boot()
    wait(host, lambda found: found["state"] == "rules" and not any(found[key] for key in ("live", "boot", "pending")))
    compare_rules(rules, host.read_third_party())
    if after == "timer":
        host.boot()
    return "rules"


def try_other_manager(host: Host) -> str:
    """Leave a change of nftables unconfirmed after one of firewalld: the timer restores the rules of firewalld."""
    host.set_state("rules")
    rules = host.read_third_party()
    host.run_program("leave", "other rules")
    host.run("systemctl --quiet disable --now firewalld")
    host.run_program("leave", "other members", "nftables")
    host.run("systemctl --quiet enable --now firewalld")
    host.run_program("timer")
    wait(host, lambda found: found["state"] == "rules" and not any(found[key] for key in ("live", "boot", "pending")))
    compare_rules(rules, host.read_third_party())
    host.boot()
    wait(host, lambda found: found["state"] == "rules" and not found["live"])
    compare_rules(rules, host.read_third_party())
    return "rules"


def is_loaded_at_boot(found: Found, before: Found) -> bool:
    """Tell whether a boot loads the state; a rollback does not change the files that a third party saved."""
    return not found["boot"] or (found["state"], found["boot"]) == (before["state"], before["boot"])


def wait(host: Host, holds: Callable[[Found], bool]) -> Found:
    """Wait until a condition holds for the host; return its state."""
    deadline = time.monotonic() + PATIENCE
    while not holds(found := host.look()):
        if time.monotonic() > deadline:
            raise AssertionError(str(found))
        time.sleep(0.5)
    return found


def compare_rules(expected: str, actual: str) -> None:
    """Raise AssertionError if third-party rules or files differ."""
    lines = [*difflib.unified_diff(expected.splitlines(), actual.splitlines(), "expected", "actual", lineterm="", n=0)]
    if lines:
        raise AssertionError("third-party rules or files changed:\n" + "\n".join(lines))


def list_trials(host: Host, steps: dict[tuple[str, str], list[float]]) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield the trials of a host in their order, with their names."""
    for after in UNCONFIRMED:
        yield f"several unconfirmed changes, {after}", partial(try_unconfirmed, host, after)
    if host.system == "firewalld":
        yield "unconfirmed changes of firewalld and nftables", partial(try_other_manager, host)
    for point in list_points():
        seconds = steps[point.change]
        place = f"{' to '.join(point.change)}, {point.part:.0%} of {len(seconds)} steps, {point.after}"
        yield place, partial(try_change, host, point, seconds)
    if host.system == "iptables":
        yield "boots with rules that a third party saved", partial(try_boots, host)


def try_system(system: str) -> list[str]:
    """Kill at all points on the host of a firewall system; return the failures."""
    host, failures = Host(system), []
    host.prepare()
    if system == "firewalld":
        for program in ("processes.py", "bans.py"):
            print(f"{system}: {program}", host.run(f"PYTHONPATH={PLACE} python3 /root/{program}"), sep="\n", flush=True)
    steps = {}
    for change in CHANGES:
        host.set_state(change[0])
        steps[change] = host.set_state(change[1])
    for place, trial in list_trials(host, steps):
        began = time.monotonic()
        try:
            outcome = trial()
        except AssertionError as failure:
            outcome = f"FAILED: {failure}"
            failures.append(f"{system}: {place}: {failure}")
            host.boot()
        print(f"{system}: {place}: {outcome} ({time.monotonic() - began:.1f} s)", flush=True)
    host.run_program("change", "none")
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

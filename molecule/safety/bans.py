# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a host with real firewalld: adds bans of each kind while a run reloads firewalld. bans.py [NUMBER [PAUSE]]

NUMBER is the least number of bans of each kind, PAUSE the seconds between two of them. No ban may be lost in the kernel, also
after another run that reloads firewalld, and members with a timeout keep their remaining time. Exit status 1, with a line
for each kind of which bans were lost.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from ipaddress import ip_network

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import Guard, confirm, converge

LEAST = 20
PAUSE = 0.1
SECONDS = 1000  # the remaining time of members that were added before the runs
ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]}
RULES = ruleset_from_data({"allow": [ENTRY], "sets": {"friends": {"ipv4": ["10.0.1.2/32"], "ipv6": []}}})
# firewalld creates an ipset in the kernel only if it has a direct rule.
PREPARE = """
firewall-cmd --quiet --permanent --new-ipset=timed --type=hash:ip --option=timeout=3600
firewall-cmd --quiet --permanent --new-ipset=untimed --type=hash:ip
firewall-cmd --quiet --permanent --direct --add-rule ipv4 filter INPUT 0 -m set --match-set timed src -j DROP
firewall-cmd --quiet --reload
ipset create outside hash:ip timeout 3600
iptables -I INPUT 1 -m set --match-set outside src -j DROP
ipset add timed 192.0.2.1 timeout %(seconds)d
ipset add outside 192.0.2.1 timeout %(seconds)d
"""
RESTORE = """
firewall-cmd --quiet --permanent --direct --remove-rule ipv4 filter INPUT 0 -m set --match-set timed src -j DROP
firewall-cmd --quiet --permanent --delete-ipset=timed
firewall-cmd --quiet --permanent --delete-ipset=untimed
firewall-cmd --quiet --reload
iptables --flush INPUT
ipset destroy outside
"""
BUS = "busctl call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1"
NFT = "nft list table inet firewalld"
# The command that adds a ban, and the commands that list the bans in the kernel.
KINDS = {
    "entry of an ipset of firewalld with a timeout": (
        f"{BUS}.ipset addEntry ss timed @", "nft list set inet firewalld timed", "ipset save timed"),
    "entry of an ipset of firewalld": (
        f"{BUS}.ipset addEntry ss untimed @", "nft list set inet firewalld untimed", "ipset save untimed"),
    "rich rule": (f"{BUS}.zone addRichRule ssi drop 'rule family=ipv4 source address=@ drop' 0", NFT),
    "source of a zone": (f"{BUS}.zone addSource ss drop @", NFT),
    "direct rule": (f"{BUS}.direct addRule sssias -- ipv4 filter INPUT 0 4 -s @ -j DROP", "iptables-save"),
    "member of an ipset with a timeout": (f"ipset add outside @ timeout {SECONDS}", "ipset save outside"),
    "iptables -I INPUT": ("iptables --wait -I INPUT 1 -s @ -j DROP", "iptables-save"),
}  # fmt: skip
TIMED = ("timed", "outside")


def run(command):
    """Return the output of a shell command that must succeed."""
    done = subprocess.run(["sh", "-euc", command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command}: exit {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout


class Bans(threading.Thread):
    """Bans of a kind, added one after another until `ended` is set."""

    def __init__(self, kind, network, pace, ended):
        super().__init__()
        self.addresses, self.failure = [], None
        self._add = KINDS[kind][0]
        self._candidates = map(str, ip_network(network).hosts())
        self._least, self._pause = pace
        self._ended = ended

    def run(self):
        for address in self._candidates:
            if len(self.addresses) >= self._least and self._ended.is_set():
                return
            try:
                run(self._add.replace("@", address))
            except AssertionError as failed:
                self.failure = str(failed)
                return
            self.addresses.append(address)
            time.sleep(self._pause)


@contextmanager
def add_bans(pace):
    """Add bans of each kind while the block is executed; yield them by kind."""
    ended = threading.Event()
    bans = {kind: Bans(kind, f"198.18.{8 * number}.0/21", pace, ended) for number, kind in enumerate(KINDS)}
    for thread in bans.values():
        thread.start()
    try:
        yield bans
    finally:
        ended.set()
        for thread in bans.values():
            thread.join()


def change(want):
    """Run both phases of the module."""
    host = Host()
    outcome = converge(choose(host, "firewalld").backend, want, Guard(Rollback(host), 600), check_mode=False)
    if outcome.transaction:
        confirm(choose(host, "firewalld").backend, want, Rollback(host), outcome.transaction, keep=True)


def find_failures(bans, began):
    """Yield a line for each kind of which bans are missing in the kernel, and for each changed remaining time."""
    for kind, thread in bans.items():
        if thread.failure:
            yield f"{kind}: {thread.failure}"
        for command in KINDS[kind][1:]:
            listed = {*re.findall(r"[\d.]+", run(command))}
            lost = [address for address in thread.addresses if address not in listed]
            if lost:
                yield f"{kind}: {len(lost)} of {len(thread.addresses)} bans lost in {command}: {' '.join(lost)}"
    for name in TIMED:
        found = re.search(r"192\.0\.2\.1 timeout (\d+)", run(f"ipset save {name}"))
        left = int(found[1]) if found else 0
        if not SECONDS - (time.monotonic() - began) - 2 <= left <= SECONDS:
            yield f"ipset {name}: the remaining time of 192.0.2.1 is {left} s"


def main(least=LEAST, pause=PAUSE):
    began = time.monotonic()
    run(PREPARE % {"seconds": SECONDS})
    try:
        with add_bans((int(least), float(pause))) as bans:
            change(RULES)
        counts = [len(thread.addresses) for thread in bans.values()]
        print(f"{counts} bans of each kind in {time.monotonic() - began:.1f} s", flush=True)
        failures = [f"first run: {line}" for line in find_failures(bans, began)]
        change(None)
        failures += [f"removal: {line}" for line in find_failures(bans, began)]
    finally:
        run(RESTORE)
    print(*failures, f"{len(failures)} failures", sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

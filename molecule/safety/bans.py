# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a host with real firewalld: adds bans of each kind while a run reloads firewalld. bans.py [NUMBER [PAUSE]]

NUMBER is the least number of bans of each kind, PAUSE the seconds between two of them. No ban may be lost in the kernel, also
after another run that reloads firewalld, and members with a timeout keep their remaining time: IPv4 and IPv6. Exit status 1,
with a line for each kind of which bans were lost.
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
CREATE = """
firewall-cmd --quiet --permanent --new-ipset=timed-{family} --type=hash:ip --family={inet} --option=timeout=3600
firewall-cmd --quiet --permanent --new-ipset=untimed-{family} --type=hash:ip --family={inet}
firewall-cmd --quiet --permanent --direct --add-rule {family} filter INPUT 0 -m set --match-set timed-{family} src -j DROP
"""
RELOAD = "firewall-cmd --quiet --reload"
PREPARE = """
ipset create outside-{family} hash:ip family {inet} timeout 3600
{iptables} -I INPUT 1 -m set --match-set outside-{family} src -j DROP
ipset add timed-{family} {before} timeout {seconds}
ipset add outside-{family} {before} timeout {seconds}
"""
RESTORE = """
firewall-cmd --quiet --permanent --direct --remove-rule {family} filter INPUT 0 -m set --match-set timed-{family} src -j DROP
firewall-cmd --quiet --permanent --delete-ipset=timed-{family}
firewall-cmd --quiet --permanent --delete-ipset=untimed-{family}
{iptables} --flush INPUT
ipset destroy outside-{family}
"""
FAMILIES = (
    {"family": "ipv4", "inet": "inet", "iptables": "iptables", "before": "192.0.2.1", "banned": "198.18.{}.0/21"},
    {
        "family": "ipv6",
        "inet": "inet6",
        "iptables": "ip6tables",
        "before": "2001:db8::1",
        "banned": "fd00:{}::/117",
    },
)
BUS = "busctl call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1"
NFT = "nft list table inet firewalld"
# The command that adds a ban, and the commands that list the bans in the kernel.
KINDS = {
    "entry of an ipset of firewalld with a timeout": (
        BUS + ".ipset addEntry ss timed-{family} @", "nft list set inet firewalld timed-{family}", "ipset save timed-{family}"),
    "entry of an ipset of firewalld": (
        BUS + ".ipset addEntry ss untimed-{family} @", "nft list set inet firewalld untimed-{family}",
        "ipset save untimed-{family}"),
    "rich rule": (BUS + ".zone addRichRule ssi drop 'rule family={family} source address=@ drop' 0", NFT),
    "source of a zone": (BUS + ".zone addSource ss drop @", NFT),
    "direct rule": (BUS + ".direct addRule sssias -- {family} filter INPUT 0 4 -s @ -j DROP", "{iptables}-save"),
    "member of an ipset with a timeout": ("ipset add outside-{family} @ timeout {seconds}", "ipset save outside-{family}"),
    "iptables -I INPUT": ("{iptables} --wait -I INPUT 1 -s @ -j DROP", "{iptables}-save"),
}  # fmt: skip
TIMED = ("timed", "outside")


def run(command):
    """Return the output of a shell command that must succeed."""
    done = subprocess.run(["sh", "-euc", command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command}: exit {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout


class Bans(threading.Thread):
    """Bans that a command adds one after another until `ended` is set."""

    def __init__(self, command, network, pace, ended):
        super().__init__()
        self.addresses, self.failure = [], None
        self._add = command
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


def fill(command, family):
    """Return a command of this program for one of FAMILIES."""
    return command.format(**family, seconds=SECONDS)


def run_for_families(command):
    """Run a command of this program once for each of FAMILIES, or once if it is the same for all."""
    for filled in dict.fromkeys(fill(command, family) for family in FAMILIES):
        run(filled)


@contextmanager
def add_bans(pace):
    """Add bans of each kind and family while the block is executed; yield (kind, family, bans) for each."""
    ended = threading.Event()
    bans = [
        (kind, family, Bans(fill(KINDS[kind][0], family), family["banned"].format(8 * number), pace, ended))
        for number, kind in enumerate(KINDS)
        for family in FAMILIES
    ]
    for _kind, _family, thread in bans:
        thread.start()
    try:
        yield bans
    finally:
        ended.set()
        for _kind, _family, thread in bans:
            thread.join()


def change(want):
    """Run both phases of the module."""
    host = Host()
    outcome = converge(choose(host, "firewalld").backend, want, Guard(Rollback(host), 600), check_mode=False)
    if outcome.transaction:
        confirm(choose(host, "firewalld").backend, want, Rollback(host), outcome.transaction, keep=True)


def find_failures(bans, began):
    """Yield a line for each kind of which bans are missing in the kernel, and for each changed remaining time."""
    for kind, family, thread in bans:
        label = f"{family['family']} {kind}"
        if thread.failure:
            yield f"{label}: {thread.failure}"
        for command in KINDS[kind][1:]:
            filled = fill(command, family)
            listed = {*re.findall(r"[\da-f.:]+", run(filled))}
            lost = [address for address in thread.addresses if address not in listed]
            if lost:
                yield f"{label}: {len(lost)} of {len(thread.addresses)} bans lost in {filled}: {' '.join(lost)}"
    for family in FAMILIES:
        for name in TIMED:
            found = re.search(rf"{family['before']} timeout (\d+)", run(f"ipset save {name}-{family['family']}"))
            left = int(found[1]) if found else 0
            if not SECONDS - (time.monotonic() - began) - 2 <= left <= SECONDS:
                yield f"ipset {name}-{family['family']}: the remaining time of {family['before']} is {left} s"


def main(least=LEAST, pause=PAUSE):
    began = time.monotonic()
    for command in (CREATE, RELOAD, PREPARE):
        run_for_families(command)
    try:
        with add_bans((int(least), float(pause))) as bans:
            change(RULES)
        counts = [len(thread.addresses) for _kind, _family, thread in bans]
        print(f"{counts} bans of each kind and family in {time.monotonic() - began:.1f} s", flush=True)
        failures = [f"first run: {line}" for line in find_failures(bans, began)]
        change(None)
        failures += [f"removal: {line}" for line in find_failures(bans, began)]
    finally:
        for command in (RESTORE, RELOAD):
            run_for_families(command)
    print(*failures, f"{len(failures)} failures", sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a host with real firewalld and systemd: counts the child processes of runs with 500 peers.

tests/netns/test_backends.py counts them with the other systems. Prints the programs; more than MOST end it.
"""

from __future__ import annotations

import sys

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import Guard, confirm, converge

MOST = 7
PEERS = [f"10.{20 + number // 250}.0.{number % 250}/32" for number in range(500)]


def make_ruleset(peers, port=7946):
    entry = {"listener": "cluster", "protocol": "tcp", "port": port, "address": None, "sources": ["peers"]}
    return ruleset_from_data({"allow": [entry], "sets": {"peers": {"ipv4": peers, "ipv6": ["fd00::/64"]}}})


RUNS = {
    "first": make_ruleset(PEERS),
    "unchanged": make_ruleset(PEERS),
    "a peer is removed": make_ruleset(PEERS[1:]),
    "another port and peers": make_ruleset(PEERS[2:], port=7947),
}


def change(want):
    """Run both phases of the module; tell whether anything changed."""
    host = Host()
    outcome = converge(choose(host, "firewalld").backend, want, Guard(Rollback(host), 600), check_mode=False)
    if outcome.transaction:
        confirm(choose(host, "firewalld").backend, want, Rollback(host), outcome.transaction, keep=True)
    return outcome.changed


def main():
    started = []
    sys.addaudithook(lambda event, words: started.append(words[1][0]) if event == "subprocess.Popen" else None)
    for name, want in RUNS.items():
        started.clear()
        assert change(want) == (name != "unchanged"), name
        print(name, *started, flush=True)
        assert len(started) <= MOST, f"{name}: {started}"
    change(None)


if __name__ == "__main__":
    main()

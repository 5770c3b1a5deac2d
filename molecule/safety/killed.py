# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a host of the lab, called by kills.py: changes the host's rules, and dies on the way if it is told to.

    killed.py change STATE          make the host's rules those of STATE; print the number of steps
    killed.py die STATE STEP        the same, but this process kills itself before its STEP-th step
    killed.py timer                 do what the timer does when its time is up
    killed.py look                  print as JSON which state the host has, and what differs from it

A step is an act upon the host, or a change that firewalld is asked for over D-Bus.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import PENDING, Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import Guard, confirm, converge

ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]}
SETS = {"friends": {"ipv4": ["10.0.1.2/32"], "ipv6": ["fd00:1::2/128"]}}
MORE = {"friends": {"ipv4": ["10.0.1.3/32"], "ipv6": ["fd00:1::2/128", "fd00:1::3/128"]}}
STATES = {
    "none": None,
    "rules": {"allow": [ENTRY], "sets": SETS},
    "other rules": {"allow": [{**ENTRY, "sources": []}, {**ENTRY, "port": 7946}], "sets": SETS},
    "other members": {"allow": [ENTRY], "sets": MORE},
}
ACTS = ("run", "call", "detach", "write", "copy", "move", "link", "make_directory", "remove", "remove_tree", "reserve")


class Steps:
    """Counts the steps of this process; the one with the number `last` is not made, because the process dies."""

    def __init__(self, last: int | None) -> None:
        self.made = 0
        self._last = last

    def counted(self, act, counts=lambda *_words: True):
        """Return the act with its steps counted."""

        def done(*words, **named):
            if counts(*words):
                if self.made == self._last:
                    os.kill(os.getpid(), signal.SIGKILL)
                self.made += 1
            return act(*words, **named)

        return done


def ruleset(state):
    data = STATES[state]
    return None if data is None else ruleset_from_data(data)


def backend(host):
    """Return the backend; the system is that of the host's name, as iptables is used only if it is asked for."""
    system = os.uname().nodename.partition("-")[2]
    return choose(host, system).backend


def changes(_interface, method, *_words):
    """Tell whether a call of firewalld changes something."""
    return method.startswith(("add", "remove", "set", "reload"))


def change(state, last=None):
    """Make both halves of what the module does, and return the number of steps."""
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld import session  # noqa: PLC0415

    host, steps, connect = Host(), Steps(last), session.connect
    for act in ACTS:
        setattr(host, act, steps.counted(getattr(host, act)))
    session.connect = lambda: steps.counted(connect(), changes)
    outcome = converge(backend(host), ruleset(state), Guard(Rollback(host), 600), check_mode=False)
    if outcome.transaction:
        confirm(backend(host), ruleset(state), Rollback(host), outcome.transaction, keep=True)
    return steps.made


def timer():
    """Do what the timer does."""
    pending = Rollback(Host()).pending()
    if pending:
        Rollback(Host()).undo(pending)


def look():
    """Return the states that the host has, live and at boot, and what differs."""
    host = Host()
    found = backend(host)
    live = found.read()
    names = [name for name in STATES if ruleset(name) == live.ruleset]
    return {
        "state": names[0] if names else "a mixture",
        "live": live.drift,
        "boot": found.stale(ruleset(names[0])) if names else (),
        "pending": Path(PENDING).exists(),
        "armed": Rollback(host).pending() is not None,
    }


def main(command, *words):
    if command == "change":
        print(change(words[0]))
    elif command == "die":
        change(words[0], int(words[1]))
    elif command == "timer":
        timer()
    else:
        print(json.dumps(look()))


if __name__ == "__main__":
    main(*sys.argv[1:])

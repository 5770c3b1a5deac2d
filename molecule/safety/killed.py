# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a host of the lab for kills.py: changes the host's rules, and can end during the change.

    killed.py change STATE          apply the rules of STATE; print the seconds of each step as a JSON list
    killed.py kill STATE STEP DELAY the same, but the process kills itself DELAY seconds after the begin of its STEP-th step
    killed.py stop STATE STEP DELAY the same, but the process prints a line and does nothing more
    killed.py leave STATE [SYSTEM]  apply the rules of STATE, and do not confirm the change
    killed.py timer                 roll back like the timer when its time is up
    killed.py look                  print as JSON the state of the host, and the differences from it

A step is an act on the host, or a call over D-Bus that changes firewalld. Without a delay the step is not made.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
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
    "other sets": {"allow": [{**ENTRY, "sources": ["ops"]}], "sets": {"ops": SETS["friends"]}},
    "published port": {"allow": [ENTRY, {**ENTRY, "port": 8444, "published": True}], "sets": SETS},
}
ACTS = (
    "run", "call", "detach", "write", "copy", "move", "link", "make_directory", "remove", "remove_empty", "remove_tree",
    "reserve",
)  # fmt: skip


def kill():
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop():
    """Print a line and stop all threads of this process, also the threads that wait for the interpreter.

    A real SIGSTOP would stop nsenter(1) as well, and a stopped nsenter delays the end of the container.
    """
    print("stopped", flush=True)
    ctypes.PyDLL(None).pause()  # a PyDLL keeps the lock of the interpreter


class Steps:
    """A counter of this process's steps, which ends this process in the step with the number `last`."""

    def __init__(self, last=None, delay=0.0, end=stop):
        self.seconds = []
        self._last = last
        self._delay = delay
        self._end = end

    def count(self, act, counts=lambda *_words: True):
        """Return the act with its steps counted."""

        def act_and_count(*words, **named):
            if not counts(*words):
                return act(*words, **named)
            step = len(self.seconds)
            self.seconds.append(0.0)
            if step == self._last and self._delay:
                threading.Timer(self._delay, self._end).start()
            elif step == self._last:
                self._end()
            began = time.monotonic()
            try:
                return act(*words, **named)
            finally:
                self.seconds[step] = time.monotonic() - began

        return act_and_count


def make_ruleset(state):
    data = STATES[state]
    return None if data is None else ruleset_from_data(data)


def choose_backend(host, system=None):
    """Return the backend of a system, by default of the system in the host's name, because iptables is used only on request."""
    return choose(host, system or os.uname().nodename.partition("-")[2]).backend


def is_change(_interface, method, *_words):
    """Tell whether a call of firewalld changes something."""
    return method.startswith(("add", "remove", "set", "reload"))


def change(state, steps):
    """Run both phases of the module."""
    from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import session  # noqa: PLC0415

    host, connect = Host(), session.connect
    for act in ACTS:
        setattr(host, act, steps.count(getattr(host, act)))
    session.connect = lambda: steps.count(connect(), is_change)
    outcome = converge(choose_backend(host), make_ruleset(state), Guard(Rollback(host), 600), check_mode=False)
    if outcome.transaction:
        confirm(choose_backend(host), make_ruleset(state), Rollback(host), outcome.transaction, keep=True)


def leave(state, system=None):
    """Run only the first phase of the module, like a run whose controller loses the host."""
    host = Host()
    converge(choose_backend(host, system), make_ruleset(state), Guard(Rollback(host), 600), check_mode=False)


def fire_timer():
    """Roll back like the timer."""
    pending = Rollback(Host()).find_pending()
    if pending:
        Rollback(Host()).undo(pending)


def look():
    """Return the state of the host, live and at boot, with the differences."""
    host = Host()
    found = choose_backend(host)
    live = found.read()
    names = [name for name in STATES if make_ruleset(name) == live.ruleset]
    return {
        "state": names[0] if names else "a mixture",
        "live": live.drift,
        "boot": found.compare_persisted(make_ruleset(names[0])) if names else (),
        "left": Rollback(host).find_leftovers(make_ruleset(names[0])) if names else (),
        "pending": Path(PENDING).exists(),
        "armed": Rollback(host).find_pending() is not None,
    }


def main(command, *words):
    if command == "change":
        steps = Steps()
        change(words[0], steps)
        print(json.dumps(steps.seconds))
    elif command in ("kill", "stop"):
        state, step, delay = words
        change(state, Steps(int(step), float(delay), {"kill": kill, "stop": stop}[command]))
    elif command == "leave":
        leave(*words)
    elif command == "timer":
        fire_timer()
    else:
        print(json.dumps(look()))


if __name__ == "__main__":
    main(*sys.argv[1:])

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a host with real firewalld and systemd: a change that is killed at any of its steps, and what comes of it.

    kills.py START    # the first point has the START-th of the three aftermaths, the next one the next

tests/netns/test_transaction.py does the same with the other systems. Prints what was tried; any difference ends it.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld import session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import FIREWALLD_SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import NAME, PENDING, Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import Guard, confirm, converge

EARLY = "gatehouse-kong-firewall.service"
ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]}
SETS = {"friends": {"ipv4": ["10.0.1.2/32"], "ipv6": ["fd00:1::2/128"]}}
MORE = {"friends": {"ipv4": ["10.0.1.3/32"], "ipv6": ["fd00:1::2/128", "fd00:1::3/128"]}}
ONE = {"allow": [ENTRY], "sets": SETS}
PAIRS = {
    "first rules, removal": (None, ONE),
    "other rules": (ONE, {"allow": [{**ENTRY, "sources": []}, {**ENTRY, "port": 7946}], "sets": SETS}),
    "other members": (ONE, {"allow": [ENTRY], "sets": MORE}),
}
ACTS = ("run", "call", "detach", "write", "copy", "move", "link", "make_directory", "remove", "remove_tree", "reserve")


def rules(data):
    return None if data is None else ruleset_from_data(data)


def dying(act, left, counts=lambda *_words: True):
    """The act, but this process dies before one that counts when none is left."""

    def done(*words, **named):
        if counts(*words) and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*words, **named)

    return done


def before_an_act(step):
    """A host where this process dies before its step-th act upon it."""
    host, left = Host(), iter(range(step))
    for act in ACTS:
        setattr(host, act, dying(getattr(host, act), left))
    return host


def before_a_call(step):
    """A host where this process dies before it has firewalld change something for the step-th time."""
    connect, left = session.connect, iter(range(step))
    session.connect = lambda: dying(connect(), left, changes)
    return Host()


def changes(_interface, method, *_words):
    return method.startswith(("add", "remove", "set", "change", "reload"))


def change(host, data):
    """Both halves of what the module does."""
    outcome = converge(choose(host, "firewalld").backend, rules(data), Guard(Rollback(host), 600), check_mode=False)
    if outcome.transaction:
        confirm(choose(host, "firewalld").backend, rules(data), Rollback(host), outcome.transaction, keep=True)
    return outcome.changed


def dies(kind, step, data):
    """Change in a process of its own, as D-Bus wants no other; tell whether it was killed."""
    status = subprocess.run(
        [sys.executable, __file__, kind.__name__, str(step), json.dumps(data)], check=False
    ).returncode
    assert status in (0, -signal.SIGKILL), status
    return status != 0


def wait_until_whole(old, new):
    """The host does not wait for the time-out where the run died before all of its change was made."""
    deadline = time.monotonic() + 60
    while not whole(old, new):
        assert time.monotonic() < deadline, "still a mixture"
        time.sleep(0.2)


def timer(_data):
    """What the timer runs."""
    pending = Rollback(Host()).pending()
    if pending:
        Rollback(Host()).undo(pending)


def reboot(_data):
    """What a boot does: the kernel is empty, and the way back, where it is linked, comes before firewalld."""
    command("systemctl", "stop", "firewalld")
    # One that ends by itself meanwhile is no unit any more.
    subprocess.run(["systemctl", "stop", f"{NAME}-*.timer", f"{NAME}-*.service"], check=False, capture_output=True)
    command("nft", "flush", "ruleset")
    command("systemctl", "daemon-reload")
    if Path(f"/etc/systemd/system/sysinit.target.wants/{NAME}.service").is_symlink():
        command("systemctl", "start", f"{NAME}.service")
        command("systemctl", "daemon-reload")
    if Path(f"/etc/systemd/system/sysinit.target.wants/{EARLY}").is_symlink():
        command("systemctl", "restart", EARLY)
    command("systemctl", "start", "firewalld")


def next_run(data):
    change(Host(), data)
    assert not change(Host(), data)


def command(*argv):
    subprocess.run(argv, check=True, capture_output=True)


def whole(old, new):
    live = choose(Host(), "firewalld").backend.read()
    return live.ruleset in (rules(old), rules(new)) and not live.drift


def is_state(data):
    """Whether the host has exactly this, live and at boot."""
    backend = choose(Host(), "firewalld").backend
    live = backend.read()
    return (live.ruleset, live.drift, backend.stale(rules(data))) == (rules(data), (), ())


def others():
    """Return the third-party runtime configuration, which a reload would lose; comments of iptables-save have the time."""
    found = session._record(session.connect(), tuple(FIREWALLD_SET_PREFIX.values()))  # noqa: SLF001
    tables = {program: session._tables(saved) for program, saved in found["iptables"].items()}  # noqa: SLF001
    return json.dumps([sorted(map(json.dumps, found["calls"])), found["entries"], tables], sort_keys=True)


def set_without_permanent():
    """One of each kind that a reload would lose."""
    direct = ["--direct", "--add-rule", "ipv4", "filter", "INPUT", "0", "-s", "192.0.2.9", "-j", "DROP"]
    forward = "--add-forward-port=port=10051:proto=tcp:toport=10052"
    for words in (["--add-port=10050/tcp"], ["--add-masquerade"], [forward], direct):
        command("firewall-cmd", "--quiet", *words)


def try_one(name, kind, old, new, step, after):
    """Kill at one point; tell whether there was anything to kill, and what the host has then."""
    set_without_permanent()
    before = others()
    killed = dies(kind, step, new)
    waits, armed = Path(PENDING).exists(), Rollback(Host()).pending()
    mixed = not whole(old, new)
    assert not mixed or armed, "a mixture, and no way back"
    if after is timer:
        wait_until_whole(old, new)
    after(new)
    place = f"{name}, {kind.__name__} {step}, {after.__name__}"
    expected = [new] if after is next_run or not killed else [old] if waits else [old, new]
    found = [data for data in expected if is_state(data)]
    assert found, (
        f"{place}: {choose(Host(), 'firewalld').backend.read()} {choose(Host(), 'firewalld').backend.stale(rules(old))}"
    )
    assert not Path(PENDING).exists() or (armed is None and after is timer), place
    assert after is reboot or others() == before, f"{place}: {before}\n{others()}"
    print(f"{place}: {'killed' if killed else 'done'}{', mixed at first' if mixed else ''}", flush=True)
    return killed, found[0]


LEAST = {before_an_act: 20, before_a_call: 1}


def rounds(start):
    """Every pair, each kind of death, each step with the next aftermath; the end of a round is the change that lived."""
    for (name, pair), kind in itertools.product(PAIRS.items(), (before_an_act, before_a_call)):
        change(Host(), pair[0])
        at, points = pair[0], 0
        for step in itertools.count():
            old, new = pair if at == pair[0] else pair[::-1]
            after = (timer, next_run, reboot)[(start + step) % 3]
            killed, at = try_one(name, kind, old, new, step, after)
            if not killed and old == pair[0]:
                break
            points += killed
        assert points >= LEAST[kind], f"{name}: {points} points"
        yield name, kind.__name__, points


def main():
    began = time.monotonic()
    try:
        for result in rounds(int(sys.argv[1])):
            print(*result, f"{time.monotonic() - began:.0f} s", flush=True)
    finally:
        Rollback(Host()).undo(Rollback(Host()).pending() or "")
    change(Host(), None)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        change(globals()[sys.argv[1]](int(sys.argv[2])), json.loads(sys.argv[3]))
    else:
        main()

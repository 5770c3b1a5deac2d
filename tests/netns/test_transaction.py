# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change that is killed before each of its steps, and the repair by timer, boot or next run, on a real kernel."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.backend import Nftables
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction import rollback_script
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import (
    PENDING,
    STATE,
    UNFINISHED,
    Rollback,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import Guard, confirm, converge
from ansible_collections.gatehouse.kong.tests.netns.nodes import Node

ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]}
SETS = {"friends": {"ipv4": ["10.0.1.2/32"], "ipv6": ["fd00:1::2/128"]}}
ONE = {"allow": [ENTRY], "sets": SETS}
OTHER = {"allow": [{**ENTRY, "sources": []}, {**ENTRY, "port": 7946}], "sets": SETS}
FAMILY_PROGRAM = {"ipv4": "iptables", "ipv6": "ip6tables"}
MORE = {"allow": [ENTRY, {**ENTRY, "listener": "proxy", "port": 8000, "sources": "any"}], "sets": SETS}

# The minimum number of steps before which a run can be killed.
LEAST = {
    ("nftables", "first"): 20, ("nftables", "other rules"): 20, ("nftables", "removal"): 14,
    ("iptables-nft", "first"): 20, ("iptables-nft", "other rules"): 20, ("iptables-nft", "removal"): 14,
    ("ufw", "first"): 14, ("ufw", "other rules"): 14, ("ufw", "removal"): 14,
}  # fmt: skip
CHANGES = {"first": (None, ONE), "other rules": (ONE, OTHER), "removal": (ONE, None)}


def parse_rules(data):
    return None if data is None else ruleset_from_data(data)


def kill_before(host, acts, step):
    """Kill this process before the given number of these acts."""
    left = iter(range(step))

    def count_calls(act):
        def call_or_kill(*words, **named):
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*words, **named)

        return call_or_kill

    for act in acts:
        setattr(host, act, count_calls(getattr(host, act)))


ACTS = ("run", "call", "detach", "write", "copy", "move", "link", "make_directory", "remove", "remove_tree",
        "reserve")  # fmt: skip


def change(lab, host, data):
    """Execute both phases of a run of the module."""
    outcome = converge(lab.backend(host), parse_rules(data), Guard(Rollback(host), 30), check_mode=False)
    if outcome.transaction:
        confirm(lab.backend(host), parse_rules(data), Rollback(host), outcome.transaction, keep=True)


def run_until_killed(lab, data, step, acts=ACTS):
    """Execute a change in another process. Tell whether it was killed."""
    child = os.fork()
    if not child:
        try:
            kill_before(lab.host, acts, step)
            change(lab, lab.host, data)
            os._exit(0)
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status == signal.SIGKILL


def run_died(lab):
    """Run the command that the host runs when the run has ended without a confirmation."""
    pending = Rollback(lab.host).find_pending()
    if pending:
        lab.host.run("sh", str(lab.host.locate(f"{PENDING}/undo")), pending, UNFINISHED)


def run_timer(node, _data):
    """Run the command of the timer."""
    pending = Rollback(node.lab.host).find_pending()
    if pending:
        Rollback(node.lab.host).undo(pending)


def reboot(node, _data):
    node.reboot()


def check_next_run(node, data):
    change(node.lab, node.lab.host, data)
    assert not node.lab.converge(data).changed


def has_rules(lab, data):
    """Tell whether the host has exactly these rules, loaded and at boot."""
    live = lab.read()
    return (live.ruleset, live.drift) == (parse_rules(data), ()) and not lab.backend(lab.host).compare_persisted(
        parse_rules(data)
    )


def read_files(node):
    """Return all files of the node, with their content."""
    root = node.lab.host.root
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file() and path.name != "fill"}


def is_whole(node, old, new):
    """Tell whether the early part is complete: the old or the new one. Without it, the late part accepts no packet."""
    live = Nftables(node.lab.host).read()
    return live.ruleset in (parse_rules(old), parse_rules(new)) and live.drift == ()


# The events that may follow a killed run.
SEQUELS = (run_timer, reboot, check_next_run)


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("kind", ["nftables", "iptables-nft", "ufw"])
def test_a_run_killed_before_any_step_leaves_the_old_or_the_new_state(lab, tmp_path, kind, case):
    """The cases have nearly the same steps, so each step has each sequel in one of them."""
    old, new = CHANGES[case]
    for step in range(60):
        after = SEQUELS[(step + [*CHANGES].index(case)) % len(SEQUELS)]
        lab.start(tmp_path / str(step))
        node = Node(lab, kind)
        lab.converge(old)
        killed = run_until_killed(lab, new, step)
        # A change without an id has no timer. It changed nothing, and the next run or boot removes it.
        waits, armed = lab.host.locate(PENDING).exists(), Rollback(lab.host).find_pending()
        assert is_whole(node, old, new), step
        if after is run_timer:
            run_died(lab)
            assert is_whole(node, old, new), step
        after(node, new)
        if after is check_next_run or not killed:
            assert has_rules(lab, new), step
        elif waits:
            assert has_rules(lab, old), step
        else:
            assert has_rules(lab, old) or has_rules(lab, new), step
        assert (armed is None and after is run_timer) or not lab.host.locate(PENDING).exists(), step
        node.clean()
        if not killed:
            break
    assert not killed
    assert step >= LEAST[kind, case]


# The kind of the node before the change, and the firewall manager of the change. In the last case nft is installed.
HANDOVERS = [("ufw", "nftables"), ("iptables-nft", "ufw"), ("mangle-nft", "iptables")]


@pytest.mark.parametrize("kind, manager", HANDOVERS)
def test_a_handover_killed_before_any_step_leaves_one_firewall_manager(lab, tmp_path, kind, manager):
    """After the timer, a boot or the next run, only one of the managers has parts of ours."""
    for step in range(90):
        lab.start(tmp_path / str(step))
        node = Node(lab, "ufw" if "ufw" in (kind, manager) else kind)
        old, has_nft = kind.partition("-")[0].replace("mangle", "iptables"), node.has_nft
        if manager == "nftables":
            set_default(lab, "ACCEPT")  # otherwise, a conflict if nftables is the manager
        select_manager(node, old, has_nft=has_nft)
        lab.converge(ONE)
        select_manager(node, manager)
        killed = run_until_killed(lab, OTHER, step)
        assert covers(lab, 8001), step
        waits = lab.host.locate(PENDING).exists()
        after = SEQUELS[step % len(SEQUELS)]
        if after is run_timer:
            run_died(lab)
            assert covers(lab, 8001), step
        after(node, OTHER)
        is_new = has_rules(lab, OTHER)
        select_manager(node, old, has_nft=has_nft)
        is_old = has_rules(lab, ONE)
        expected = (
            (False, True) if after is check_next_run or not killed else (True, False) if waits else (is_old, is_new)
        )
        assert ((is_old, is_new) == expected, is_old != is_new) == (True, True), (step, after, is_old, is_new)
        node.clean()
        if not killed:
            break
    assert not killed
    assert step >= 20


def select_manager(node, manager, *, has_nft=True):
    """Make the next run use this firewall manager, on a host with or without nft."""
    node.has_nft = has_nft
    node.lab.backend = lambda host: choose(host, manager).backend


def covers(lab, port):
    """Tell whether the early part has rules for a port, in nftables or iptables."""
    rules = lab.run_nft("list ruleset") + lab.host.run("iptables-save", "-t", "mangle")
    return f" {port} " in rules


@pytest.mark.parametrize("script", ["undo", "layer000000/undo", "layer000001/undo"])
def test_the_rollback_can_be_killed_and_repeated(lab, tmp_path, script):
    """Kill it after each line of the script, or of the parts that undo two changes. The next boot completes it."""
    cuts = 0
    for last in range(99):
        lab.start(tmp_path / str(last))
        lab.converge(ONE)
        for data in (OTHER, MORE):
            converge(Nftables(lab.host), parse_rules(data), Guard(Rollback(lab.host), 30), check_mode=False)
        cut = cut_after(lab.host.locate(f"{PENDING}/{script}"), last)
        with suppress(HostError):
            lab.host.run("sh", str(lab.host.locate(f"{PENDING}/undo")))
        assert lab.read().ruleset in (parse_rules(ONE), parse_rules(OTHER), parse_rules(MORE))
        if cut is not None:
            cut()
            Node(lab, "nftables").reboot()
        assert (has_rules(lab, ONE), lab.host.locate(PENDING).exists()) == (True, False), last
        lab.converge(ONE)
        assert Rollback(lab.host).find_leftovers(parse_rules(ONE)) == (), last
        cuts += cut is not None
        if cut is None:
            break
    assert cut is None
    assert cuts >= {"undo": 15}.get(script, 3)


def cut_after(path, last):
    """Make a script end after some complete lines. Return a function that repairs the script, or None."""
    text = path.read_text()
    lines, ends = text.splitlines(keepends=True), []
    for number, line in enumerate(lines, 1):
        inside = line.startswith((" ", "for ")) or "<<" in line
        ends += [] if inside or line.startswith("#") else [number]
    if last >= len(ends):
        return None
    path.write_text("".join([*lines[: ends[last]], "kill -9 $$\n"]))

    def restore_file():
        if path.exists():
            path.write_text(text)

    return restore_file


def test_a_loaded_change_waits_for_its_confirmation(lab):
    converge(Nftables(lab.host), parse_rules(ONE), Guard(Rollback(lab.host), 30), check_mode=False)
    run_died(lab)
    assert lab.read().ruleset == parse_rules(ONE)
    assert Rollback(lab.host).find_pending()


def test_the_host_does_not_wait_if_the_run_was_killed(lab, monkeypatch):
    node = Node(lab, "mangle-nft")
    monkeypatch.setattr(lab.host, "detach", lambda *argv: Host.detach(lab.host, *argv))
    lab.converge(ONE)
    before = ["iptables-save", "ip6tables-save", "ipset save", "iptables-save", "ip6tables-save"]
    before += ["sh of detach", "ipset restore", "iptables-restore"]
    assert run_until_killed(lab, OTHER, len(before), ["run"])
    assert not has_rules(lab, ONE)
    assert not has_rules(lab, OTHER)
    deadline = time.monotonic() + 10
    while not has_rules(lab, ONE) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert has_rules(lab, ONE)
    node.clean()


def test_the_host_rolls_back_without_systemd_too(lab, monkeypatch):
    lab.converge(ONE)
    monkeypatch.setattr(lab.host, "detach", lambda *argv: Host.detach(lab.host, *argv))
    outcome = converge(Nftables(lab.host), parse_rules(OTHER), Guard(Rollback(lab.host), 1), check_mode=False)
    assert lab.read().ruleset == parse_rules(OTHER)
    deadline = time.monotonic() + 10
    while not has_rules(lab, ONE) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert has_rules(lab, ONE)
    with pytest.raises(HostError, match="not confirmed in time"):
        confirm(Nftables(lab.host), parse_rules(OTHER), Rollback(lab.host), outcome.transaction, keep=True)
    assert has_rules(lab, ONE)


def test_the_rollback_happens_after_another_process_releases_the_lock(lab, monkeypatch):
    lab.converge(ONE)
    log = lab.host.locate("/log")
    waiting = []
    monkeypatch.setattr(rollback_script, "PATIENCE", 1)
    monkeypatch.setattr(lab.host, "detach", lambda *argv: waiting.append(argv))
    converge(Nftables(lab.host), parse_rules(OTHER), Guard(Rollback(lab.host), 0), check_mode=False)
    with Rollback(lab.host).hold_lock():
        Host.detach(lab.host, "sh", "-c", 'exec "$@" 2>> "$0"', str(log), *waiting[-1])
        wait_until(lambda: f"held for 1 seconds by process {os.getpid()} (" in (lab.host.read("/log") or ""))
        assert lab.read().ruleset == parse_rules(OTHER)
    wait_until(lambda: has_rules(lab, ONE))
    assert Rollback(lab.host).find_pending() is None


def wait_until(holds):
    """Wait until a condition holds. The limit is longer than a busy machine needs."""
    deadline = time.monotonic() + 20
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert holds()


def test_a_rollback_restores_third_party_rules_in_our_table(lab):
    lab.converge(ONE)
    lab.run_nft("add rule inet gatehouse_kong input tcp dport 22 counter drop")
    before = lab.read()
    outcome = converge(Nftables(lab.host), parse_rules(OTHER), Guard(Rollback(lab.host), 30), check_mode=False)
    Rollback(lab.host).undo(outcome.transaction)
    assert lab.read() == before


def test_a_later_run_takes_over_an_unconfirmed_change(lab):
    lab.converge(ONE)
    first = converge(
        Nftables(lab.host), parse_rules(OTHER), Guard(Rollback(lab.host), 30), check_mode=False
    ).transaction
    second = converge(Nftables(lab.host), None, Guard(Rollback(lab.host), 30), check_mode=False).transaction
    with pytest.raises(HostError, match="another run"):
        confirm(Nftables(lab.host), parse_rules(OTHER), Rollback(lab.host), first, keep=True)
    assert lab.read().ruleset is None
    Rollback(lab.host).undo(second)
    assert has_rules(lab, ONE)


def mark_published(data):
    return {**data, "allow": [{**entry, "published": True} for entry in data["allow"]]}


# The backend before two successive changes, and the backend and the rules of each change.
TWO_CHANGES = {
    "one backend": ("nftables", ("nftables", OTHER), ("nftables", MORE)),
    "another backend": ("nftables", ("nftables", OTHER), ("iptables", MORE)),
    "first published port": ("nftables", ("nftables", OTHER), ("nftables", mark_published(MORE))),
    "first published port of iptables": ("nftables", ("iptables", OTHER), ("iptables", mark_published(MORE))),
    "removal": ("nftables", ("nftables", OTHER), ("nftables", None)),
    "ufw": ("ufw", ("ufw", OTHER), ("ufw", MORE)),
    "from ufw to another backend": ("ufw", ("ufw", OTHER), ("nftables", MORE)),
    "to ufw from another backend": ("ufw", ("nftables", OTHER), ("ufw", MORE)),
    "first published port of ufw": ("ufw", ("ufw", OTHER), ("ufw", mark_published(MORE))),
    "removal from ufw": ("ufw", ("ufw", OTHER), ("ufw", None)),
}


@pytest.mark.parametrize("after", [run_timer, reboot])
@pytest.mark.parametrize("case", TWO_CHANGES)
def test_after_two_unconfirmed_changes_the_state_before_the_first_is_restored(lab, case, after):
    first, *changes = TWO_CHANGES[case]
    node = Node(lab, first)
    lab.backend = make_chooser(first)
    lab.converge(ONE)
    before = read_files(node), list_our_rules(lab)
    for name, data in changes:
        # With nftables as the manager, a default of ufw would be a conflict.
        set_default(lab, "DROP" if name == "ufw" else "ACCEPT")
        lab.backend = make_chooser(name)
        converge(lab.backend(lab.host), parse_rules(data), Guard(Rollback(lab.host), 30), check_mode=False)
    assert list_our_rules(lab) != before[1]
    after(node, None)
    assert (read_files(node), list_our_rules(lab)) == before
    lab.backend = make_chooser(first)
    assert has_rules(lab, ONE)
    assert not lab.converge(ONE).changed
    node.clean()


def set_default(lab, policy):
    """Set the default of the host for incoming packets."""
    for program in FAMILY_PROGRAM.values():
        lab.host.run(program, "-P", "INPUT", policy)


def make_chooser(name):
    """Return a function that creates the backend for this name."""
    return lambda host: choose(host, name).backend


def list_our_rules(lab):
    """Return all our loaded rules."""
    names = [line.split() for line in lab.host.run("nft", "list", "tables").splitlines() if "gatehouse_kong" in line]
    saved = [line for name in FAMILY_PROGRAM.values() for line in lab.host.run(f"{name}-save").splitlines()]
    listed = [lab.host.run("nft", "-s", "list", *name) for name in names]
    return listed, [line for line in saved if "GATEHOUSE" in line or "gatehouse" in line]


def test_the_previous_state_is_kept_until_the_next_change(lab):
    for data, before in ((ONE, None), (OTHER, parse_rules(ONE)), (OTHER, parse_rules(ONE)), (ONE, parse_rules(OTHER))):
        lab.converge(data)
        assert Rollback(lab.host).read_previous().ruleset == before
    lab.converge(None)
    assert (Rollback(lab.host).read_previous(), lab.host.locate(STATE).exists()) == (None, False)


class Interrupted:
    """A backend that calls another function during `apply`."""

    def __init__(self, backend, begin):
        self._backend, self._begin = backend, begin

    def __getattr__(self, name):
        return getattr(self._backend, name)

    def apply(self, want):
        self._begin()
        time.sleep(0.3)
        return self._backend.apply(want)


EVERY_KIND = ["nftables", "iptables-nft", "iptables-legacy", "ufw"]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_timer_expires_during_a_change(lab, kind):
    """The rollback waits for the end of the change, and undoes the whole change."""
    node = Node(lab, kind)
    lab.converge(ONE)
    late = threading.Thread(target=run_timer, args=(node, None))
    slow = Interrupted(lab.backend(lab.host), late.start)
    outcome = converge(slow, parse_rules(OTHER), Guard(Rollback(lab.host), 30), check_mode=False)
    late.join()
    assert has_rules(lab, ONE)
    with pytest.raises(HostError, match="not confirmed in time"):
        confirm(lab.backend(lab.host), parse_rules(OTHER), Rollback(lab.host), outcome.transaction, keep=True)
    node.clean()


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_two_controllers_at_the_same_time(lab, kind):
    """The host has the rules of one controller, and the other controller gets an error."""
    node = Node(lab, kind)
    lab.converge(ONE)
    second = threading.Thread(target=change, args=(lab, lab.host, OTHER))
    slow = Interrupted(lab.backend(lab.host), second.start)
    outcome = converge(slow, None, Guard(Rollback(lab.host), 30), check_mode=False)
    second.join()
    assert has_rules(lab, OTHER)
    with pytest.raises(HostError, match=r"another run|not confirmed"):
        confirm(lab.backend(lab.host), None, Rollback(lab.host), outcome.transaction, keep=True)
    assert has_rules(lab, OTHER)
    node.clean()


def test_a_rollback_whose_script_was_removed(lab):
    lab.converge(ONE)
    converge(Nftables(lab.host), parse_rules(OTHER), Guard(Rollback(lab.host), 30), check_mode=False)
    lab.host.locate(f"{PENDING}/undo").unlink()
    lab.converge(OTHER)
    assert has_rules(lab, OTHER)


@pytest.mark.parametrize("kind", ["nftables", "ufw"])
def test_a_ruleset_that_is_read_back_from_the_kernel_writes_the_same_boot_file(lab, kind):
    """The kernel merges adjacent networks, and `state: rolled_back` uses its form. The plan's form gives the same file."""
    node = Node(lab, kind)
    neighbours = {"allow": [ENTRY], "sets": {"friends": {"ipv4": ["10.0.1.2/32", "10.0.1.3/32", "10.0.1.4/32"]}}}
    lab.converge(neighbours)
    live = lab.read().ruleset
    assert lab.backend(lab.host).compare_persisted(live) == ()
    assert not lab.converge(neighbours).changed
    node.clean()

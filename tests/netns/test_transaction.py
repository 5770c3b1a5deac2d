# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change that is killed at any of its steps, and what timer, boot and next run make of it, on a real kernel."""

from __future__ import annotations

import os
import signal
import time

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._nftables import RULESET_FILE, UNIT, Nftables
from ansible_collections.gatehouse.kong.plugins.module_utils._rollback import NAME, PENDING, STATE, Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction import Guard, confirm, converge

ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None, "sources": ["friends"]}
SETS = {"friends": {"ipv4": ["10.0.1.2/32"], "ipv6": ["fd00:1::2/128"]}}
ONE = {"allow": [ENTRY], "sets": SETS}
OTHER = {"allow": [{**ENTRY, "sources": []}, {**ENTRY, "port": 7946}], "sets": SETS}
WANTS = "/etc/systemd/system/sysinit.target.wants"

CHANGES = {"first": (None, ONE), "other rules": (ONE, OTHER), "removal": (ONE, None)}


def rules(data):
    return None if data is None else ruleset_from_data(data)


def dying(host, step):
    """The host, where the process dies before its step-th act upon it."""
    left = iter(range(step))

    def before(act):
        def done(*words, **named):
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*words, **named)

        return done

    for act in ("run", "detach", "write", "copy", "move", "link", "make_directory", "remove", "remove_tree"):
        setattr(host, act, before(getattr(host, act)))
    return host


def change(host, data, timeout=30):
    """Both halves of what the module does."""
    outcome = converge(Nftables(host), rules(data), Guard(Rollback(host), timeout), check_mode=False)
    if outcome.transaction:
        confirm(Nftables(host), rules(data), Rollback(host), outcome.transaction, keep=True)


def dies(lab, data, step):
    """Change in a process of its own; tell whether it was killed."""
    child = os.fork()
    if not child:
        try:
            change(dying(lab.host, step), data)
            os._exit(0)
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status == signal.SIGKILL


def timer(lab, _data):
    """What the timer runs."""
    pending = Rollback(lab.host).pending()
    if pending:
        Rollback(lab.host).undo(pending)


def enabled(lab, unit):
    return lab.host.path(f"{WANTS}/{unit}").is_symlink() and lab.host.path(f"/etc/systemd/system/{unit}").exists()


def reboot(lab, _data):
    """What a boot does: the kernel is empty, and systemd starts what is linked and there."""
    lab.nft("flush ruleset")
    if enabled(lab, f"{NAME}.service") and lab.host.path(f"{PENDING}/undo").exists():
        lab.host.run("sh", str(lab.host.path(f"{PENDING}/undo")))
    if enabled(lab, UNIT):
        lab.nft(lab.host.read(RULESET_FILE))


def next_run(lab, data):
    change(lab.host, data)
    assert not lab.converge(data).changed


def state(lab, data):
    """Whether the host has exactly this, live and at boot."""
    live = lab.read()
    return (live.ruleset, live.drift) == (rules(data), ()) and not Nftables(lab.host).stale(rules(data))


@pytest.mark.parametrize("after", [timer, reboot, next_run])
@pytest.mark.parametrize("case", CHANGES)
def test_killed_before_any_step_the_host_has_the_old_state_or_the_new(lab, tmp_path, case, after):
    old, new = CHANGES[case]
    for step in range(60):
        lab.start(tmp_path / str(step))
        lab.converge(old)
        killed = dies(lab, new, step)
        # Until it has its id no timer runs for it; it does no harm, and the next run or boot ends it.
        live, waits, armed = lab.read(), lab.host.path(PENDING).exists(), Rollback(lab.host).pending()
        assert (live.ruleset in (rules(old), rules(new)), live.drift) == (True, ()), step
        after(lab, new)
        if after is next_run or not killed:
            assert state(lab, new), step
        elif waits:
            assert state(lab, old), step
        else:
            assert state(lab, old) or state(lab, new), step
        assert (armed is None and after is timer) or not lab.host.path(PENDING).exists(), step
        if not killed:
            break
    assert not killed
    assert step >= (14 if case == "removal" else 20)


def test_the_way_back_can_be_killed_and_taken_again(lab, tmp_path):
    lines = 99
    for last in range(6, 60):
        lab.start(tmp_path / str(last))
        lab.converge(ONE)
        converge(Nftables(lab.host), rules(OTHER), Guard(Rollback(lab.host), 30), check_mode=False)
        undo = lab.host.path(f"{PENDING}/undo")
        lines = undo.read_text().splitlines(keepends=True)
        lab.host.run("sh", stdin="".join([*lines[:last], "exit 0"]))
        assert lab.read().ruleset in (rules(ONE), rules(OTHER))
        reboot(lab, None)
        assert state(lab, ONE), last
        if last >= len(lines):
            break
    assert last >= len(lines) > 20


def test_the_host_returns_by_itself_without_systemd_too(lab, monkeypatch):
    lab.converge(ONE)
    monkeypatch.setattr(lab.host, "detach", lambda *argv: Host.detach(lab.host, *argv))
    outcome = converge(Nftables(lab.host), rules(OTHER), Guard(Rollback(lab.host), 1), check_mode=False)
    assert lab.read().ruleset == rules(OTHER)
    deadline = time.monotonic() + 10
    while not state(lab, ONE) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert state(lab, ONE)
    with pytest.raises(HostError, match="not confirmed in time"):
        confirm(Nftables(lab.host), rules(OTHER), Rollback(lab.host), outcome.transaction, keep=True)
    assert state(lab, ONE)


def test_what_somebody_else_put_into_our_table_comes_back_with_it(lab):
    lab.converge(ONE)
    lab.nft("add rule inet gatehouse_kong input tcp dport 22 counter drop")
    before = lab.read()
    outcome = converge(Nftables(lab.host), rules(OTHER), Guard(Rollback(lab.host), 30), check_mode=False)
    Rollback(lab.host).undo(outcome.transaction)
    assert lab.read() == before


def test_a_later_run_takes_over_what_nobody_confirmed(lab):
    lab.converge(ONE)
    first = converge(Nftables(lab.host), rules(OTHER), Guard(Rollback(lab.host), 30), check_mode=False).transaction
    second = converge(Nftables(lab.host), None, Guard(Rollback(lab.host), 30), check_mode=False).transaction
    with pytest.raises(HostError, match="another run"):
        confirm(Nftables(lab.host), rules(OTHER), Rollback(lab.host), first, keep=True)
    assert lab.read().ruleset is None
    Rollback(lab.host).undo(second)
    assert state(lab, ONE)


def test_the_state_before_is_kept_until_the_next_change(lab):
    for data, before in ((ONE, None), (OTHER, rules(ONE)), (OTHER, rules(ONE)), (ONE, rules(OTHER))):
        lab.converge(data)
        assert Rollback(lab.host).previous().ruleset == before
    lab.converge(None)
    assert (Rollback(lab.host).previous(), lab.host.path(STATE).exists()) == (None, False)

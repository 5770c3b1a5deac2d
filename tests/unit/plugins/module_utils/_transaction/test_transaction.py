# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from contextlib import contextmanager, nullcontext

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live, Snapshot
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import Connection, LockoutError
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import (
    ConflictError,
    Guard,
    confirm,
    converge,
)

ENTRY = {"listener": "admin", "protocol": "tcp", "port": 8001, "address": None}
OPEN = ruleset_from_data({"allow": [{**ENTRY, "sources": "any"}]})
SHUT = ruleset_from_data({"allow": [{**ENTRY, "sources": []}]})


class Backend:
    """A backend that records its calls; `fails` names the step that raises HostError."""

    name = "recording"

    def __init__(self, live=None, drift=(), stale=(), conflicts=(), fails=""):
        self.live, self._stale, self._find_conflicts, self._fails = Live(live, tuple(drift)), stale, conflicts, fails
        self.steps, self.warnings, self.translated = [], (), ()

    def _record(self, name, *arguments):
        self.steps.append((name, *arguments))
        if name == self._fails:
            raise HostError(f"{name} failed")

    def require(self):
        self._record("require")

    def read(self):
        self._record("read")
        return self.live

    def compare_persisted(self, want):
        return tuple(self._stale)

    def find_conflicts(self, want):
        self.judged = want
        return tuple(self._find_conflicts)

    def find_translations(self):
        return self.translated

    def validate(self, want, *, check_mode):
        self._record("validate", want)

    def snapshot(self, live, want):
        return Snapshot((), ((("restore",), repr(live.ruleset)),))

    def apply(self, want):
        self._record("apply", want)
        return self.warnings

    def persist(self, want):
        self._record("persist", want)
        self._stale = ()


class Rollback:
    """A rollback that records its calls in the backend's list of steps."""

    def __init__(self, backend, waiting=None):
        self.steps, self.waiting = backend.steps, waiting

    def hold_lock(self):
        return nullcontext()

    def find_pending(self):
        return self.waiting

    def find_leftovers(self, want):
        return (f"{self.waiting} waits",) if self.waiting else ()

    def arm(self, snapshot, before):
        self.steps.append(("arm", before))
        self.waiting = "this run"
        return "this run"

    def start_countdown(self, transaction, timeout):
        self.steps.append(("finished", transaction, timeout))

    @contextmanager
    def claim(self, transaction):
        if transaction != self.waiting:
            raise HostError("too late")
        yield

    def commit(self, *, keep, transitional):
        self.steps.append(("commit", keep, transitional))

    def forget(self):
        self.steps.append(("forget",))

    def undo(self, transaction):
        self.steps.append(("undo", transaction))


def run_both_phases(backend, want, rollback, keep=True):
    outcome = converge(backend, want, Guard(rollback, 30), check_mode=False)
    if outcome.transaction:
        confirm(backend, want, rollback, outcome.transaction, keep=keep)
    return outcome


def list_changes(backend):
    return [step for step in backend.steps if step[0] not in ("require", "read", "validate", "finished")]


# The backend with its present state, the wanted ruleset, and the expected steps after `arm`.
CASES = {
    "first run": (Backend(None, stale=["file"]), OPEN, [("apply", OPEN), ("persist", OPEN), ("commit", True, False)]),
    "other rules": (Backend(OPEN, stale=["file"]), SHUT, [("apply", SHUT), ("persist", SHUT), ("commit", True, False)]),
    "drift alone": (Backend(OPEN, drift=["rule x"]), OPEN, [("apply", OPEN), ("commit", True, False)]),
    "boot file alone": (Backend(OPEN, stale=["file"]), OPEN, [("persist", OPEN), ("commit", True, False)]),
    "to be removed": (Backend(OPEN, stale=["file"]), None, [("apply", None), ("persist", None), ("forget",)]),
}


@pytest.mark.parametrize("case", CASES)
def test_only_the_needed_steps_run_and_check_mode_predicts_them(case):
    backend, want, expected = CASES[case]
    rollback = Rollback(backend)
    predicted = converge(backend, want, Guard(rollback, 30), check_mode=True)
    assert (list_changes(backend), predicted.transaction) == ([], None)
    assert run_both_phases(backend, want, rollback) == predicted
    assert list_changes(backend) == [("arm", backend.live.ruleset), *expected]


@pytest.mark.parametrize("want", [OPEN, None])
def test_no_rollback_is_armed_if_nothing_changes(want):
    backend = Backend(want)
    outcome = run_both_phases(backend, want, Rollback(backend))
    assert (outcome.changed, list_changes(backend)) == (False, [])


def test_nothing_is_permanent_before_the_second_phase():
    backend = Backend(OPEN, stale=["file"])
    assert converge(backend, SHUT, Guard(Rollback(backend), 30), check_mode=False).transaction == "this run"
    assert [step[0] for step in list_changes(backend)] == ["arm", "apply"]


def test_an_unconfirmed_change_is_taken_over_even_if_the_rules_are_correct():
    backend = Backend(OPEN)
    outcome = run_both_phases(backend, OPEN, Rollback(backend, waiting="another run"))
    assert (outcome.changed, "another run waits" in outcome.before) == (True, True)
    assert list_changes(backend) == [("arm", OPEN), ("apply", OPEN), ("commit", True, False)]


def test_the_warnings_of_the_backend_are_in_the_outcome():
    backend = Backend(OPEN)
    backend.warnings = ("a flow is still open",)
    assert run_both_phases(backend, SHUT, Rollback(backend)).warnings == ("a flow is still open",)


def test_a_rollback_does_not_replace_the_kept_state():
    backend = Backend(OPEN)
    run_both_phases(backend, SHUT, Rollback(backend), keep=False)
    assert list_changes(backend)[-1] == ("commit", False, False)


def test_a_late_confirmation_changes_nothing():
    backend = Backend(OPEN, stale=["file"])
    with pytest.raises(HostError, match="too late"):
        confirm(backend, SHUT, Rollback(backend, waiting="another run"), "this run", keep=True)
    assert list_changes(backend) == [("undo", "this run")]


def test_the_controller_is_not_locked_out():
    backend = Backend(OPEN, stale=["file"])
    guard = Guard(Rollback(backend), 30, lambda: Connection("192.0.2.7", "192.0.2.1", 8001))
    for check_mode in (True, False):
        with pytest.raises(LockoutError):
            converge(backend, SHUT, guard, check_mode=check_mode)
    assert list_changes(backend) == []


def test_drift_and_boot_are_in_the_text_before():
    backend = Backend(OPEN, drift=["rule x"], stale=["file y"])
    outcome = converge(backend, OPEN, Guard(Rollback(backend), 30), check_mode=True)
    extra = outcome.before[len(outcome.after) :]
    assert outcome.before.startswith(outcome.after)
    assert extra == "difference: rule x\nat boot: file y\n"


def test_a_certain_conflict_stops_before_any_change():
    certain, possible = (
        Conflict(certain, "chain x", "its policy is drop", ("tcp 8001",), "Open it.") for certain in (True, False)
    )
    backend = Backend(conflicts=[certain, possible], stale=["file"])
    with pytest.raises(ConflictError, match=r"chain x blocks tcp 8001: its policy is drop\. Open it\.$") as caught:
        converge(backend, OPEN, Guard(Rollback(backend), 30), check_mode=False)
    assert caught.value.conflicts == (certain, possible)
    assert list_changes(backend) == []


@pytest.mark.parametrize("opens, judged", [(OPEN, OPEN), (None, SHUT)])
def test_conflicts_are_searched_for_the_ports_that_have_to_be_reachable(opens, judged):
    backend = Backend()
    converge(backend, SHUT, Guard(Rollback(backend), 30), check_mode=True, opens=opens)
    assert backend.judged == judged


def test_a_possible_conflict_is_reported_only():
    possible = Conflict(False, "chain x", "its rule 4", ("tcp 8001",), "Look.")
    backend = Backend(conflicts=[possible])
    outcome = converge(backend, OPEN, Guard(Rollback(backend), 30), check_mode=False)
    assert (outcome.conflicts, str(possible)) == ((possible,), "chain x may block tcp 8001: its rule 4. Look.")


def test_another_published_port_of_the_same_container_is_a_conflict():
    place = "iptables chain DOCKER of table nat"
    published = ruleset_from_data({"allow": [{**ENTRY, "sources": "any", "published": True}]})
    backend = Backend(published)
    backend.translated = (
        Translation(place, "tcp", None, 8001, "172.17.0.2", 18001),
        Translation(place, "tcp", None, 9000, "172.17.0.2", 19000),
        Translation(place, "tcp", None, 9000, "172.17.0.3", 19000),
    )
    outcome = converge(backend, published, Guard(Rollback(backend), 30), check_mode=False)
    assert [(conflict.effect, conflict.ports, conflict.where) for conflict in outcome.conflicts] == [
        ("publish", ("tcp 9000 at every address",), place),
    ]  # fmt: skip
    assert converge(backend, None, Guard(Rollback(backend), 30), check_mode=True).conflicts == ()
    backend.translated = ()
    assert converge(backend, published, Guard(Rollback(backend), 30), check_mode=False).conflicts == ()


@pytest.mark.parametrize("step", ["require", "read", "validate"])
def test_a_host_that_fails_an_early_step_is_left_unchanged(step):
    backend = Backend(OPEN, stale=["file"], fails=step)
    with pytest.raises(HostError, match=step):
        converge(backend, SHUT, Guard(Rollback(backend), 30), check_mode=False)
    assert list_changes(backend) == []


@pytest.mark.parametrize("step", ["apply", "persist"])
def test_a_change_that_cannot_be_loaded_or_persisted_is_undone_immediately(step):
    backend = Backend(OPEN, stale=["file"], fails=step)
    with pytest.raises(HostError, match=step):
        run_both_phases(backend, SHUT, Rollback(backend))
    assert [change[0] for change in list_changes(backend)][-2:] == [step, "undo"]


def test_a_change_is_finished_once_it_is_applied():
    backend = Backend(OPEN, stale=["file"])
    run_both_phases(backend, SHUT, Rollback(backend))
    assert backend.steps[-4:] == [
        ("apply", SHUT), ("finished", "this run", 30), ("persist", SHUT), ("commit", True, False),
    ]  # fmt: skip
    failing = Backend(OPEN, fails="apply")
    with pytest.raises(HostError):
        run_both_phases(failing, SHUT, Rollback(failing))
    assert "finished" not in [step[0] for step in failing.steps]


def test_a_rollback_that_fails_does_not_hide_the_cause(monkeypatch):
    backend = Backend(OPEN, fails="apply")
    rollback = Rollback(backend)
    monkeypatch.setattr(rollback, "undo", refuse)
    with pytest.raises(HostError, match=r"apply failed\. The rollback failed as well; .* boot: read-only"):
        run_both_phases(backend, SHUT, rollback)


def refuse(_transaction):
    raise HostError("read-only")

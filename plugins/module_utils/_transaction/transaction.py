# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a host match its rules: the same steps for a real run and for check mode, independent of the backend.

A change has two phases. `converge` applies it, and the host undoes it by itself unless it is confirmed. `confirm`, which
the controller calls over a new connection, makes it permanent. The result is always the old state or the new state, even
if the change cuts connections, or if the controller or the run is killed. A reboot before the confirmation restores the
old state. If a run is killed before its change is complete, the host restores the old state within seconds.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Backend, Live, Rules
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback

# These modules are only imported if something changes: most runs change nothing.
if t.TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.counts import Counts
    from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.diff import RulesetDiff
    from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import Connection


class LockoutError(Exception):
    """The ruleset would block the connection of the controller; nothing was changed."""


class ConflictError(Exception):
    """The ruleset conflicts with third-party rules of the host; nothing was changed."""

    def __init__(self, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__("\n".join(str(conflict) for conflict in conflicts if conflict.stops))
        self.conflicts = conflicts


@dataclass(frozen=True)
class Outcome(t.Generic[Rules]):
    """The result of a run, in check mode of a planned run.

    `transaction` is the argument for `confirm`, None if nothing has to be confirmed. `warnings` are lines for the user.
    `counts` has the counted packets before the run.
    """

    have: Rules | None
    want: Rules | None
    drift: tuple[str, ...]
    stale: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    changed: bool
    transaction: str | None = field(default=None, compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    counts: Counts | None = field(default=None, compare=False)

    @cached_property
    def diff(self: Outcome[Ruleset]) -> RulesetDiff:
        """The differences between two rulesets."""
        from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.diff import (  # noqa: PLC0415
            diff_rulesets,
        )

        return diff_rulesets(self.have, self.want)

    @property
    def before(self: Outcome[Ruleset]) -> str:
        """The state before, as text: ports, members, differences, and parts that a reboot would not restore."""
        extra = [f"difference: {line}" for line in self.drift] + [f"at boot: {line}" for line in self.stale]
        return self.diff.before + "".join(f"{line}\n" for line in extra)

    @property
    def after(self: Outcome[Ruleset]) -> str:
        """The requested state, as text."""
        return self.diff.after


@dataclass(frozen=True)
class Guard:
    """The protection of a change: its rollback, and the connection that the change must not cut.

    `timeout` is the number of seconds until the host starts the rollback. `find_connection` returns None if there is no
    such connection.
    """

    rollback: Rollback
    timeout: int
    find_connection: t.Callable[[], Connection | None] = lambda: None


def inspect(backend: Backend[Rules], want: Rules | None, rollback: Rollback) -> Outcome[Rules]:
    """Return the changes that a run would make, even if a conflict would stop it. Raises HostError; changes nothing."""
    return _read_state(backend, want, rollback, want)[1]


def converge(
    backend: Backend[Rules], want: Rules | None, guard: Guard, *, check_mode: bool, opens: Rules | None = None
) -> Outcome[Rules]:
    """Apply `want` to the host (None: remove all of our rules), or in check mode only return the planned changes.

    `opens` is the part of `want` that has to be reachable after the change, by default all of it. Raises HostError,
    ConflictError or LockoutError; the host is left unchanged.
    """
    # Another run at the same time would mix the rules of both; a rollback would mix old and new rules.
    with guard.rollback.hold_lock():
        live, outcome = _read_state(backend, want, guard.rollback, opens or want)
        # A staged ruleset does not decide about packets, so its conflicts are warnings.
        if any(conflict.stops for conflict in outcome.conflicts) and not _is_staged(want):
            raise ConflictError(outcome.conflicts)
        rules_change = live.ruleset != want or bool(live.drift)
        if rules_change:
            _prevent_lockout(want, guard)
            backend.validate(want, check_mode=check_mode)
        if not outcome.changed or check_mode:
            return outcome
        transaction, warnings = _begin(backend, live, want, guard, rules=rules_change)
        return replace(outcome, transaction=transaction, warnings=warnings)


def confirm(
    backend: Backend[Rules],
    want: Rules | None,
    rollback: Rollback,
    transaction: str,
    *,
    keep: bool,
    transitional: bool = False,
) -> None:
    """Make an applied change permanent.

    With `keep`, the state before the change becomes the target of `state: rolled_back`. A `transitional` state never
    becomes such a target.

    Raises HostError if the host has already rolled the change back. If the change cannot be made permanent, it is rolled
    back now, and the error is raised as well.
    """
    try:
        with rollback.claim(transaction):
            if backend.compare_persisted(want):
                backend.persist(want)
            if want is None:
                rollback.forget()
            else:
                rollback.commit(keep=keep, transitional=transitional)
    except HostError as error:
        _undo(rollback, transaction, error)
        raise


def _read_state(
    backend: Backend[Rules], want: Rules | None, rollback: Rollback, opens: Rules | None
) -> tuple[Live[Rules], Outcome[Rules]]:
    backend.require()
    live = backend.read()
    conflicts = (*backend.find_conflicts(opens), *_find_bypasses(backend, opens)) if opens is not None else ()
    stale = (*backend.compare_persisted(want), *rollback.find_leftovers(want))
    changed = live.ruleset != want or bool(live.drift) or bool(stale)
    return live, Outcome(live.ruleset, want, live.drift, stale, conflicts, changed, counts=live.counts)


def _find_bypasses(backend: Backend[Rules], opens: Rules) -> tuple[Conflict, ...]:
    translations = backend.find_translations()
    if not translations or not isinstance(opens, Ruleset):
        return ()
    from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import bypasses  # noqa: PLC0415

    return tuple(bypasses(translations, opens))


def _is_staged(want: object) -> bool:
    return isinstance(want, Ruleset) and want.staged


def _prevent_lockout(want: object, guard: Guard) -> None:
    """Raise LockoutError if the ruleset would block the controller. Other rules do not decide about packets to the host."""
    if not isinstance(want, Ruleset) or want.staged:
        return
    connection = guard.find_connection()
    if connection is not None:
        from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import prevent_lockout  # noqa: PLC0415

        prevent_lockout(want, connection)


def _begin(
    backend: Backend[Rules], live: Live[Rules], want: Rules | None, guard: Guard, *, rules: bool
) -> tuple[str, tuple[str, ...]]:
    # A run that was killed may have changed the rules without ending the connections that they no longer allow.
    rules = rules or guard.rollback.find_pending() is not None
    transaction = guard.rollback.arm(backend.snapshot(live, want), live.ruleset)
    try:
        warnings = backend.apply(want) if rules else ()
        guard.rollback.start_countdown(transaction, guard.timeout)
    except HostError as error:
        _undo(guard.rollback, transaction, error)
        raise
    return transaction, warnings


def _undo(rollback: Rollback, transaction: str, cause: HostError) -> None:
    """Roll back now. Raises HostError with both messages if this fails as well."""
    try:
        rollback.undo(transaction)
    except HostError as error:
        raise HostError(
            f"{cause}. The rollback failed as well; the host tries it again, at the latest at its next boot: {error}"
        ) from cause

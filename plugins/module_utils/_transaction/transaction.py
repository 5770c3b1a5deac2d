# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a host match a ruleset: the same steps for a real run and for check mode, independent of the backend.

A change has two phases. `converge` applies it, and the host undoes it by itself unless it is confirmed. `confirm`, which
the controller calls over a new connection, makes it permanent. So a host ends up with the old state or with the new state,
even if the change cuts connections, or if controller or run are killed. A reboot before the confirmation restores the old
state. If a run dies before its change is complete, the host restores the old state within seconds.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Backend, Live
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback

# What only a change needs is loaded for a change: most runs find that there is none.
if t.TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.diff import RulesetDiff
    from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import Connection


class LockoutError(Exception):
    """The ruleset refuses the connection over which it came; nothing was changed."""


class ConflictError(Exception):
    """The host's own rules would defeat the ruleset for certain; nothing was changed."""

    def __init__(self, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__("\n".join(str(conflict) for conflict in conflicts if conflict.stops))
        self.conflicts = conflicts


@dataclass(frozen=True)
class Outcome:
    """What a run did, or in check mode would do.

    `transaction` is what `confirm` has to be called with, if at all; `warnings` is what came up on the way.
    """

    have: Ruleset | None
    want: Ruleset | None
    drift: tuple[str, ...]
    stale: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    changed: bool
    transaction: str | None = field(default=None, compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def diff(self) -> RulesetDiff:
        """What of the ruleset changes."""
        from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.diff import (  # noqa: PLC0415
            diff_rulesets,
        )

        return diff_rulesets(self.have, self.want)

    @property
    def before(self) -> str:
        """The state found: ports, members, and what did not belong or would not have survived a reboot."""
        extra = [f"does not belong: {line}" for line in self.drift] + [f"at boot: {line}" for line in self.stale]
        return self.diff.before + "".join(f"{line}\n" for line in extra)

    @property
    def after(self) -> str:
        """The state asked for."""
        return self.diff.after


@dataclass(frozen=True)
class Guard:
    """The protection of a change: its rollback, the seconds until the host starts that, and a function that returns the
    connection which must not be cut, None if there is none.
    """

    rollback: Rollback
    timeout: int
    find_connection: t.Callable[[], Connection | None] = lambda: None


def inspect(backend: Backend, want: Ruleset | None, rollback: Rollback) -> Outcome:
    """Tell what a run would change, whatever hinders it; nothing is changed. Raises HostError."""
    return _look(backend, want, rollback, want)[1]


def converge(
    backend: Backend, want: Ruleset | None, guard: Guard, *, check_mode: bool, opens: Ruleset | None = None
) -> Outcome:
    """Bring the host to `want` (None: no trace of ours), or with check_mode only tell what that would change.

    `opens` is the part of it that has to be reachable afterwards, all of it if not given. Raises HostError, the host being
    as before, ConflictError and LockoutError.
    """
    # Another run at the same time would mix the rules of both; a rollback would mix old and new rules.
    with guard.rollback.alone():
        live, outcome = _look(backend, want, guard.rollback, opens or want)
        if any(conflict.stops for conflict in outcome.conflicts):
            raise ConflictError(outcome.conflicts)
        rules_change = live.ruleset != want or bool(live.drift)
        if rules_change:
            _refuse_lockout(want, guard)
            backend.validate(want, check_mode=check_mode)
        if not outcome.changed or check_mode:
            return outcome
        transaction, warnings = _begin(backend, live, want, guard, rules=rules_change)
        return replace(outcome, transaction=transaction, warnings=warnings)


def confirm(
    backend: Backend, want: Ruleset | None, rollback: Rollback, transaction: str, *, keep: bool, passing: bool = False
) -> None:
    """Make an applied change last; with keep the state before it is the one to return to from now on.

    A `passing` state is none to return to: what was kept before it stays.

    HostError if the host has returned to the old state already, or if the new one cannot be kept: then it returns now.
    """
    try:
        with rollback.claimed(transaction):
            if backend.stale(want):
                backend.persist(want)
            if want is None:
                rollback.forget()
            else:
                rollback.commit(keep=keep, passing=passing)
    except HostError as error:
        _undo(rollback, transaction, error)
        raise


def _look(backend: Backend, want: Ruleset | None, rollback: Rollback, opens: Ruleset | None) -> tuple[Live, Outcome]:
    backend.require()
    live = backend.read()
    conflicts = (*backend.conflicts(opens), *_bypasses(backend, opens)) if opens is not None else ()
    stale = (*backend.stale(want), *rollback.leftovers(want))
    changed = live.ruleset != want or bool(live.drift) or bool(stale)
    return live, Outcome(live.ruleset, want, live.drift, stale, conflicts, changed)


def _bypasses(backend: Backend, opens: Ruleset) -> tuple[Conflict, ...]:
    translations = backend.translations()
    if not translations:
        return ()
    from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import bypasses  # noqa: PLC0415

    return tuple(bypasses(translations, opens))


def _refuse_lockout(want: Ruleset | None, guard: Guard) -> None:
    connection = guard.find_connection() if want is not None else None
    if want is not None and connection is not None:
        from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import refuse_lockout  # noqa: PLC0415

        refuse_lockout(want, connection)


def _begin(
    backend: Backend, live: Live, want: Ruleset | None, guard: Guard, *, rules: bool
) -> tuple[str, tuple[str, ...]]:
    # A run that was killed may have changed the rules, and not ended the flows that they no longer allow.
    rules = rules or guard.rollback.pending() is not None
    transaction = guard.rollback.arm(backend.snapshot(live), live.ruleset)
    try:
        warnings = backend.apply(want) if rules else ()
        guard.rollback.finished(transaction, guard.timeout)
    except HostError as error:
        _undo(guard.rollback, transaction, error)
        raise
    return transaction, warnings


def _undo(rollback: Rollback, transaction: str, cause: HostError) -> None:
    """Go back now; if that fails too, HostError tells both."""
    try:
        rollback.undo(transaction)
    except HostError as error:
        raise HostError(
            f"{cause}. The rollback failed as well; the host repeats it by itself, and at its next boot: {error}"
        ) from cause

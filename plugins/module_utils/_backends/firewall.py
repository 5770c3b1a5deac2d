# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host's rules: the early part that denies, and the late part that accepts, as one backend.

The early part alone knows who may reach which port. Without it the late part accepts nothing, or no more than the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.late import Late
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import (
    Backend,
    Live,
    Obstacle,
    Snapshot,
    Translation,
)


@dataclass(frozen=True)
class Leftovers:
    """Parts of ours that another firewall manager, or a host without nft, needed before."""

    early: tuple[Backend, ...] = ()
    late: tuple[Late, ...] = ()


class Firewall:
    """The early and the late part of the present firewall manager, and what is left over of earlier ones."""

    def __init__(self, early: Backend, late: Late, leftovers: Leftovers = Leftovers()) -> None:
        self._early = early
        self._late = late
        self._leftovers = leftovers
        self._found = Live(None)
        self._late_drift: tuple[str, ...] = ()
        self._loaded: Leftovers = leftovers
        self.name = late.name

    def require(self) -> None:
        """Raise HostError if the host lacks what one of the parts needs."""
        self._early.require()
        self._late.require()

    def read(self) -> Live:
        """Return the ruleset of the early part, and the differences in both parts."""
        self._found = self._early.read()
        self._late_drift = self._late.read(self._found.ruleset)
        self._loaded = self._still_loaded()
        return Live(self._found.ruleset, (*self._found.drift, *self._late_drift, *self._left_over()))

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return the differences in the persisted state of both parts, and files of earlier managers."""
        left = (line for part in self._all_leftovers(self._leftovers) for line in part.stale(None))
        return (*self._early.stale(want), *self._late.stale(want), *left)

    def obstacles(self, want: Ruleset) -> tuple[Obstacle, ...]:
        """Return the conflicts of third-party rules with either part."""
        return tuple(dict.fromkeys((*self._early.obstacles(want), *self._late.obstacles(want))))

    def translations(self) -> tuple[Translation, ...]:
        """Return where the host sends packets on to other addresses."""
        return (*self._early.translations(), *self._late.translations())

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Check both parts with the host's own programs."""
        self._early.validate(want, check_mode=check_mode)
        self._late.validate(want, check_mode=check_mode)

    def snapshot(self, live: Live) -> Snapshot:
        """Return what brings both parts back, and the leftovers that a change removes."""
        parts = [self._early.snapshot(self._found), self._late.snapshot(live.ruleset)]
        parts += [backend.snapshot(backend.read()) for backend in self._loaded.early]
        parts += [late.snapshot(live.ruleset) for late in self._loaded.late]
        files = dict.fromkeys(file for part in parts for file in part.files)
        return Snapshot((*files,), tuple(command for part in parts for command in part.load))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Load the early part, then the late part; remove them the other way round.

        So an unauthorised source never gets in, and an authorised one is dropped by neither order.
        """
        late = list(self._late.apply(want)) if want is None else []
        changes = self._found.ruleset != want or self._found.drift
        early = self._early.apply(want) if changes else ()
        late += self._late.apply(want) if want is not None else ()
        for part in self._all_leftovers(self._loaded):
            late += part.apply(None)
        return (*early, *late)

    def persist(self, want: Ruleset | None) -> None:
        """Make both parts what a reboot loads, then remove the files of earlier managers."""
        for part in (self._early, self._late):
            if part.stale(want):
                part.persist(want)
        for part in self._all_leftovers(self._leftovers):
            if part.stale(None):
                part.persist(None)

    def _left_over(self) -> Iterator[str]:
        for part in self._all_leftovers(self._leftovers):
            yield f"rules and files for {part.name}, which are not needed any more"

    def _still_loaded(self) -> Leftovers:
        """Return the leftovers whose firewall can still be asked; of the others only files are left."""
        early = tuple(part for part in self._leftovers.early if _answers(part))
        return Leftovers(early, tuple(part for part in self._leftovers.late if _late_answers(part)))

    @staticmethod
    def _all_leftovers(leftovers: Leftovers) -> Iterable[Backend | Late]:
        return (*leftovers.late, *leftovers.early)


def _answers(part: Backend) -> bool:
    with suppress(HostError):
        part.require()
        part.read()
        return True
    return False


def _late_answers(part: Late) -> bool:
    with suppress(HostError):
        part.require()
        part.read(None)
        return True
    return False

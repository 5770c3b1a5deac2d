# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host's rules: the early part that denies, and the late part that accepts, as one backend.

The early part alone knows who may reach which port. Without it the late part accepts nothing, or no more than the plan.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.boot_conflicts import boot_conflicts
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.late import Late
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Backend, Live, Snapshot

Part = t.Union[Backend, Late]


@dataclass(frozen=True)
class Leftovers:
    """Parts of ours that another firewall manager needed before, or the host before it had nft."""

    early: tuple[Backend, ...] = ()
    late: tuple[Late, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts, in the order in which they are removed."""
        return (*self.late, *self.early)


class Firewall:
    """The early and the late part for the current firewall manager, and parts for earlier managers that are to be removed."""

    def __init__(self, host: Host, early: Backend, late: Late, leftovers: Leftovers) -> None:
        self._host = host
        self._early = early
        self._late = late
        self._leftovers = leftovers
        self._late_is_read = False
        self.name = late.name

    def require(self) -> None:
        """Raise HostError if the host lacks what one of the parts needs."""
        self._early.require()
        self._late.require()

    def read(self) -> Live:
        """Return the ruleset of the early part, also if that is a leftover, and the differences in both parts."""
        found, lines = self._state
        return Live(self._loaded_ruleset, (*found.drift, *lines, *self._left_over()))

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return the differences in the persisted state of both parts, and files of earlier managers."""
        self._read_late_once(want)
        left = (line for part in self._leftovers.parts for line in part.stale(None))
        return (*self._early.stale(want), *self._late.stale(want), *left)

    def conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return the conflicts of third-party rules with either part, and those that show at the next boot."""
        self._read_late_once(want)
        return (*self._early.conflicts(want), *self._late.conflicts(want), *boot_conflicts(self._host, self.name))

    def translations(self) -> tuple[Translation, ...]:
        """Return where the host sends packets on to other addresses."""
        return (*self._early.translations(), *self._late.translations())

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Check both parts with the host's own programs."""
        self._early.validate(want, check_mode=check_mode)
        self._late.validate(want, check_mode=check_mode)

    def snapshot(self, live: Live) -> Snapshot:
        """Return what brings both parts back, and the leftovers that a change removes."""
        parts = [self._early.snapshot(self._state[0]), self._late.snapshot(live.ruleset)]
        parts += [early.snapshot(early.read()) for early in self._loaded.early]
        parts += [late.snapshot(live.ruleset) for late in self._loaded.late]
        files = dict.fromkeys(file for part in parts for file in part.files)
        return Snapshot((*files,), tuple(command for part in parts for command in part.load))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Load the early part, then the late part; remove them the other way round.

        So an unauthorised source never gets in. Leftovers are removed before the late part is loaded, because the rules of
        two firewall managers may be alike.
        """
        found, _lines = self._state
        early = () if found.ruleset == want and not found.drift else (self._early,)
        warnings = [line for part in (early if want is not None else ()) for line in part.apply(want)]
        warnings += [line for part in self._loaded.parts for line in part.apply(None)]
        if self._loaded.parts:
            self._late.read(want)
        warnings += self._late.apply(want)
        warnings += [line for part in (early if want is None else ()) for line in part.apply(None)]
        return tuple(warnings)

    def persist(self, want: Ruleset | None) -> None:
        """Make both parts what a reboot loads, then remove the files of earlier managers."""
        self._read_late_once(want)
        wanted: dict[Part, Ruleset | None] = {self._early: want, self._late: want}
        for part, ruleset in {**wanted, **dict.fromkeys(self._leftovers.parts)}.items():
            if part.stale(ruleset):
                part.persist(ruleset)

    @cached_property
    def _state(self) -> tuple[Live, tuple[str, ...]]:
        """The early part as it was found, and the differences in the late part."""
        return self._early_state, self._read_late(self._loaded_ruleset)

    @cached_property
    def _early_state(self) -> Live:
        return self._early.read()

    @cached_property
    def _loaded_ruleset(self) -> Ruleset | None:
        """The ruleset of the early part, or of the early part that the host had before it had nft."""
        states = (early.read() for early in self._loaded.early)
        return next((live.ruleset for live in (self._early_state, *states) if live.ruleset is not None), None)

    def _read_late(self, ruleset: Ruleset | None) -> tuple[str, ...]:
        self._late_is_read = True
        return self._late.read(ruleset)

    def _read_late_once(self, want: Ruleset | None) -> None:
        """Have the late part know the loaded rules: what it persists may depend on them."""
        if not self._late_is_read:
            self._read_late(want)

    @cached_property
    def _loaded(self) -> Leftovers:
        """The leftovers whose firewall can still be asked; of the others only files are left."""
        early = tuple(part for part in self._leftovers.early if _answers(part, part.read))
        return Leftovers(
            early, tuple(part for part in self._leftovers.late if _answers(part, partial(part.read, None)))
        )

    def _left_over(self) -> Iterator[str]:
        for part in self._leftovers.parts:
            yield f"rules and files for {part.name}, which are not needed any more"


def _answers(part: Part, read: t.Callable[[], object]) -> bool:
    with suppress(HostError):
        part.require()
        read()
        return True
    return False

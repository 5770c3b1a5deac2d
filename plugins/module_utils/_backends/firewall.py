# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend of a host: the early part, which drops unauthorised packets, and the late part, which accepts the rest.

Only the early part contains the sources of each port. Without it, the late part accepts no packet, or no more than the
plan allows.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.boot_conflicts import find_boot_conflicts
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.late import Late
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Backend, Live, Snapshot

Part = t.Union[Backend[Ruleset], Late]


@dataclass(frozen=True)
class Leftovers:
    """Unneeded parts: the late parts of other firewall managers, and the early part from before nft was installed."""

    early: tuple[Backend[Ruleset], ...] = ()
    late: tuple[Late, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts, in the order in which they are removed."""
        return (*self.late, *self.early)


class Firewall:
    """The early and the late part for the current firewall manager, and leftovers, which a change removes."""

    def __init__(self, host: Host, early: Backend[Ruleset], late: Late, leftovers: Leftovers) -> None:
        self._host = host
        self._early = early
        self._late = late
        self._leftovers = leftovers
        self._late_is_read = False
        self.name = late.name

    def require(self) -> None:
        """Check the requirements of both parts. Raises HostError."""
        self._early.require()
        self._late.require()

    def read(self) -> Live[Ruleset]:
        """Return the ruleset of the early part, even if that part is a leftover, and the differences in both parts."""
        found, lines = self._state
        return Live(self._loaded_ruleset, (*found.drift, *lines, *self._list_leftovers()), found.counts)

    def compare_persisted(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return the differences in the persisted state of both parts, and the files of leftovers."""
        self._read_late_once(want)
        left = (line for part in self._leftovers.parts for line in part.compare_persisted(None))
        late_want = _select_late(want)
        return (*self._early.compare_persisted(want), *self._late.compare_persisted(late_want), *left)

    def find_conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return the conflicts of third-party rules with either part, and conflicts at the next boot."""
        self._read_late_once(want)
        return (
            *self._early.find_conflicts(want),
            *self._late.find_conflicts(want),
            *find_boot_conflicts(self._host, self.name),
        )

    def find_translations(self) -> tuple[Translation, ...]:
        """Return the destination translations of the host."""
        return (*self._early.find_translations(), *self._late.find_translations())

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Check both parts with the host's own programs."""
        self._early.validate(want, check_mode=check_mode)
        self._late.validate(_select_late(want), check_mode=check_mode)

    def snapshot(self, live: Live[Ruleset], want: Ruleset | None) -> Snapshot:
        """Return the files and commands that restore both parts, and the leftovers that a change removes."""
        late_ruleset = _select_late(live.ruleset)
        parts = [self._early.snapshot(self._state[0], want), self._late.snapshot(late_ruleset)]
        parts += [early.snapshot(early.read(), want) for early in self._loaded.early]
        parts += [late.snapshot(late_ruleset) for late in self._loaded.late]
        files = dict.fromkeys(file for part in parts for file in part.files)
        return Snapshot((*files,), tuple(command for part in parts for command in part.load))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Load the early part, then the late part; remove them in the opposite order. A staged ruleset has no late part.

        No packet of an unauthorised source is accepted at any time. Leftovers are removed before the late part is loaded,
        because the rules of two firewall managers can be equal.
        """
        found, _lines = self._state
        early = () if found.ruleset == want and not found.drift else (self._early,)
        warnings = [line for part in (early if want is not None else ()) for line in part.apply(want)]
        warnings += [line for part in self._loaded.parts for line in part.apply(None)]
        if self._loaded.parts:
            self._read_late(want)
        warnings += self._late.apply(_select_late(want))
        warnings += [line for part in (early if want is None else ()) for line in part.apply(None)]
        return tuple(warnings)

    def persist(self, want: Ruleset | None) -> None:
        """Save both parts for the next boot, then remove the files of leftovers."""
        self._read_late_once(want)
        wanted: dict[Part, Ruleset | None] = {self._early: want, self._late: _select_late(want)}
        for part, ruleset in {**wanted, **dict.fromkeys(self._leftovers.parts)}.items():
            if part.compare_persisted(ruleset):
                part.persist(ruleset)

    @cached_property
    def _state(self) -> tuple[Live[Ruleset], tuple[str, ...]]:
        """The initial state of the early part, and the differences in the late part."""
        return self._early_state, self._read_late(self._loaded_ruleset)

    @cached_property
    def _early_state(self) -> Live[Ruleset]:
        return self._early.read()

    @cached_property
    def _loaded_ruleset(self) -> Ruleset | None:
        """The ruleset of the early part, or else of the early part from before nft was installed."""
        states = (early.read() for early in self._loaded.early)
        return next((live.ruleset for live in (self._early_state, *states) if live.ruleset is not None), None)

    def _read_late(self, ruleset: Ruleset | None) -> tuple[str, ...]:
        self._late_is_read = True
        return self._late.read(_select_late(ruleset))

    def _read_late_once(self, want: Ruleset | None) -> None:
        """Make the late part read the loaded rules, because its persisted state can depend on them."""
        if not self._late_is_read:
            self._read_late(want)

    @cached_property
    def _loaded(self) -> Leftovers:
        """The leftovers whose firewall is still available. The other leftovers are only files."""
        early = tuple(part for part in self._leftovers.early if _is_available(part, part.read))
        return Leftovers(
            early, tuple(part for part in self._leftovers.late if _is_available(part, partial(part.read, None)))
        )

    def _list_leftovers(self) -> Iterator[str]:
        for part in self._leftovers.parts:
            yield f"rules and files for {part.name}: not needed any more"


def _select_late(ruleset: Ruleset | None) -> Ruleset | None:
    """Return the ruleset of the late part. With a staged ruleset only the host's own rules decide, so it has no late part."""
    return None if ruleset is None or ruleset.staged else ruleset


def _is_available(part: Part, read: t.Callable[[], object]) -> bool:
    with suppress(HostError):
        part.require()
        read()
        return True
    return False

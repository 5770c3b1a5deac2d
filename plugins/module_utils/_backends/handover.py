# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend that takes a host over from those that were used there before, in one and the same transaction.

A host's firewall may become another one, by somebody's wish or because firewalld or ufw was turned on. Rules that the
old backend left would go on to refuse whoever is new.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.rules import CHAIN
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.names import TABLE
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import (
    Backend,
    Live,
    Obstacle,
    Snapshot,
    Translation,
)


class Succession:
    """The backend of now, and those before it, of which nothing shall be left."""

    def __init__(self, heir: Backend, before: tuple[Backend, ...]) -> None:
        self._heir = heir
        self._before = before
        self.name = heir.name

    def require(self) -> None:
        """What the backend of now needs."""
        self._heir.require()

    def read(self) -> Live:
        """What the backend of now has; and a line for each one before it."""
        live = self._heir.read()
        return Live(live.ruleset, (*live.drift, *self._left))

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """What of the files differs, and what is left of those before."""
        return (*self._heir.stale(want), *(line for one in self._before for line in one.stale(None)))

    def obstacles(self, want: Ruleset) -> tuple[Obstacle, ...]:
        """Those that are not surely made of our own rules, which go."""
        found = (
            one for one in self._heir.obstacles(want) if TABLE not in one.where and CHAIN not in one.where + one.reason
        )
        names = " and ".join(one.name for one in self._before)
        first = f". If it is a rule of this collection, made by the backend {names}, remove that first: `state: absent`"
        return tuple(replace(one, advice=one.advice + first) for one in found)

    def translations(self) -> tuple[Translation, ...]:
        """As the backend of now sees them."""
        return self._heir.translations()

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Of the backend of now."""
        self._heir.validate(want, check_mode=check_mode)

    def snapshot(self, live: Live) -> Snapshot:
        """The state of all of them."""
        own = Live(live.ruleset, tuple(line for line in live.drift if line not in self._left))
        parts = [self._heir.snapshot(own), *(one.snapshot(state) for one, state in self._loaded)]
        files = dict.fromkeys(file for part in parts for file in part.files)
        return Snapshot((*files,), tuple(command for part in parts for command in part.load))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """First the new rules, so that at no moment there are none."""
        loaded = self._loaded
        warnings = self._heir.apply(want)
        return (*warnings, *(line for one, _live in loaded for line in one.apply(None)))

    def persist(self, want: Ruleset | None) -> None:
        """First the new files."""
        self._heir.persist(want)
        for one in self._before:
            one.persist(None)

    @property
    def _left(self) -> tuple[str, ...]:
        return tuple(f"rules and files of the backend {one.name}, which was used before" for one in self._before)

    @cached_property
    def _loaded(self) -> tuple[tuple[Backend, Live], ...]:
        """Those before that have rules in force; one whose firewall is off or gone has files alone."""
        found = []
        for one in self._before:
            with suppress(HostError):
                one.require()
                found.append((one, one.read()))
        return tuple(found)

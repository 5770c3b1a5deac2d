# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports on hosts whose firewall program cannot tell which port a forwarded packet was addressed to.

ufw and firewalld judge a packet by its port in the container, which differs from the published one and may change, and
Docker's own rules pass both by. So they hold the rules for the published ports as for any port of the host, where their
users look for them, and beside them a table of nftables holds the same for what is forwarded. It can only refuse, and
whatever it refuses is refused, whoever else accepts it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.place import BESIDE
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import stale_parts
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import (
    Ruleset,
    make_ruleset,
    published_part,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import (
    Backend,
    Live,
    Obstacle,
    Snapshot,
    Translation,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import PENDING


class WithPublished:
    """A backend for packets to the host itself, and where a port is published the table beside it."""

    def __init__(self, host: Host, main: Backend) -> None:
        self._host = host
        self._main = main
        self._found = Live(None)
        self._concerned = False  # the table is there, or may be, or is wanted
        self.name = main.name

    def require(self) -> None:
        """What the backend needs; the table needs nft, but only where a port is published."""
        self._main.require()

    def read(self) -> Live:
        """What both have. The table is looked for where its file is, or a change that may have made it was not finished."""
        live = self._main.read()
        traces = (self._host.path(path).exists() for path in (BESIDE.file, PENDING))
        self._concerned = any(traces) and bool(self._host.which("nft"))
        if self._concerned:
            self._found = self._beside.read()
        ruleset = live.ruleset and _marked(live.ruleset, self._found.ruleset)
        same = _published(ruleset) == self._found.ruleset
        drift = (*live.drift, *self._found.drift)
        return Live(ruleset, drift if same else (*drift, f"table inet {BESIDE.table}: it differs from the other rules"))

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """What of the files of both differs."""
        return (*self._main.stale(want and _plain(want)), *self._stale_beside(_published(want)))

    def obstacles(self, want: Ruleset) -> tuple[Obstacle, ...]:
        """What hinders either. HostError where a port is published and there is no nft."""
        found = self._main.obstacles(_plain(want))
        published = _published(want)
        if published is None:
            return found
        # It is what publishes a port that sends its packets elsewhere.
        ports = {str(entry.service) for entry in published.allow}
        found = tuple(one for one in found if one.effect != "divert" or not ports.issuperset(one.ports))
        self._concerned = True
        self._beside.require()
        return (*found, *self._beside.obstacles(published))

    def translations(self) -> tuple[Translation, ...]:
        """As the backend sees them."""
        return self._main.translations()

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """By the host's tools for both."""
        self._main.validate(want and _plain(want), check_mode=check_mode)
        published = _published(want)
        if published:
            self._beside.validate(published, check_mode=check_mode)

    def snapshot(self, live: Live) -> Snapshot:
        """The state of both."""
        parts = [self._main.snapshot(Live(live.ruleset and _plain(live.ruleset), live.drift))]
        parts += [self._beside.snapshot(self._found)] if self._concerned else []
        return Snapshot(
            tuple(file for part in parts for file in part.files), tuple(one for part in parts for one in part.load)
        )

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """First the table. It keeps no state, so it ends flows by itself."""
        if self._concerned:
            self._beside.apply(_published(want))
        return self._main.apply(want and _plain(want))

    def persist(self, want: Ruleset | None) -> None:
        """Both; what is right already is left alone."""
        self._main.persist(want and _plain(want))
        published = _published(want)
        if self._stale_beside(published):
            self._beside.persist(published)

    @cached_property
    def _beside(self) -> Backend:
        # Most hosts publish no port, and loading the code takes longer than to see that.
        from ansible_collections.gatehouse.kong.plugins.module_utils._backends.nftables.backend import Nftables  # noqa: PLC0415

        return Nftables(self._host, BESIDE)

    def _stale_beside(self, published: Ruleset | None) -> tuple[str, ...]:
        return self._beside.stale(published) if published else stale_parts(self._host, BESIDE.boot_unit(), None)


def _plain(ruleset: Ruleset) -> Ruleset:
    """The ruleset for packets to the host itself."""
    return replace(ruleset, allow=tuple(replace(entry, published=False) for entry in ruleset.allow))


def _published(ruleset: Ruleset | None) -> Ruleset | None:
    """The ruleset for forwarded packets, None where there is nothing to hold."""
    part = published_part(ruleset) if ruleset else Ruleset()
    return part if part.allow else None


def _marked(ruleset: Ruleset, beside: Ruleset | None) -> Ruleset:
    published = beside.allow if beside else ()
    marked = (replace(entry, published=replace(entry, published=True) in published) for entry in ruleset.allow)
    return make_ruleset(marked, ruleset.sets)

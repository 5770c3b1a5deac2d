# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every firewall backend offers, so that one transaction drives them all."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset


@dataclass(frozen=True)
class Live:
    """What the kernel holds of ours: None where there is nothing, and a line for each thing that does not belong."""

    ruleset: Ruleset | None
    drift: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """What brings the present state of ours back.

    `files` are all paths that `apply` and `persist` may write or remove. `load` are the commands,
    each with its standard input, that bring the live state back once those files are as they were.
    """

    files: tuple[str, ...]
    load: tuple[tuple[tuple[str, ...], str], ...]


class Backend(t.Protocol):
    """One firewall system. It owns one namespace there, and touches nothing outside it.

    A want of None means: nothing of ours, no trace. Each method raises HostError when the host refuses; `require`,
    `read`, `stale`, `conflicts`, `validate` and `snapshot` change nothing.
    """

    name: str

    def require(self) -> None:
        """Refuse a host that lacks what this backend needs, before anything is touched."""

    def read(self) -> Live:
        """The live state of ours."""

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """One line for each part of the persisted state that would not bring `want` back after a reboot."""

    def conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """What on the host would defeat the ruleset, certain or not."""

    def translations(self) -> tuple[Translation, ...]:
        """Where the host sends packets on to other addresses, as far as `read` and `conflicts` came to see it."""

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Have the host's own tools check what `apply` would load.

        Outside of check mode, tools that load all or nothing check it when they load it.
        """

    def snapshot(self, live: Live) -> Snapshot:
        """How to get back to the state that `read` gave, in words that need neither this code nor a connection."""

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Replace the live state in one step; until then the old one holds, afterwards the new one.

        Flows that the new one does not allow end. A line for each thing that its user has to know.
        """

    def persist(self, want: Ruleset | None) -> None:
        """Make `want` what a reboot brings; if it fails, the persisted state is as before."""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface of every firewall backend, so that one transaction drives all of them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.counts import Counts

# The rules that a transaction replaces as a whole: the ruleset of a host, or the translations of a gateway.
Rules = t.TypeVar("Rules")


@dataclass(frozen=True)
class Live(t.Generic[Rules]):
    """Our rules in the kernel (None if there are none), and a line for each difference from complete rules.

    `counts` has the counted packets of other sources, None if the ruleset does not count.
    """

    ruleset: Rules | None
    drift: tuple[str, ...] = ()
    counts: Counts | None = None


@dataclass(frozen=True)
class Snapshot:
    """The data that restores the present state of our rules.

    `files` are all paths that `apply` and `persist` may write or remove. `load` are the commands, each with its standard
    input, that restore the live state after the files are restored.
    """

    files: tuple[str, ...]
    load: tuple[tuple[tuple[str, ...], str], ...]


class Backend(t.Protocol[Rules]):
    """A firewall system. A backend changes only its own namespace in that system.

    A `want` of None means that none of our rules and files may be present. A failed command or file operation raises
    HostError. `require`, `read`, `compare_persisted`, `find_conflicts`, `validate` and `snapshot` change nothing.
    """

    name: str

    def require(self) -> None:
        """Raise HostError unless the host has the programs and permissions that this backend needs."""

    def read(self) -> Live[Rules]:
        """Return the live state of our rules."""

    def compare_persisted(self, want: Rules | None) -> tuple[str, ...]:
        """Return a line for each part of the persisted state that would not restore `want` after a reboot."""

    def find_conflicts(self, want: Rules) -> tuple[Conflict, ...]:
        """Return the conflicts with third-party rules, both certain and possible ones."""

    def find_translations(self) -> tuple[Translation, ...]:
        """Return the address translations of the host that `read` and `find_conflicts` have found."""

    def validate(self, want: Rules | None, *, check_mode: bool) -> None:
        """Raise HostError unless the host's own tools accept the rules that `apply` would load.

        Outside of check mode, an atomic tool may skip this check, because it checks the rules when it loads them.
        """

    def snapshot(self, live: Live[Rules], want: Rules | None) -> Snapshot:
        """Return the data that restores the state from `read` after `apply` of `want`, without this code and a connection."""

    def apply(self, want: Rules | None) -> tuple[str, ...]:
        """Replace the live state in one atomic step, and return warnings for the user.

        Connections that the new state does not allow are ended.
        """

    def persist(self, want: Rules | None) -> None:
        """Make a reboot load `want`. If this fails, the persisted state is unchanged."""

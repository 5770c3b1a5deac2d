# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part of a host's rules: it accepts authorised packets before the host drops packets by default.

The early part drops packets of unauthorised sources and marks authorised packets. It accepts no packet in the chains of
the host's own firewall, so a host that drops by default needs the late part too. Its rule follows all rules of the host
that drop only some sources, so that bans stay effective.
"""

from __future__ import annotations

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Snapshot


class Late(t.Protocol):
    """The late part for one firewall manager.

    A ruleset of None means that none of our rules and files may be present. Each method raises HostError on failure.
    `require`, `read`, `compare_persisted`, `find_conflicts`, `find_translations`, `validate` and `snapshot` change nothing. `read` is called
    first, and again after each change.
    """

    name: str

    def require(self) -> None:
        """Check the programs and privileges that this part needs. Raises HostError."""

    def read(self, ruleset: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each difference between the loaded rules and the rules that `ruleset` needs."""

    def compare_persisted(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each persisted part that would not restore the rules for `want` after a reboot."""

    def find_conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return the rules of the manager that conflict with `want` after its late part is loaded."""

    def find_translations(self) -> tuple[Translation, ...]:
        """Return the destination translations of the host that `find_conflicts` found."""

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Check the rules that `apply` would load with the host's own programs."""

    def snapshot(self, ruleset: Ruleset | None) -> Snapshot:
        """Return the files and commands that restore the current late part; `ruleset` is the current ruleset."""

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Load the late part for `want` without losing authorised packets. Return warnings."""

    def persist(self, want: Ruleset | None) -> None:
        """Save the late part for `want` for the next boot. If that fails, the persisted state is unchanged."""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part of a host's rules: accepts what the early part authorised, just before the host's default.

The early part drops unauthorised sources and marks authorised packets; it accepts nothing in the chains of the host's own
firewall. A host that drops by default needs the late part as well. It comes after every rule of the host that is about
some sources only, so that a ban holds.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.walk import ACCEPT, DROP
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset, Service
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Snapshot


class Late(t.Protocol):
    """The late part for one firewall manager.

    A ruleset of None means that no rule or file of ours may be left. Each method raises HostError if the host refuses. `require`, `read`,
    `stale`, `conflicts`, `translations`, `validate` and `snapshot` change nothing; `read` is called before the others, and
    again after each change.
    """

    name: str

    def require(self) -> None:
        """Raise HostError if the host lacks a program or a right that this part needs."""

    def read(self, ruleset: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each difference between the loaded rules and those that `ruleset` needs."""

    def stale(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each persisted part that would not bring the rules for `want` back after a reboot."""

    def conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return the rules of the manager that conflict with `want`, once the late part for it is loaded."""

    def translations(self) -> tuple[Translation, ...]:
        """Return where the host sends packets on to other addresses, as far as `conflicts` found it."""

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Check what `apply` would load with the host's own programs."""

    def snapshot(self, ruleset: Ruleset | None) -> Snapshot:
        """Return what brings the present late part back; `ruleset` is the one that is in force."""

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Load the late part for `want`; no authorised packet is lost meanwhile. Return warnings."""

    def persist(self, want: Ruleset | None) -> None:
        """Make the late part for `want` what a reboot loads. If that fails, the persisted state is unchanged."""


def exempt_rule(where: str, rule: str, verdict: str, services: Iterable[Service], limit: str) -> Conflict:
    """Return the warning about a rule of the host that does not hold for authorised packets.

    The rule accepts packets up to a limit, or it drops packets of some sources and comes after our rule. `limit` is an
    example of a rule that drops the packets above a limit.
    """
    reason, advice = {
        ACCEPT: (
            "accepts a part of the packets, and the rule of gatehouse.kong accepts the rest",
            f"Drop what is above the limit instead, as with `{limit}`",
        ),
        DROP: (
            "comes after a rule that drops everything else, so the rule of gatehouse.kong comes before both",
            "Move it to the top of its chain",
        ),
    }[verdict]
    return Conflict(
        certain=False,
        where=where,
        reason=f"`{rule}` {reason}",
        ports=tuple(dict.fromkeys(map(str, services))),
        advice=advice,
        effect="exempt",
    )

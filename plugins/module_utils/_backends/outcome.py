# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of a run as plain data, and as lines for people."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.effects import describe_effects
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import Outcome

if t.TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.diff import RulesetDiff


def describe_outcome(outcome: Outcome[Ruleset]) -> dict[str, t.Any]:
    """Return the outcome as plain data."""
    same = outcome.have == outcome.want
    rules = {"ports": [], "members": []} if same else _describe_rules(outcome.diff)
    return {**rules, "drift": list(outcome.drift), "boot": list(outcome.stale)}


def report(outcome: Outcome[Ruleset]) -> list[str]:
    """Return a line for each difference between the host and its plan, the effect first, and for each conflict."""
    lines = describe_effects(outcome.have, outcome.want)
    lines += [f"difference: {line}" for line in outcome.drift]
    lines += [f"at boot: {line}" for line in outcome.stale]
    return [*lines, *map(str, outcome.conflicts)]


def _describe_rules(diff: RulesetDiff) -> dict[str, t.Any]:
    ports = [
        {**asdict(change.service), "listeners": change.listeners, "gained": change.gained, "lost": change.lost}
        for change in diff.ports
    ]
    return {"ports": ports, "members": [asdict(change) for change in diff.members]}

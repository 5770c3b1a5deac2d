# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_firewall_info."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.outcome import describe_outcome, report
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import (
    RulesetError,
    ruleset_from_data,
    ruleset_to_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import Outcome, inspect


def inspect_firewall(params: Mapping[str, t.Any]) -> tuple[dict[str, t.Any], Outcome[Ruleset]]:
    """Return the differences as the result of the module, and the outcome of a run in check mode.

    Without a ruleset, the rules of the host are compared with themselves, so that only their state is reported.
    """
    host = Host()
    rollback = Rollback(host)
    # Without the lock, another run could change the rules during the comparison.
    with rollback.hold_lock():
        choice = choose(host, params["backend"])
        given = params["ruleset"]
        want = ruleset_from_data(given) if given else inspect(choice.backend, None, rollback).have
        outcome = inspect(choice.backend, want, rollback)
    result = {
        "differs": outcome.changed,
        "report": report(outcome),
        "backend": choice.backend.name,
        "backend_reason": choice.reason,
        "early": choice.early,
        "changes": describe_outcome(outcome),
        "conflicts": [asdict(conflict) for conflict in outcome.conflicts],
    }
    return result, outcome


def run(module: AnsibleModule) -> None:
    """Compare the firewall with the ruleset, and exit with the result."""
    try:
        require_root("kong_firewall_info")
        result, outcome = inspect_firewall(module.params)
    except (RulesetError, HostError) as error:
        module.fail_json(msg=str(error))
    if not module.params["ruleset"]:
        result["ruleset"] = ruleset_to_data(outcome.have) if outcome.have else None
    staged = outcome.have is not None and outcome.have.staged
    counts = outcome.counts.as_dict() if outcome.counts else None
    module.exit_json(changed=False, **result, staged=staged, counts=counts)

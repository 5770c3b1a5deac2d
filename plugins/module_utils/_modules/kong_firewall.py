# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_firewall."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, replace

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.outcome import describe_outcome
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.registry import choose
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import RulesetError, ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import DEFAULT_DAYS, Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Backend
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Kept, Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import (
    ConflictError,
    Guard,
    LockoutError,
    Outcome,
    confirm,
    converge,
)

if t.TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import Connection

ERRORS = (RulesetError, HostError, LockoutError, ConflictError)
STATES_WITH_RULESET = ("present", "staged", "merged")
_LEAST_TIMEOUT = 5
_NOTHING_KEPT = "this host has no previous ruleset of gatehouse.kong, so nothing was rolled back"
_NOT_ENFORCED = (
    "the ruleset was enforced and is now staged: unauthorised sources are not dropped any more, and allowed sources only "
    "connect if the host's own rules accept them. Check the host's own rules"
)


def choose_wanted(state: str, ruleset: Ruleset | None, backend: Backend[Ruleset], rollback: Rollback) -> Kept | None:
    """Return the requested state; None for a rollback on a host without a previous ruleset."""
    if state == "rolled_back":
        return rollback.read_previous()
    if state == "merged" and ruleset is not None:
        from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.union import unite  # noqa: PLC0415

        backend.require()
        return Kept(unite(backend.read().ruleset, ruleset))
    if ruleset is None:
        return Kept(None)
    staged = state == "staged"
    days = ruleset.count_days or (DEFAULT_DAYS if staged else 0)
    return Kept(replace(ruleset, staged=staged, count_days=days))


def _find_connection() -> Connection | None:
    """Return the connection of the controller. It is only searched if there is a change."""
    from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lockout import find_connection  # noqa: PLC0415

    return find_connection()


def change_rules(module: AnsibleModule, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Run the first or the second phase of a change, and return the result. Raises one of ERRORS."""
    host = Host()
    rollback = Rollback(host)
    # The requested state may depend on the present state, which no other run may change until the end of the phase.
    with rollback.hold_lock():
        choice = choose(host, params["backend"])
        result = {
            "changed": False,
            "backend": choice.backend.name,
            "backend_reason": choice.reason,
            "early": choice.early,
        }
        return {**result, **_run_phase(module, params, choice.backend, rollback)}


def _run_phase(
    module: AnsibleModule, params: t.Mapping[str, t.Any], backend: Backend[Ruleset], rollback: Rollback
) -> dict[str, t.Any]:
    state = params["state"]
    ruleset = ruleset_from_data(params["ruleset"]) if state in STATES_WITH_RULESET else None
    want = choose_wanted(state, ruleset, backend, rollback)
    if want is None:
        module.warn(_NOTHING_KEPT)
        return {"changes": None, "conflicts": []}
    if params["confirm"]:
        transitional = state == "merged" and want.ruleset != ruleset
        keep = state != "rolled_back"
        confirm(backend, want.ruleset, rollback, params["confirm"], keep=keep, transitional=transitional)
        return {"changed": True}
    guard = Guard(rollback, params["rollback_timeout"], _find_connection)
    outcome = converge(backend, want.ruleset, guard, check_mode=module.check_mode, opens=ruleset)
    for warning in (*outcome.conflicts, *outcome.warnings, *_list_stage_warnings(outcome)):
        module.warn(str(warning))
    return {
        "changed": outcome.changed,
        "changes": describe_outcome(outcome),
        "conflicts": [asdict(conflict) for conflict in outcome.conflicts],
        **({"_transaction": outcome.transaction} if outcome.transaction else {}),
        **({"diff": {"before": outcome.before, "after": outcome.after}} if module._diff else {}),
    }


def _list_stage_warnings(outcome: Outcome[Ruleset]) -> list[str]:
    staged = outcome.want is not None and outcome.want.staged
    return [_NOT_ENFORCED] if staged and outcome.have is not None and not outcome.have.staged else []


def run(module: AnsibleModule) -> None:
    """Change the firewall, and exit with the result."""
    if module.params["rollback_timeout"] < _LEAST_TIMEOUT:
        module.fail_json(
            msg=f"rollback_timeout is {module.params['rollback_timeout']!r}; it must be at least {_LEAST_TIMEOUT} seconds, "
            "because a new connection needs time",
        )
    try:
        require_root("kong_firewall")
        result = change_rules(module, module.params)
    except ERRORS as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)

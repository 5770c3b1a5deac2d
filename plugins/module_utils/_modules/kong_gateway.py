# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_gateway."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import (
    Nat,
    NatError,
    format_nat,
    nat_from_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.table import AREA, NatTable
from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.union import unite_nats
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import Kept, Rollback
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import (
    ConflictError,
    Guard,
    Outcome,
    confirm,
    converge,
)

STATES_WITH_FORWARDS = ("present", "merged")
_NOTHING_KEPT = "this host has no previous translations of gatehouse.kong, so nothing was rolled back"
_KINDS = {"+": "unexpected: ", "-": "missing: "}


def _apply(module: AnsibleModule) -> dict[str, t.Any]:
    """Run the first or the second phase of a change, and return the result. Raises NatError, HostError or ConflictError."""
    host, params = Host(), module.params
    given = (params["forwards"], params["egress"], params["sets"], params["shared_addresses"])
    interfaces = params["outside_interfaces"]
    planned = nat_from_data(*given, interfaces) if params["state"] in STATES_WITH_FORWARDS else None
    rollback = Rollback(host, AREA)
    # The requested state may depend on the present state, which no other run may change until the end of the phase.
    with rollback.hold_lock():
        return _run_phase(module, NatTable(host), rollback, planned)


def choose_wanted(state: str, planned: Nat | None, table: NatTable, rollback: Rollback) -> Kept | None:
    """Return the requested state; None for a rollback on a host without previous translations."""
    if state == "rolled_back":
        return rollback.read_previous()
    if state == "merged" and planned is not None:
        table.require()
        return Kept(unite_nats(table.read_usable(), planned))
    return Kept(planned)


def _run_phase(module: AnsibleModule, table: NatTable, rollback: Rollback, planned: Nat | None) -> dict[str, t.Any]:
    params = module.params
    state, transaction = params["state"], params["confirm"]
    wanted = choose_wanted(state, planned, table, rollback)
    if wanted is None:
        module.warn(_NOTHING_KEPT)
        return {"changed": False, "report": [], "conflicts": []}
    want = wanted.ruleset
    if transaction:
        transitional = state == "merged" and want != planned
        confirm(table, want, rollback, transaction, keep=state != "rolled_back", transitional=transitional)
        return {"changed": True}
    if want is None and table.is_untouched():
        return _make_result(module, Outcome(None, None, (), (), (), changed=False))
    guard = Guard(rollback, params["rollback_timeout"])
    return _make_result(module, converge(table, want, guard, check_mode=module.check_mode, opens=planned))


def _make_result(module: AnsibleModule, outcome: Outcome[Nat]) -> dict[str, t.Any]:
    for warning in (*outcome.conflicts, *outcome.warnings):
        module.warn(str(warning))
    differences = _describe_differences(outcome)
    before = format_nat(outcome.have) + "".join(f"{line}\n" for line in differences)
    return {
        "changed": outcome.changed,
        "report": [*_compare_translations(outcome), *differences],
        "conflicts": [asdict(conflict) for conflict in outcome.conflicts],
        **({"_transaction": outcome.transaction} if outcome.transaction else {}),
        **({"diff": {"before": before, "after": format_nat(outcome.want)}} if module._diff else {}),
    }


def _compare_translations(outcome: Outcome[Nat]) -> list[str]:
    """Return a line for each translation and source that only the last change or only the options have."""
    have, want = (format_nat(nat).splitlines() for nat in (outcome.have, outcome.want))
    missing = [f"missing: {line}" for line in want if line not in have]
    return [*missing, *(f"unexpected: {line}" for line in have if line not in want)]


def _describe_differences(outcome: Outcome[Nat]) -> list[str]:
    """Return a line for each difference of the loaded table and of the files from those that the last change made."""
    drift = [_KINDS[line[0]] + line[1:].strip() if line[0] in _KINDS else line for line in outcome.drift]
    return [*drift, *(f"at boot: {line}" for line in outcome.stale)]


def run(module: AnsibleModule) -> None:
    """Change the translations, and exit with the result."""
    try:
        require_root("kong_gateway")
        result = _apply(module)
    except ConflictError as error:
        module.fail_json(msg=str(error), report=str(error).splitlines())
    except (NatError, HostError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_transparent."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.interceptor import (
    Interceptor,
    Outcome,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import (
    InterceptionError,
    interception_from_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.traces import find_deaf_listeners
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError


def apply_interception(
    params: Mapping[str, t.Any], warn: Callable[[str], None], *, check_mode: bool
) -> tuple[dict[str, t.Any], Outcome]:
    """Make the host match the rules, and return the result and the outcome; in check mode only the planned changes.

    Raises InterceptionError, HostError or ConflictError.
    """
    host = Host()
    want = (interception_from_data(params["interception"]) or None) if params["state"] == "present" else None
    interceptor = Interceptor(host)
    if want is None and params["state"] == "present" and interceptor.is_untouched():
        outcome = Outcome("", "", (), (), changed=False)
    else:
        outcome = interceptor.converge(want, check_mode=check_mode)
    deaf = find_deaf_listeners(host, want or ())
    for warning in (*outcome.conflicts, *deaf):
        warn(str(warning))
    result = {
        "changed": outcome.changed,
        "report": [*_describe_differences(outcome), *deaf],
        "drift": list(outcome.drift),
        "boot": list(outcome.stale),
        "deaf": list(deaf),
        "conflicts": [asdict(conflict) for conflict in outcome.conflicts],
    }
    return result, outcome


def _describe_differences(outcome: Outcome) -> list[str]:
    lines = [f"unexpected: {line[1:]}" for line in outcome.drift if line.startswith("+")]
    lines += [f"missing: {line[1:]}" for line in outcome.drift if line.startswith("-")]
    lines += [f"at boot: {line}" for line in outcome.stale]
    return lines or (["the intercept rules differ from the plan"] if outcome.changed else [])


def make_diff(outcome: Outcome) -> dict[str, str]:
    """Return the diff of the intercept rules."""
    extra = _describe_differences(outcome) if outcome.drift or outcome.stale else []
    return {"before": outcome.before + "".join(f"{line}\n" for line in extra), "after": outcome.after}


def run(module: AnsibleModule) -> None:
    """Change the intercept rules, and exit with the result."""
    try:
        require_root("kong_transparent")
        result, outcome = apply_interception(module.params, module.warn, check_mode=module.check_mode)
    except (InterceptionError, HostError, ConflictError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result, **({"diff": make_diff(outcome)} if module._diff else {}))

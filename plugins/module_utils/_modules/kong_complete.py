# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_complete."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import InterceptionError
from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_firewall import ERRORS, change_rules
from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_restore_point import apply_to_node

Result = t.Dict[str, t.Any]


def run(module: AnsibleModule) -> None:
    """Complete the change of a node, and exit with the result."""
    try:
        require_root("kong_complete")
        result = change_rules(module, module.params)
        # Without a change to confirm, or in the call that confirms it, nothing is left to do in the firewall.
        if "_transaction" not in result:
            result = complete(module, result)
    except (*ERRORS, InterceptionError, HostError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def complete(module: AnsibleModule, result: Result) -> Result:
    """Change the intercept rules, keep the restore point, and return the result with that of the firewall. Raises HostError."""
    params = module.params
    if params["interception"] is not None or params["interception_state"] == "absent":
        result = {**result, **_intercept(module, result)}
    apply_to_node(module, {**params, "state": "kept", "firewall": True})
    return result


def _intercept(module: AnsibleModule, result: Result) -> Result:
    # Most nodes intercept nothing, and a host compiles all code that a module imports.
    from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_transparent import (  # noqa: PLC0415
        apply_interception,
        make_diff,
    )

    given = {"state": module.params["interception_state"], "interception": module.params["interception"]}
    found, outcome = apply_interception(given, module.warn, check_mode=module.check_mode)
    diffs = [result["diff"], make_diff(outcome)] if "diff" in result else [make_diff(outcome)]
    return {
        "changed": result["changed"] or found["changed"],
        "interception": found,
        **({"diff": diffs} if module._diff else {}),
    }

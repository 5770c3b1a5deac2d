# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_node_info."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from functools import partial

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._interception.model import InterceptionError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.kong_file import (
    Warn,
    compare_file,
    warn_of_readers,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_firewall_info import inspect_firewall
from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_listen_info import (
    inspect_listeners,
    list_override_warnings,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_restore_point import has_open_run
from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_transparent import apply_interception
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import RulesetError
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.transaction import ConflictError

_ERRORS = (ConfError, ConflictError, HostError, InterceptionError, RulesetError, OSError)
Result = t.Dict[str, t.Any]


def inspect_node(params: Mapping[str, t.Any], warn: Warn) -> dict[str, Result]:
    """Return the result of each part. A part that cannot be inspected has `failed` and `msg`; the other parts are inspected."""
    settings = _inspect(partial(_inspect_settings, params, warn))
    listeners = {**params, "path": settings.get("path", params["path"])}
    return {
        "firewall": _inspect(partial(_inspect_firewall, params, warn)),
        "settings": settings,
        "listeners": _inspect(partial(inspect_listeners, listeners)),
        "interception": _inspect(lambda: apply_interception(params, warn, check_mode=True)[0]),
    }


def _inspect(function: Callable[[], Result]) -> Result:
    try:
        return {**function(), "failed": False}
    except _ERRORS as error:
        return {"failed": True, "msg": str(error)}


def _inspect_firewall(params: Mapping[str, t.Any], warn: Warn) -> Result:
    result, outcome = inspect_firewall(params)
    for conflict in outcome.conflicts:
        warn(str(conflict))
    return {**result, "blocked": any(conflict.stops for conflict in outcome.conflicts)}


def _inspect_settings(params: Mapping[str, t.Any], warn: Warn) -> Result:
    found = compare_file(params, warn)
    warn_of_readers(found.target, found.after, warn)
    return {**found.as_dict(), "changed": found.differs}


def run(module: AnsibleModule) -> None:
    """Compare the node with its plan, and exit with the result."""
    node = module.params.pop("node")
    found_warnings: list[str] = []
    try:
        require_root("kong_node_info")
    except HostError as error:
        module.fail_json(msg=str(error))
    parts = inspect_node({**module.params, **node, "state": "present"}, found_warnings.append)
    for text in list_override_warnings(parts["listeners"]):
        module.warn(text)
    host = Host()
    module.exit_json(
        changed=False,
        **parts,
        interrupted=has_open_run(host, module.params["backend"], module.params["service"]),
        has_program=host.locate(module.params["program"]).exists(),
        found_warnings=found_warnings,
    )

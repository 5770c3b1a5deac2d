# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_apply.

Each of its two calls only imports the code for its own part, because a host compiles all code that a module imports.
"""

from __future__ import annotations

import os
import shlex
import stat
import traceback
import typing as t
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root

_NOTHING = "nothing"

Result = t.Dict[str, t.Any]

if t.TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.failed_change import FailedChange


def run(module: AnsibleModule) -> None:
    """Save the state of the node, apply the settings, or roll back, and exit with the result."""
    node = module.params.pop("node")
    params = {**module.params, **node}
    try:
        require_root("kong_apply")
        params["kong"] = describe_kong(params)
        result = prepare(module, params)
    except (HostError, OSError) as error:
        module.fail_json(msg=str(error))
    if params["how"] != _NOTHING and "_transaction" not in result:
        merges = result["changed"]
        result = {**result, **apply_settings(module, params, merges=merges)}
        result["changed"] = merges or result["changed"]
    end = module.fail_json if result.pop("failed", False) else module.exit_json
    end(**result)


def describe_kong(params: t.Mapping[str, t.Any]) -> Result:
    """Return how Kong is run, as a restore point has it, in options of kong_service."""
    # The sockets of a container are not visible on the host.
    looks = 0 if params["container"] else params["retries"]
    return {
        "how": params["how"],
        "runs": bool(params["present"]) or not looks,
        "listeners": params["present"],
        "version": params["version"],
        "conf": params["path"],
        "settings": params["names"],
        "prefix": params["prefix"] or "",
        "program": params["program"],
        "restart_command": params["restart_command"] or "",
        "reload_command": params["reload_command"] or "",
        "looks": looks,
        "drain": params["drain"],
    }


def prepare(module: AnsibleModule, params: t.Mapping[str, t.Any]) -> Result:
    """Save the state of the node, then make the firewall allow the present and the planned sources. Raises HostError, OSError.

    A change of the firewall needs a confirmation over a new connection, which is the second call of the module.
    """
    if not params["confirm"]:
        from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_restore_point import apply_to_node  # noqa: PLC0415

        apply_to_node(module, {**params, "state": "taken"})
    if not params["firewall"] or params["how"] == _NOTHING or module.check_mode:
        return {"changed": False}
    from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_firewall import ERRORS, change_rules  # noqa: PLC0415

    try:
        return change_rules(module, {**params, "state": "merged"})
    except ERRORS as error:
        raise HostError(str(error)) from error


def apply_settings(module: AnsibleModule, params: t.Mapping[str, t.Any], *, merges: bool) -> Result:
    """Write Kong's file, make Kong use it, and return the result. After a failure, the file and Kong are rolled back.

    With `merges`, the firewall allows the sources of both states. If the result has `restores_firewall`, it is rolled back next.
    """
    from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.failed_change import FailedChange  # noqa: PLC0415
    from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_conf import write_settings  # noqa: PLC0415
    from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_service import change_kong  # noqa: PLC0415

    kong = params["kong"]
    failed = FailedChange("", params["path"], kong["runs"], kong["looks"] != 0, merges)
    file = {**params, "backup": True, "validate": _make_check(params)}
    written = _run_safely(module, lambda: write_settings(module, file))
    if written.get("failed"):
        return _restore(module, params, replace(failed, reason=written["msg"]), written)
    backup = written.get("backup_file")
    service = {"service": params["service"], "before": backup, "keep_before": params["keep_before"]}
    up = _run_safely(module, lambda: change_kong(module, {**kong, **service, "listeners": params["listeners"]}))
    if not up.get("failed"):
        return {**written, **up}
    failed = replace(
        failed,
        reason=up["msg"],
        path=written["path"],
        is_written=written["changed"],
        how=up.get("how", ""),
        is_refused=up.get("refused", False),
    )
    return _restore(module, params, failed, up, backup)


def _restore(
    module: AnsibleModule, params: t.Mapping[str, t.Any], failed: FailedChange, cause: Result, backup: str | None = None
) -> Result:
    """Restore the old file, make Kong run with it as before, and return the result of the failed change."""
    result = {**cause, "changed": failed.is_written, "reason": failed.reason}
    if module.check_mode:
        return {**result, "changed": False}
    for name, step in _list_steps(module, params, failed, backup):
        done = _run_safely(module, step)
        if done.get("failed"):
            return {**result, "msg": failed.explain_failed_step(name, done["msg"])}
    from ansible_collections.gatehouse.kong.plugins.module_utils._modules.kong_service import change_kong  # noqa: PLC0415

    again: Result = {}
    if how := failed.choose_action():
        service = {"how": how, "service": params["service"], "before": None, "keep_before": True}
        again = _run_safely(module, lambda: change_kong(module, {**params["kong"], **service}))
    # Kong runs as before even if its reload fails again.
    if again.get("failed") and not again.get("refused"):
        return {**result, "msg": failed.explain_lost_kong(again["msg"])}
    message = failed.explain(again["msg"] if again.get("failed") else "")
    return {**result, "msg": message, "restores_firewall": failed.restores_firewall}


def _list_steps(
    module: AnsibleModule, params: t.Mapping[str, t.Any], failed: FailedChange, backup: str | None
) -> Iterator[tuple[str, Callable[[], Result]]]:
    """Yield the steps that restore the old file, with their names."""
    if backup:
        yield "Restore the old file", lambda: _restore_file(module, backup, failed.path, params)
        if not params["keep_before"]:
            yield "Delete the copy of the old file", lambda: _remove_file(backup)
    elif failed.is_written:
        yield "Remove the file, because there was none before", lambda: _remove_file(failed.path)


def _restore_file(module: AnsibleModule, backup: str, path: str, params: t.Mapping[str, t.Any]) -> Result:
    """Replace a file by a copy of its backup, with the owner and mode of the backup."""
    staged = str(Path(module.tmpdir) / "restored")
    Host().copy(backup, staged)
    module.atomic_move(staged, path, unsafe_writes=params["unsafe_writes"])
    status = Path(backup).stat()
    os.chown(path, status.st_uid, status.st_gid)
    Path(path).chmod(stat.S_IMODE(status.st_mode))
    return {}


def _remove_file(path: str) -> Result:
    Path(path).unlink(missing_ok=True)
    return {}


def _make_check(params: t.Mapping[str, t.Any]) -> str | None:
    """Return the command that checks the file. Kong 0.9 and later has it, but Kong in a container has no program on the host."""
    has_check = params["has_program"] and params["format"] == "conf"
    return f"{shlex.quote(params['program'])} check %s" if has_check else None


def _run_safely(module: AnsibleModule, function: Callable[[], Result]) -> Result:
    """Return the result of a function. After any error, the result has `failed` and `msg`: the node has to be rolled back.

    AnsibleModule ends the process with `fail_json`, for example if it cannot replace a file, so that raises an error here.
    """
    fail = module.fail_json

    def raise_failure(msg: str, **_more: object) -> t.NoReturn:
        raise HostError(msg)

    module.fail_json = raise_failure
    try:
        return function()
    except HostError as error:
        return {"failed": True, "msg": str(error)}
    except Exception as error:  # noqa: BLE001 - see above
        return {"failed": True, "msg": f"{type(error).__name__}: {error}", "exception": traceback.format_exc()}
    finally:
        module.fail_json = fail

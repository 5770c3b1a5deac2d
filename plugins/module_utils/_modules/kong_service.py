# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_service."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import asdict, replace
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.values import read_stated
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import (
    Port,
    grant,
    write_drop_in,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.code import is_roots
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import (
    RESTART,
    START,
    Kong,
    ServiceError,
    choose_procedure,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.run import (
    Done,
    Wanted,
    bring_up,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import (
    find_conf,
    find_running,
    find_starter,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import parse_listeners
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.start import find_start
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.started import (
    StartedFile,
    find_variables_of_start,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit import (
    read_commands,
    read_directory,
    read_user,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import read_unit_variables

# Kong's program fails for a missing file, and reads this as a file without settings.
_NO_FILE = "/dev/null"
# These listeners do not answer an HTTP request: Serf and streams. Listeners with the PROXY protocol do not answer either.
_NO_HTTP = ("stream", "cluster_rpc")

_NOT_EFFECTIVE = "the settings are not effective in Kong"
# The result if the running Kong was not touched.
_UNTOUCHED: dict[str, t.Any] = {"how": "nothing", "reasons": [], "refused": False}


def read_kong(params: t.Mapping[str, t.Any], host: Host) -> Kong:
    """Return how Kong is run on this host. Raises ServiceError for an invalid version, HostError for a systemd failure."""
    found = re.match(r"(\d+)\.(\d+)", params["version"])
    if not found:
        raise ServiceError(f"version is {params['version']!r}; expected is a version of Kong, such as '3.9'")
    running = find_running(host, params["service"], params["prefix"] or PREFIX)
    unit, used = running.unit, running.master.prefix if running.master else PREFIX
    user, variables = read_user(host, unit), read_unit_variables(host, unit)
    program, directory = params["program"], read_directory(host, unit)
    start_of_unit = read_commands(host, unit, "ExecStartPre", "ExecStart")
    start = find_start(start_of_unit)
    starter = find_starter(running)
    files = filter(None, (params["conf"], find_conf(host, start), *(start.files if start else ())))
    return Kong(
        version=(int(found[1]), int(found[2])),
        conf=params["conf"] if host.locate(params["conf"]).exists() else _NO_FILE,
        prefix=params["prefix"] or (used if used != PREFIX else ""),
        unit=unit,
        start_of_unit=start_of_unit,
        reload_of_unit=read_commands(host, unit, "ExecReload"),
        user=user,
        directory=directory,
        program=program if os.access(program, os.X_OK) else "",
        restart_command=params["restart_command"] or "",
        reload_command=params["reload_command"] or "",
        variables={name: variable.value for name, variable in variables.items()},
        settings=read_stated(host.read(params["conf"]) or ""),
        is_roots=not starter and is_roots(host, user, variables, files, directory),
        starter=starter,
    )


def read_wanted(params: t.Mapping[str, t.Any]) -> Wanted:
    """Return the listeners that Kong must have, and the listeners that must answer an HTTP request."""
    http = [
        listener
        for listener in params["listeners"]
        if listener["name"] not in _NO_HTTP
        and listener["protocols"] == ["tcp"]
        and listener.get("setting")
        and "proxy_protocol" not in (listener.get("flags") or ())
    ]
    return Wanted(parse_listeners(params["listeners"]), parse_listeners(http), params["looks"])


def _keep_variables(module: AnsibleModule, params: t.Mapping[str, t.Any], kong: Kong) -> Kong:
    """Return a Kong that was started by hand with the variables of its start, except those of planned settings."""
    if params["settings"] is None or not params["looks"]:
        return kong
    before = params["before"] or kong.conf
    found = find_variables_of_start(kong, StartedFile(before, params["settings"]))
    if found:
        module.warn(
            f"Kong was started by hand with {', '.join(sorted(found))}, which {params['conf']} does not have. Its reload or restart "
            "keeps these values. Add them to the file, for example with kong_config, or they are lost at the next start by hand"
        )
    return replace(kong, variables={**kong.variables, **found})


def _apply(module: AnsibleModule, params: t.Mapping[str, t.Any]) -> Done:
    """Apply the settings to Kong; in check mode only return the planned action."""
    host, how = Host(), params["how"]
    kong = read_kong(params, host)
    chosen = choose_procedure(kong, how)
    if module.check_mode:
        return Done(chosen.how, (chosen.reason,) if chosen.reason else (), ())
    kong = _keep_variables(module, params, kong)
    ports = [
        Port(listener["port"], (*(listener.get("flags") or ()),))
        for listener in params["listeners"]
        if listener.get("setting")
    ]
    before = grant(host, kong.unit, ports) if kong.unit and ports else None
    if before is None:
        return bring_up(host, kong, how, read_wanted(params), params["drain"])
    succeeded = False
    try:
        # A process gets its capabilities only when it starts.
        done = bring_up(host, kong, START if how == START else RESTART, read_wanted(params), params["drain"])
        succeeded = not done.wrong
        return done
    finally:
        if not succeeded:
            write_drop_in(host, kong.unit, before)


def change_kong(module: AnsibleModule, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Reload, restart, start or stop Kong, and return the result of the module. It has `failed` if Kong is not as planned."""
    try:
        done = _apply(module, params)
    except (ServiceError, HostError, OSError) as error:
        return {"failed": True, "msg": str(error), **_UNTOUCHED}
    result = asdict(done)
    del result["wrong"]
    if unverified := result.pop("unverified"):
        module.warn(
            f"the settings of the running Kong were not all compared with {params['conf']} after the reload: {unverified}"
        )
    if done.wrong:
        failure = "the reload failed, and Kong runs as before" if done.refused else _NOT_EFFECTIVE
        return {"failed": True, "msg": f"{failure}: {'; '.join(done.wrong)}", **result}
    _remove_old_file(module, params)
    return {"changed": True, **result}


def run(module: AnsibleModule) -> None:
    """Reload, restart, start or stop Kong, and exit with the result."""
    try:
        require_root("kong_service")
    except HostError as error:
        module.fail_json(msg=str(error), **_UNTOUCHED)
    result = change_kong(module, module.params)
    end = module.fail_json if result.pop("failed", False) else module.exit_json
    end(**result)


def _remove_old_file(module: AnsibleModule, params: t.Mapping[str, t.Any]) -> None:
    """Delete Kong's old file if it is not kept. The settings are effective by then, so a failure is only a warning."""
    path = params["before"]
    if not path or params["keep_before"] or module.check_mode:
        return
    try:
        Path(path).unlink()
    except OSError as error:
        module.warn(f"the copy of the old file was not deleted: {error}")

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_listen_info."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.addresses import is_address, is_bindable
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import list_kongs
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import hide_values
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effective import (
    ENVIRONMENT,
    Sources,
    describe,
    describe_unloaded,
    find_differences,
    moves_listeners,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.lost_capabilities import (
    find_lost_capabilities,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import (
    KongFile,
    Running,
    find_running,
    read_sources,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.socket_drift import (
    compare_listeners,
    find_bound,
    find_kong_sockets,
    report_drift,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (
    Sockets,
    listener_to_data,
    parse_listeners,
    read_sockets,
    socket_to_data,
    socket_to_listener,
)


def inspect_listeners(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the differences as the result of the module."""
    host, container, prefix = Host(), params["container"], params["prefix"] or PREFIX
    running = find_running(host, params["service"], prefix, in_container=container)
    sockets = Sockets((), "") if container else read_sockets(running.unit, prefix)
    drift = compare_listeners([] if container else parse_listeners(params["listeners"]), sockets)
    runs = _is_running(running, sockets, in_container=container)
    lines = report_drift(drift, is_running=runs)
    sources = read_effective_sources(host, params, running)
    effective, unloaded = compare_settings(params, sources), describe_unloaded(sources)
    return {
        "differs": bool(lines or effective or unloaded),
        "listens": not lines,
        "runs": runs,
        "report": [*lines, *(entry["line"] for entry in effective), *filter(None, [unloaded])],
        "missing": [*map(listener_to_data, drift.missing)],
        "unexpected": [socket_to_data(sock) for sock in drift.unexpected],
        "present": [socket_to_listener(sock) for sock in find_kong_sockets(sockets)],
        "cannot_bind": explain_unbindable(find_unbindable(params["listeners"])),
        "unit": running.unit,
        "effective": effective,
        "unloaded": unloaded,
        "lost_capabilities": [*find_lost_capabilities(host, running.unit)] if running.unit else [],
    }


def _is_running(running: Running, sockets: Sockets, *, in_container: bool) -> bool:
    """Tell whether Kong runs. Of a container, any Kong with a network of its own counts, because several may have one prefix."""
    if in_container:
        return any(not master.shares_network for master in list_kongs())
    return bool(running.master or find_kong_sockets(sockets))


def find_unbindable(listeners: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """Return the addresses of listeners that no process can bind now. nginx does not bind those that share a wildcard's socket."""
    transparent = {
        (listener["port"], listener["address"]) for listener in listeners if "transparent" in (listener["flags"] or ())
    }
    found = find_bound(parse_listeners(listeners))
    bound = {listener.address: None for listener in found if (listener.port, listener.address) not in transparent}
    return [address for address in bound if is_address(address) and not is_bindable(address)]


def explain_unbindable(addresses: Sequence[str]) -> str:
    """Return a text about addresses that cannot be bound, with the fix; empty without such addresses."""
    if not addresses:
        return ""
    names = "it" if len(addresses) == 1 else "them"
    sysctls = {f"net.ipv{6 if ':' in address else 4}.ip_nonlocal_bind=1": None for address in addresses}
    return (
        f"this host does not have {' and '.join(addresses)} now, so Kong cannot bind {names} and would not start. Set the sysctl "
        f"{' and '.join(sysctls)} for a virtual address, or correct the listen setting"
    )


def read_effective_sources(host: Host, params: Mapping[str, t.Any], running: Running) -> Sources:
    """Return the places from which Kong takes the planned settings; none before 0.9. Raises HostError or OSError."""
    if params["format"] == "yaml":
        return Sources()
    return read_sources(
        host, running, KongFile(params["path"], params["format"], params["defaults"]), params["settings"]
    )


def compare_settings(params: Mapping[str, t.Any], sources: Sources) -> list[dict[str, t.Any]]:
    """Return the effective values that are not as planned, as plain data."""
    wanted = {name: str(value) for name, value in params["settings"].items()}
    return [
        {
            "setting": found.setting,
            "value": found.shown,
            "origin": found.origin,
            "place": found.place,
            "moves": moves_listeners(found, wanted[found.setting]),
            "line": describe(found, wanted[found.setting], sources.path or "Kong's file"),
        }
        for found in find_differences(wanted, sources)
    ]


def list_override_warnings(result: Mapping[str, t.Any]) -> list[str]:
    """Return a warning for each effective value that is not as planned, and each overridden drop-in, with the fix."""
    values = [
        f"{entry['line']}{'. Remove the variable' if entry['origin'] == ENVIRONMENT else ''}"
        for entry in result.get("effective", ())
    ]
    return [*values, *result.get("lost_capabilities", ())]


def run(module: AnsibleModule) -> None:
    """Compare the listeners and settings of Kong with the plan, and exit with the result."""
    params = dict(module.params)
    module.params["settings"] = hide_values(params["settings"])
    try:
        require_root("kong_listen_info")
        result = inspect_listeners(params)
    except HostError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"the host's sockets and Kong's unit cannot be read: {error}")
    for text in list_override_warnings(result):
        module.warn(text)
    module.exit_json(changed=False, **result)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applies changed settings to Kong on this host with the least interruption, and checks the result."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, completed
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX, draining
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.answers import find_silent
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import ROOT
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import (
    RELOAD,
    RESTART,
    Kong,
    Procedure,
    ServiceError,
    Step,
    choose_procedure,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (
    Listener,
    compare,
    read_sockets,
    report,
)

LISTENER_SPEC = {
    "name": {"type": "str", "required": True},
    "protocols": {"type": "list", "elements": "str", "choices": ["tcp", "udp"], "required": True},
    "port": {"type": "int", "required": True},
    "address": {"type": "str", "required": True},
    "setting": {"type": "str"},
    "flags": {"type": "list", "elements": "str"},
}
# New workers of nginx have their sockets within a second, so a reload has failed if they do not.
_LOOKS_AFTER_RELOAD = 5
_SERF_SECONDS = 10
_STATUS_LINES = 5
# systemd waits 90 seconds for a unit to stop and 90 for it to start (DefaultTimeoutStopSec, systemd-system.conf(5)).
_COMMAND_SECONDS = 300


@dataclass(frozen=True)
class Wanted:
    """The listeners that Kong must have. Listeners in `http` must answer a request. `looks` is the number of checks, one
    per second.
    """

    listeners: tuple[Listener, ...]
    http: tuple[Listener, ...]
    looks: int


@dataclass(frozen=True)
class Done:
    """The action, the reasons for it, the remaining errors (none after a success), and the number of old workers."""

    how: str
    reasons: tuple[str, ...]
    wrong: tuple[str, ...]
    draining: int = 0


def find_unit(host: Host, service: str) -> str:
    """Return the full name of a systemd unit, or an empty text if this host has no such unit."""
    unit = service if "." in service or not service else f"{service}.service"
    if not unit or host.which("systemctl") is None:
        return ""
    with suppress(HostError):
        return unit if _read_property(host, unit, "LoadState") == "loaded" else ""
    return ""


def read_reload_command(host: Host, unit: str) -> str:
    """Return the command with which systemd reloads a unit; empty if the unit has none."""
    return _read_property(host, unit, "ExecReload") if unit else ""


def read_user(host: Host, unit: str) -> str:
    """Return the user of a unit, empty for root."""
    user = _read_property(host, unit, "User") if unit else ""
    return "" if user in ROOT else user


def _read_property(host: Host, unit: str, name: str) -> str:
    return host.run("systemctl", "show", unit, f"--property={name}", "--value").strip()


def bring_up(kong: Kong, how: str, wanted: Wanted, drain: int) -> Done:
    """Reload, restart or stop Kong, and check until its listeners are correct. If a reload is not enough, restart Kong.

    Raises ServiceError for a host without a suitable command; nothing was changed.
    """
    chosen = choose_procedure(kong, how)
    reasons = (chosen.reason,) if chosen.reason else ()
    if chosen.how == RELOAD:
        wrong = _execute(kong, chosen, replace(wanted, looks=min(wanted.looks, _LOOKS_AFTER_RELOAD)))
        if not wrong:
            return Done(RELOAD, reasons, (), _wait_for_draining(kong, drain))
        reasons = (f"the reload was not enough: {'; '.join(wrong)}",)
        chosen = choose_procedure(kong, RESTART)
    return Done(chosen.how, reasons, tuple(_execute(kong, chosen, wanted)))


def _execute(kong: Kong, chosen: Procedure, wanted: Wanted) -> list[str]:
    """Run the steps and check the listeners; return the errors."""
    try:
        for step in chosen.steps:
            _run(step, kong)
    except ServiceError as error:
        return [str(error)]
    return _check(kong, wanted)


def _run(step: Step, kong: Kong) -> None:
    variables = kong.variables if step.as_kong else {}
    try:
        done = completed(step.argv, _COMMAND_SECONDS, environment={**_read_environment(), **variables})
    except HostError as error:
        raise ServiceError(str(error)) from error
    if done.returncode and step.required:
        output = (done.stderr or done.stdout).strip().splitlines()[-_STATUS_LINES:]
        raise ServiceError(f"`{' '.join(step.argv)}` failed with status {done.returncode}: {' / '.join(output)}")
    if step.settles:
        _wait_until(lambda: not _serf_runs(), _SERF_SECONDS)


def _read_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KONG_")}


def _serf_runs() -> bool:
    return any(sock.process == "serf" for sock in read_sockets().all)


def _check(kong: Kong, wanted: Wanted) -> list[str]:
    """Check the listeners once per second, up to `looks` times; return the errors of the last check."""
    wrong: list[str] = []
    for number in range(wanted.looks):
        time.sleep(min(number, 1))
        wrong = find_errors(kong, wanted)
        if not wrong:
            break
    return wrong


def find_errors(kong: Kong, wanted: Wanted) -> list[str]:
    """Return the differences between expected and actual listeners, or the listeners that do not answer."""
    drift = compare(wanted.listeners, read_sockets(kong.unit, kong.prefix or PREFIX))
    return report(drift) or [
        f"{listener.name}: the listener on {listener} does not answer" for listener in find_silent(wanted.http)
    ]


def _wait_for_draining(kong: Kong, seconds: int) -> int:
    """Wait until the old workers have finished their connections; return the number of workers that have not."""
    _wait_until(lambda: not draining(kong.unit), seconds)
    return draining(kong.unit)


def _wait_until(is_met: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_met() and time.monotonic() < deadline:
        time.sleep(0.2)

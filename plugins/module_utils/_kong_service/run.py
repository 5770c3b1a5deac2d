# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings Kong up with its changed settings on this host, by the least that works, and looks until it lives by them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, completed
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX, draining
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.answers import silent
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.capabilities import ROOT
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import (
    RELOAD,
    RESTART,
    Kong,
    ServiceError,
    Step,
    Way,
    way,
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
# A new process of nginx has its sockets within a second; a reload that has not worked by then does not.
_LOOKS_AFTER_RELOAD = 5
_SERF_SECONDS = 10
_STATUS_LINES = 5
# systemd waits 90 seconds for a unit to stop and 90 for it to start (DefaultTimeoutStopSec, systemd-system.conf(5)).
_COMMAND_SECONDS = 300


@dataclass(frozen=True)
class Wanted:
    """What has to listen; `http` are those of them that answer a request, and `looks` is how often to look, once a second."""

    listeners: tuple[Listener, ...]
    http: tuple[Listener, ...]
    looks: int


@dataclass(frozen=True)
class Done:
    """What was done, why not less, what is still wrong (nothing, if it worked), and how many old workers go on."""

    how: str
    reasons: tuple[str, ...]
    wrong: tuple[str, ...]
    draining: int = 0


def known_unit(host: Host, service: str) -> str:
    """The full name of a systemd unit, or an empty text where this host has no such unit."""
    unit = service if "." in service or not service else f"{service}.service"
    if not unit or host.which("systemctl") is None:
        return ""
    with suppress(HostError):
        return unit if _property(host, unit, "LoadState") == "loaded" else ""
    return ""


def reload_of(host: Host, unit: str) -> str:
    """The command by which systemd reloads a unit; empty where it does not."""
    return _property(host, unit, "ExecReload") if unit else ""


def user_of(host: Host, unit: str) -> str:
    """The user as whom a unit runs, empty for root."""
    user = _property(host, unit, "User") if unit else ""
    return "" if user in ROOT else user


def _property(host: Host, unit: str, name: str) -> str:
    return host.run("systemctl", "show", unit, f"--property={name}", "--value").strip()


def bring_up(kong: Kong, how: str, wanted: Wanted, drain: int) -> Done:
    """Reload, restart or stop Kong and look until it lives by its settings; after a reload that does not do, restart it.

    Raises ServiceError where nothing can bring it up here, before anything is done.
    """
    chosen = way(kong, how)
    reasons = (chosen.reason,) if chosen.reason else ()
    if chosen.how == RELOAD:
        wrong = _go(kong, chosen, replace(wanted, looks=min(wanted.looks, _LOOKS_AFTER_RELOAD)))
        if not wrong:
            return Done(RELOAD, reasons, (), _drained(kong, drain))
        reasons = (f"the reload did not do: {'; '.join(wrong)}",)
        chosen = way(kong, RESTART)
    return Done(chosen.how, reasons, tuple(_go(kong, chosen, wanted)))


def _go(kong: Kong, chosen: Way, wanted: Wanted) -> list[str]:
    """Take the steps and look; what is wrong then."""
    try:
        for step in chosen.steps:
            _run(step, kong)
    except ServiceError as error:
        return [str(error)]
    return _look(kong, wanted)


def _run(step: Step, kong: Kong) -> None:
    variables = kong.variables if step.as_kong else {}
    try:
        done = completed(step.argv, _COMMAND_SECONDS, environment={**_plain_environment(), **variables})
    except HostError as error:
        raise ServiceError(str(error)) from error
    if done.returncode and step.required:
        said = (done.stderr or done.stdout).strip().splitlines()[-_STATUS_LINES:]
        raise ServiceError(f"`{' '.join(step.argv)}` failed with status {done.returncode}: {' / '.join(said)}")
    if step.settles:
        _until(lambda: not _serf_runs(), _SERF_SECONDS)


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KONG_")}


def _serf_runs() -> bool:
    return any(one.process == "serf" for one in read_sockets().all)


def _look(kong: Kong, wanted: Wanted) -> list[str]:
    """What is wrong after as many looks as are allowed, a second apart; nothing is wrong where none are."""
    wrong: list[str] = []
    for number in range(wanted.looks):
        time.sleep(min(number, 1))
        wrong = wrong_now(kong, wanted)
        if not wrong:
            break
    return wrong


def wrong_now(kong: Kong, wanted: Wanted) -> list[str]:
    """How what listens, and answers, differs from what should."""
    drift = compare(wanted.listeners, read_sockets(kong.unit, kong.prefix or PREFIX))
    return report(drift) or [f"{one.name}: what listens on {one} does not answer" for one in silent(wanted.http)]


def _drained(kong: Kong, seconds: int) -> int:
    """Wait for the old workers to finish their connections, and return how many have not."""
    _until(lambda: not draining(kong.unit), seconds)
    return draining(kong.unit)


def _until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.2)

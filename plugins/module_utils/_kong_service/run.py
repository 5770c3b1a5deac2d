# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applies changed settings to Kong on this host with the least interruption, and checks the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX, count_draining
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.answers import find_silent
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.commands import run_step, wait_until
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effect import (
    Expected,
    explain_unverified,
    find_ineffective,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.logs import (
    find_refusals,
    mark_logs,
    read_errors,
    summarise,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.nginx import Nginx, find_nginx
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import (
    RELOAD,
    RESTART,
    STOP,
    Kong,
    Procedure,
    ServiceError,
    choose_procedure,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.rehearsal import rehearse
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.socket_drift import (
    compare_listeners,
    find_kong_sockets,
    find_others,
    find_taken,
    report_drift,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (
    Listener,
    Sockets,
    read_sockets,
)

# New workers of nginx have their sockets within a second, so a reload has failed if they do not. nginx tries to open a
# socket for two and a half seconds.
_LOOKS_AFTER_RELOAD = 5
_NOT_RUNNING = "nginx not running in prefix"
_NO_REASON = (
    "no error that says why is in the unit's journal or in a log file of Kong. Look at proxy_error_log, and check that the reload "
    "command of Kong reaches nginx"
)


@dataclass(frozen=True)
class Wanted:
    """The listeners that Kong must have. Listeners in `http` must answer a request. `looks` is the number of checks, one
    per second.
    """

    listeners: tuple[Listener, ...]
    http: tuple[Listener, ...]
    looks: int

    @property
    def in_container(self) -> bool:
        """Whether Kong has a network of its own, so that its sockets are not visible on the host."""
        return self.looks == 0


@dataclass(frozen=True)
class Done:
    """The action, the reasons for it, the remaining errors (none after a success), and the number of old workers.

    `refused` is true if nginx has not taken the configuration at a reload, and runs as before. `unverified` tells why it is not
    known whether a reload has changed all settings, empty if it is known.
    """

    how: str
    reasons: tuple[str, ...]
    wrong: tuple[str, ...]
    draining: int = 0
    refused: bool = False
    unverified: str = ""


def bring_up(host: Host, kong: Kong, how: str, wanted: Wanted, drain: int) -> Done:
    """Reload, restart, start or stop Kong, and check until its listeners are correct.

    If nginx does not take the configuration at a reload, Kong is not restarted: it runs as before, and a restart could fail. If
    nginx takes it, but a part of it has no effect, Kong is restarted. Raises ServiceError for a host without a suitable command, or for a
    file that Kong rejects; the running Kong was not touched.
    """
    chosen = choose_procedure(kong, how)
    before = find_nginx(kong.prefix, in_container=wanted.in_container)
    settings, rejected = (None, ()) if chosen.how == STOP else _test(kong, before, wanted)
    reasons = (chosen.reason,) if chosen.reason else ()
    if chosen.how == RELOAD:
        expected = Expected(before, settings, wanted.in_container)
        wrong, is_refused = _reload(host, kong, chosen, wanted, expected)
        if not wrong:
            draining = _wait_for_draining(kong, drain)
            return Done(RELOAD, (), (), draining, unverified=explain_unverified(host, kong, expected))
        if is_refused:
            return Done(RELOAD, (), (*wrong,), refused=True)
        reasons = (f"the reload was not enough: {'; '.join(wrong)}",)
        chosen = choose_procedure(kong, RESTART)
    mark = mark_logs(kong.unit, before, kong.error_log)
    wrong = _run(kong, chosen) or _check(lambda: find_errors(kong, wanted), wanted.looks)
    why = (*rejected, *summarise(read_errors(host, mark), kong.stated)) if wrong else ()
    return Done(chosen.how, reasons, (*wrong, *why))


def _test(kong: Kong, nginx: Nginx, wanted: Wanted) -> tuple[Mapping[str, str] | None, tuple[str, ...]]:
    """Return the settings that Kong must have, None if unknown, and the reason why Kong cannot use them, if any.

    Raises ServiceError with the reason if Kong runs. A Kong that does not run is started in any case.
    """
    sockets = read_sockets(kong.unit, kong.prefix or PREFIX)
    try:
        _require_free_ports(wanted, sockets)
        return rehearse(kong, nginx), ()
    except ServiceError as error:
        if nginx.workers or find_kong_sockets(sockets):
            raise ServiceError(f"Kong was not touched, because {error}") from error
        return None, (str(error),)


def _require_free_ports(wanted: Wanted, sockets: Sockets) -> None:
    taken = [] if wanted.in_container else find_taken(wanted.listeners, sockets)
    if taken:
        used = ", ".join(f"{sock} is used by {sock.process}" for sock in taken)
        raise ServiceError(f"it could not listen: {used}. Stop that program or change the port")


def _reload(host: Host, kong: Kong, chosen: Procedure, wanted: Wanted, expected: Expected) -> tuple[list[str], bool]:
    """Reload Kong; return the errors, with those of its logs, and whether nginx has refused it and runs as before."""

    def find() -> list[str]:
        wrong = [] if wanted.in_container else find_errors(kong, wanted)
        return wrong or find_ineffective(host, kong, expected)

    mark, master = mark_logs(kong.unit, expected.before, kong.error_log), expected.before.master
    failed = _run(kong, chosen)
    wrong = failed or _check(find, _LOOKS_AFTER_RELOAD)
    errors = read_errors(host, mark) if wrong else []
    if wrong and not failed and expected.keeps_workers() and not find_refusals(errors, master):
        # The master may need more time, for example with many plugins.
        wrong, errors = _check(find, wanted.looks or _LOOKS_AFTER_RELOAD), read_errors(host, mark)
    if not wrong:
        return [], False
    refusals = find_refusals([*errors, *failed], master)
    if expected.keeps_workers():
        is_refused = not _needs_restart(kong, wanted, refusals)
    else:
        is_refused = _has_failed(failed, refusals, expected) and _may_run(kong, wanted, expected, failed)
    unknown = [_NO_REASON] if is_refused and not (refusals or failed) else []
    return [*wrong, *summarise(errors, kong.stated), *unknown], is_refused


def _has_failed(failed: list[str], refusals: list[str], expected: Expected) -> bool:
    """Tell whether the reload has failed with an error of nginx or Kong, or in any other way if the nginx of Kong was not found."""
    return bool(find_refusals(failed, "")) or (not expected.before.workers and bool(failed or refusals))


def _may_run(kong: Kong, wanted: Wanted, expected: Expected, failed: list[str]) -> bool:
    """Tell whether Kong may be running after a failed reload. Its nginx is not always found, for example if two have one prefix.

    `kong reload` says so if Kong does not run (kong/cmd/utils/nginx_signals.lua).
    """
    if any(_NOT_RUNNING in line for line in failed):
        return False
    if expected.before.workers:
        return bool(expected.find_nginx().workers)
    return wanted.in_container or bool(find_kong_sockets(read_sockets(kong.unit, kong.prefix or PREFIX)))


def _needs_restart(kong: Kong, wanted: Wanted, refusals: list[str]) -> bool:
    """Tell whether nginx only cannot open a port that Kong itself has on another address, so a restart helps."""
    sockets = read_sockets(kong.unit, kong.prefix or PREFIX)
    return bool(refusals) and all(map(_is_bind, refusals)) and not find_others(wanted.listeners, sockets)


def _is_bind(error: str) -> bool:
    return "(98: Address already in use)" in error or "still could not bind()" in error


def _run(kong: Kong, chosen: Procedure) -> list[str]:
    """Run the steps; return the error of the step that failed, if any."""
    try:
        for step in chosen.steps:
            run_step(step, kong)
    except (ServiceError, HostError, OSError) as error:
        return [str(error)]
    return []


def _check(find: Callable[[], list[str]], looks: int) -> list[str]:
    """Check once per second, up to `looks` times; return the errors of the last check."""
    wrong: list[str] = []
    try:
        for number in range(looks):
            time.sleep(min(number, 1))
            wrong = find()
            if not wrong:
                break
    except (HostError, OSError) as error:
        return [str(error)]
    return wrong


def find_errors(kong: Kong, wanted: Wanted) -> list[str]:
    """Return the differences between expected and actual listeners, or the listeners that do not answer."""
    sockets = read_sockets(kong.unit, kong.prefix or PREFIX)
    drift = compare_listeners(wanted.listeners, sockets)
    return report_drift(drift, is_running=bool(find_kong_sockets(sockets))) or [
        f"{listener.name}: the listener on {listener} does not answer" for listener in find_silent(wanted.http)
    ]


def _wait_for_draining(kong: Kong, seconds: int) -> int:
    """Wait until the old workers have finished their connections; return the number of workers that have not."""
    wait_until(lambda: not count_draining(kong.unit), seconds)
    return count_draining(kong.unit)

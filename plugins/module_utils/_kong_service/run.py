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
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effect import find_ineffective
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.logs import (
    find_refusals,
    mark_logs,
    read_errors,
    summarize,
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
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (
    Listener,
    compare,
    find_kong_sockets,
    find_others,
    find_taken,
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
# New workers of nginx have their sockets within a second, so a reload has failed if they do not. nginx tries to open a
# socket for two and a half seconds.
_LOOKS_AFTER_RELOAD = 5


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
    """The action, the reasons for it, the remaining errors (none after a success), and the number of old workers.

    `refused` is true if nginx has refused the configuration at a reload, and runs as before.
    """

    how: str
    reasons: tuple[str, ...]
    wrong: tuple[str, ...]
    draining: int = 0
    refused: bool = False


def bring_up(host: Host, kong: Kong, how: str, wanted: Wanted, drain: int) -> Done:
    """Reload, restart or stop Kong, and check until its listeners are correct.

    If a reload has no effect, Kong is restarted. If nginx has refused the configuration, Kong is not: a restart could fail too.
    Raises ServiceError for a host without a suitable command, or for a file that Kong rejects; nothing was changed.
    """
    chosen = choose_procedure(kong, how)
    before = find_nginx(kong.prefix)
    settings = None if chosen.how == STOP else _rehearse(kong, before, wanted)
    reasons = (chosen.reason,) if chosen.reason else ()
    if chosen.how == RELOAD:
        wrong, is_refused = _reload(host, kong, chosen, wanted, before, settings)
        if not wrong:
            return Done(RELOAD, (), (), _wait_for_draining(kong, drain))
        if is_refused:
            return Done(RELOAD, (), (*wrong,), refused=True)
        reasons = (f"the reload was not enough: {'; '.join(wrong)}",)
        chosen = choose_procedure(kong, RESTART)
    mark = mark_logs(kong.unit, before, kong.error_log)
    wrong = _execute(kong, chosen, lambda: find_errors(kong, wanted), wanted.looks)
    why = summarize(read_errors(host, mark), kong.stated) if wrong else ()
    return Done(chosen.how, reasons, (*wrong, *why))


def _reload(
    host: Host, kong: Kong, chosen: Procedure, wanted: Wanted, before: Nginx, settings: Mapping[str, str] | None
) -> tuple[list[str], bool]:
    """Reload Kong; return the errors, with those of its logs, and whether nginx has refused the configuration."""
    mark = mark_logs(kong.unit, before, kong.error_log)
    looks = min(wanted.looks, _LOOKS_AFTER_RELOAD)
    wrong = _execute(kong, chosen, lambda: find_errors(kong, wanted) or find_ineffective(kong, before, settings), looks)
    if not wrong:
        return [], False
    errors = read_errors(host, mark)
    return [*wrong, *summarize(errors, kong.stated)], _is_refused(kong, wanted, before, [*errors, *wrong])


def _rehearse(kong: Kong, nginx: Nginx, wanted: Wanted) -> Mapping[str, str] | None:
    """Return the settings that Kong must have. Raises ServiceError if Kong cannot use them; nothing was changed."""
    taken = find_taken(wanted.listeners, read_sockets(kong.unit, kong.prefix or PREFIX)) if wanted.looks else []
    if taken:
        used = ", ".join(f"{sock} is used by {sock.process}" for sock in taken)
        raise ServiceError(
            f"Kong was not touched, because it could not listen: {used}. Stop that program or change the port"
        )
    return rehearse(kong, nginx)


def _is_refused(kong: Kong, wanted: Wanted, before: Nginx, errors: list[str]) -> bool:
    """Tell whether nginx has refused the configuration at a reload and its old workers go on.

    If it only cannot open a port that Kong itself has on another address, a restart helps.
    """
    refusals = find_refusals(errors, before.master)
    now = find_nginx(kong.prefix)
    if not refusals or not before.workers or not now.workers & before.workers:
        return False
    sockets = read_sockets(kong.unit, kong.prefix or PREFIX)
    return not all(_is_bind(line) for line in refusals) or bool(find_others(wanted.listeners, sockets))


def _is_bind(error: str) -> bool:
    return "(98: Address already in use)" in error or "still could not bind()" in error


def _execute(kong: Kong, chosen: Procedure, find: Callable[[], list[str]], looks: int) -> list[str]:
    """Run the steps and check once per second, up to `looks` times; return the errors of the last check."""
    wrong: list[str] = []
    try:
        for step in chosen.steps:
            run_step(step, kong)
        for number in range(looks):
            time.sleep(min(number, 1))
            wrong = find()
            if not wrong:
                break
    except (ServiceError, HostError, OSError) as error:
        return [str(error)]
    return wrong


def find_errors(kong: Kong, wanted: Wanted) -> list[str]:
    """Return the differences between expected and actual listeners, or the listeners that do not answer."""
    sockets = read_sockets(kong.unit, kong.prefix or PREFIX)
    drift = compare(wanted.listeners, sockets)
    return report(drift, is_running=bool(find_kong_sockets(sockets))) or [
        f"{listener.name}: the listener on {listener} does not answer" for listener in find_silent(wanted.http)
    ]


def _wait_for_draining(kong: Kong, seconds: int) -> int:
    """Wait until the old workers have finished their connections; return the number of workers that have not."""
    wait_until(lambda: not count_draining(kong.unit), seconds)
    return count_draining(kong.unit)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the steps of a procedure."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import (
    PROGRAMS,
    HostError,
    run_program,
    search_path,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.logs import find_errors, summarise
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong, Step, StepError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import read_sockets

_SERF_SECONDS = 10
# systemd waits 90 seconds for a unit to stop and 90 for it to start (DefaultTimeoutStopSec, systemd-system.conf(5)).
_COMMAND_SECONDS = 300


def run_step(step: Step, kong: Kong) -> None:
    """Run a step. Raises StepError with the errors or the end of its output if it fails and has to succeed."""
    unit, directory, variables = (kong.unit, kong.directory, kong.variables) if step.as_kong else ("", "", {})
    environment = make_environment(unit, variables)
    try:
        done = run_program(step.argv, _COMMAND_SECONDS, environment=environment, directory=directory)
    except HostError as error:
        raise StepError(str(error)) from error
    if done.returncode and step.required:
        lines = (done.stderr or done.stdout).strip().splitlines()
        output = summarise(find_errors(lines) or lines, kong.stated)
        failed = f"`{' '.join(step.argv)}` failed with status {done.returncode}: {' / '.join(output)}"
        raise StepError(failed, output)
    if step.settles:
        wait_until(lambda: not _is_serf_running(), _SERF_SECONDS)


def wait_until(is_met: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition is met, at most so many seconds."""
    deadline = time.monotonic() + seconds
    while not is_met() and time.monotonic() < deadline:
        time.sleep(0.2)


def make_environment(unit: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program of Kong: exactly the variables of a start of its unit.

    Without a unit it is that of this process, with exactly these variables of Kong. Kong's program is a script of `resty`, in PATH.
    """
    if unit:
        return {"PATH": PROGRAMS, **variables}
    own = {name: value for name, value in os.environ.items() if not name.startswith("KONG_")}
    return {**own, "PATH": search_path(), **variables}


def _is_serf_running() -> bool:
    return any(sock.process == "serf" for sock in read_sockets().all)

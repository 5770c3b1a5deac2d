# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client for systemd's private socket, which systemctl and systemd-run use as root. It needs no other process.

The protocol is D-Bus (the D-Bus specification, "Message Protocol") without a bus: one call at a time. The methods are
described in org.freedesktop.systemd1(5). If the socket is missing, systemctl and systemd-run are used.
"""

from __future__ import annotations

import socket
import time
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd_bus import (
    SECONDS,
    SystemdError,
    call_method,
    open_link,
)

SOCKET = "/run/systemd/private"
_MANAGER, _JOB, _UNIT = (f"org.freedesktop.systemd1.{name}" for name in ("Manager", "Job", "Unit"))
_PAUSE = 0.01
# The text of EBUSY: if the file of an active unit was removed, systemd loads the unit again only after a stop.
_BUSY = "Device or resource busy"
_COLLECT = ("CollectMode", ("s", "inactive-or-failed"))


def start(host: Host, unit: str, changed: t.Sequence[str]) -> None:
    """Start a unit with a new file. `changed` are units with a new drop-in. Raises HostError."""
    try:
        host.call(start_new, str(host.locate(SOCKET)), unit, changed)
    except socket.timeout as error:
        raise HostError(_explain_timeout(f"start of {unit}")) from error
    except OSError:
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "start", unit)
    except SystemdError as error:
        if _BUSY not in str(error):
            raise HostError(f"systemd did not start {unit}: {error}") from error
        host.run("systemctl", "stop", unit)
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "start", unit)


def schedule(host: Host, name: str, description: str, seconds: int, shell: str) -> None:
    """Make systemd run a command with /bin/sh after some seconds. Raises HostError."""
    try:
        host.call(start_timer, str(host.locate(SOCKET)), name, description, seconds, shell)
    except socket.timeout as error:
        raise HostError(_explain_timeout(f"timer {name}")) from error
    except OSError:
        host.run(
            "systemd-run", "--quiet", "--collect", f"--unit={name}", f"--description={description}",
            f"--on-active={seconds}s", "--timer-property=AccuracySec=100ms", "/bin/sh", "-c", shell,
        )  # fmt: skip
    except SystemdError as error:
        raise HostError(f"systemd did not create the timer {name}: {error}") from error


def _explain_timeout(request: str) -> str:
    return f"systemd did not complete the {request} within {SECONDS} seconds. See `systemctl list-jobs`"


def start_new(path: str, unit: str, changed: t.Sequence[str]) -> None:
    """Start a unit and wait for the end of the start job.

    Raises OSError if systemd does not answer at the path or in time, SystemdError if the unit does not start. systemd
    reloads all unit files only if one of these units was loaded before, because a reload takes a quarter of a second.
    """
    with open_link(path) as link:
        if any(_needs_reload(link, name) for name in (unit, *changed)):
            call_method(link, _MANAGER, "Reload")
        job = call_method(link, _MANAGER, "StartUnit", "ss", unit, "replace")
        deadline = time.monotonic() + SECONDS
        try:
            while _get(link, job, _JOB, "State"):
                if time.monotonic() > deadline:
                    raise socket.timeout
                time.sleep(_PAUSE)
        except SystemdError:
            pass  # systemd removes a finished job
        state = _get(link, call_method(link, _MANAGER, "LoadUnit", "s", unit), _UNIT, "ActiveState")
    if state != "active":
        raise SystemdError(f"its state is {state}. See `systemctl status {unit}`")


def _needs_reload(link: socket.socket, unit: str) -> bool:
    return bool(_get(link, call_method(link, _MANAGER, "LoadUnit", "s", unit), _UNIT, "NeedDaemonReload"))


def _get(link: socket.socket, of: str, interface: str, name: str) -> str:
    return call_method(link, "org.freedesktop.DBus.Properties", "Get", "ss", interface, name, to=of)


def start_timer(path: str, name: str, description: str, seconds: int, shell: str) -> None:
    """Create the same timer and service as `systemd-run --on-active --collect`. Raises OSError as start_new does."""
    both = [("Description", ("s", description)), _COLLECT]
    timer = [
        *both,
        ("TimersMonotonic", ("a(st)", [("OnActiveSec", seconds * 1_000_000)])),
        ("AccuracyUSec", ("t", 100_000)),
        ("RemainAfterElapse", ("b", False)),
    ]
    service = [*both, ("ExecStart", ("a(sasb)", [("/bin/sh", ["/bin/sh", "-c", shell], False)]))]
    with open_link(path) as link:
        call_method(
            link,
            _MANAGER,
            "StartTransientUnit",
            "ssa(sv)a(sa(sv))",
            f"{name}.timer",
            "fail",
            timer,
            [(f"{name}.service", service)],
        )

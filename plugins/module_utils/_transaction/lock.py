# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock of a host: only one run or one rollback works at a time.

Only root can open the lock file, so no other user can hold the lock: flock(2) needs no more than an open file. The kernel
releases the lock when the last process that holds it ends.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PROC, list_processes

LOCK = "/run/gatehouse_kong.lock"
# Seconds to wait for the lock: longer than a change on a slow host.
PATIENCE = 120
# Exit status of a script that waited so long (EX_TEMPFAIL, sysexits.h).
BUSY = 75
_PAUSE = 0.1


def open_lock(host: Host) -> int:
    """Return a handle of the lock file, and create the file if it is missing.

    Raises HostError unless root is the only user who can open the file.
    """
    try:
        handle = os.open(host.locate(LOCK), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise HostError(f"cannot open the lock {LOCK}: {error.strerror}") from error
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        os.close(handle)
        raise HostError(f"the lock {LOCK} is not a file that only root can open, so any user could hold it: remove it")
    return handle


def take_lock(handle: int, patience: float = PATIENCE) -> None:
    """Wait until this process holds the lock.

    Raises HostError after `patience` seconds; the message names the process that holds the lock.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise HostError(
                    f"another run or rollback of gatehouse.kong has held the lock {LOCK} for {patience:g} seconds: "
                    f"{find_holder(handle) or 'unknown process'}. Wait for it, or end it; nothing was changed"
                ) from error
            time.sleep(_PAUSE)
        else:
            return


def find_holder(handle: int, proc: Path = PROC) -> str | None:
    """Return id and command line of a process that holds the lock of an open file, or None if no process is found.

    `/proc/PID/fdinfo/FD` lists the locks of an open file, even if the process inherited the file (proc(5)).
    """
    status = os.fstat(handle)
    for process in list_processes(proc):
        with suppress(OSError):
            for link in (process / "fd").iterdir():
                if _is_same_file(link, status) and "\nlock:" in (process / "fdinfo" / link.name).read_text():
                    return f"process {process.name} ({_read_command(process)})"
    return None


def _is_same_file(link: Path, status: os.stat_result) -> bool:
    with suppress(OSError):
        return os.path.samestat(link.stat(), status)
    return False


def _read_command(process: Path) -> str:
    """Return the command line of a process, with control characters escaped."""
    text = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
    return ascii(text)[1:-1]

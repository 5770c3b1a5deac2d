# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the running nginx of Kong: its master, its workers and its error log.

Sources: proc(5). nginx points the standard error of its master to its error log (ngx_log_redirect_stderr in
src/core/ngx_log.c), so the setting of the log is not needed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Master, find_master, find_workers
from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PREFIX, PROC
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_suffix

ROOT = Path("/")

_DELETED = " (deleted)"
# The directory that Kong tries first, find_nginx_bin in kong/cmd/utils/nginx_signals.lua.
_OF_KONG = "/usr/local/openresty/nginx/sbin/nginx"


@dataclass(frozen=True)
class Nginx:
    """The nginx of a Kong. `master` is empty if none runs.

    `workers` are the process ids of the workers that accept connections. `program` may be missing if nginx does not run.
    `error_log` is empty if it is not a file. `root` is the root directory of its files, which is that of its container.
    """

    prefix: str
    master: str = ""
    workers: frozenset[str] = frozenset()
    program: str = _OF_KONG
    error_log: str = ""
    root: Path = ROOT

    @property
    def folder(self) -> Path:
        """The prefix as this process sees it."""
        return self.root / self.prefix.lstrip("/")


def find_nginx(prefix: str, *, in_container: bool = False, proc: Path = PROC) -> Nginx:
    """Return the running nginx of the Kong with this prefix, empty for Kong's default.

    With `in_container` it is a Kong with a network of its own. The program of a container is not returned, because it must not
    run on the host.
    """
    master = find_master(prefix or PREFIX, in_container=in_container, proc=proc)
    if master is None:
        return Nginx(prefix or PREFIX)
    is_ours = _has_our_files(master)
    log = _find_file(master.process / "fd/2")
    return Nginx(
        prefix=master.prefix,
        master=master.process.name,
        workers=find_workers(master),
        program=(_read_link(master.process / "exe") if is_ours else "") or _OF_KONG,
        error_log=log if is_ours or not log else f"{master.root}{log}",
        root=ROOT if is_ours else master.root,
    )


def _has_our_files(master: Master) -> bool:
    """Tell whether a process has the root directory of this process, and not that of a container with the host's network."""
    with suppress(OSError):
        return master.root.samefile("/")
    return False


def _find_file(handle: Path) -> str:
    """Return the path of an open file; empty for a pipe, a socket or a device."""
    with suppress(OSError):
        return _read_link(handle) if handle.is_file() else ""
    return ""


def _read_link(link: Path) -> str:
    """Return the target of a link in /proc, empty if it cannot be read. A replaced program is found by its path."""
    with suppress(OSError):
        target = os.readlink(link)
        return remove_suffix(target, _DELETED)
    return ""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The master processes of nginx of every Kong on a host, also of Kongs in containers, from /proc (proc(5), cgroups(7)).

Kong starts nginx with `-p PREFIX` (kong/cmd/utils/nginx_signals.lua), which stays in the title of the master. The cgroup of the
master has the systemd unit, or the id of the container (measured with podman 4 and runc; docker: its documentation).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import PROC, find_unit, list_processes

_MASTER = "nginx: master process "
_WORKER = "nginx: worker process"
_CONTAINER = re.compile(r"(libpod|docker)[-/](?:[^/]*-)?([0-9a-f]{64})")
_USER = re.compile(r"^Uid:\t\d+\t(\d+)\t", re.MULTILINE)
_OF_ROOT = "0"
_ENGINES = {"libpod": "podman", "docker": "docker"}


@dataclass(frozen=True)
class Container:
    """A container: the program that runs it, `podman` or `docker`, and its id."""

    engine: str
    number: str


@dataclass(frozen=True)
class Master:
    """A master of nginx: its folder in /proc, its prefix, its systemd unit and its container, if any.

    `shares_network` tells whether its sockets are in the network namespace of this process.
    """

    process: Path
    prefix: str
    unit: str | None = None
    container: Container | None = None
    shares_network: bool = True

    @property
    def root(self) -> Path:
        """The root directory as the process sees it, which is that of its container."""
        return self.process / "root"


def find_master(prefix: str, *, unit: str = "", in_container: bool = False, proc: Path = PROC) -> Master | None:
    """Return the master of the Kong with a prefix, or None if there is none or if it cannot be told from others.

    Without such a master it is the master of a unit, whose commands or files may have another prefix.
    Any user can run a process with the title of a master, so of several masters that of root counts.
    With `in_container` it is a Kong with a network of its own, otherwise a Kong whose sockets are those of this host.
    """
    wanted = os.path.normpath(prefix)
    masters = [master for master in _find_masters(proc) if master.shares_network is not in_container]
    found = [master for master in masters if master.prefix == wanted]
    if not found and unit:
        found = [master for master in masters if master.unit == unit]
    if len(found) > 1:
        found = [master for master in found if read_user(master.process) == _OF_ROOT]
    return found[0] if len(found) == 1 else None


def find_kongs(proc: Path = PROC) -> frozenset[str]:
    """Return the process ids of the masters of all Kongs whose sockets are in the network of this host."""
    return frozenset(master.process.name for master in list_kongs(proc) if master.shares_network)


def list_kongs(proc: Path = PROC) -> list[Master]:
    """Return the masters of all Kongs, those in containers too.

    In all versions of Kong, nginx.conf in the prefix has the name of Kong; the prefix of another nginx does not.
    """
    found = _find_masters(proc)
    return [master for master in found if "kong" in _read(master.root / master.prefix.lstrip("/") / "nginx.conf")]


def find_workers(master: Master) -> frozenset[str]:
    """Return the process ids of the workers of a master; a worker that finishes its connections after a reload is left out."""
    workers = (process for process in list_processes(master.process.parent) if _read_title(process) == _WORKER)
    return frozenset(worker.name for worker in workers if _read_status(worker)[1:2] == [master.process.name])


def find_start(master: Master) -> float:
    """Return the time, in seconds since the epoch, from which a master uses its settings. Raises OSError.

    That is the start of its oldest worker, because a reload of nginx replaces all workers, and a worker that crashed is replaced
    without one. It is the time of the boot if the master has ended.
    """
    proc = master.process.parent
    own = [proc / worker for worker in find_workers(master)] or [master.process]
    ticks = min((int(status[19]) for process in own if len(status := _read_status(process)) > 19), default=0)
    boot = next(float(line.split()[1]) for line in (proc / "stat").read_text().splitlines() if line.startswith("btime"))
    return boot + ticks / os.sysconf("SC_CLK_TCK")


def _find_masters(proc: Path) -> Iterator[Master]:
    network = _link(proc / "self/ns/net")
    for process in list_processes(proc):
        title = _read_title(process)
        words = title.split()
        if title.startswith(_MASTER) and "-p" in words[:-1]:
            prefix = os.path.normpath(words[words.index("-p") + 1])
            shares = _link(process / "ns/net") == network
            yield Master(process, prefix, find_unit(process), _find_container(process), shares)


def read_user(process: Path) -> str:
    """Return the number of the effective user, empty if the process has ended.

    The owner of the folder in /proc does not tell it (proc(5), "dumpable").
    """
    found = _USER.search(_read(process / "status"))
    return found[1] if found else ""


def _find_container(process: Path) -> Container | None:
    """Return the innermost container of a process; None if process 1 is in it too, because the host is that container."""
    of_host = _read(process.parent / "1/cgroup")
    found = [match for match in _CONTAINER.finditer(_read(process / "cgroup")) if match[2] not in of_host]
    return Container(_ENGINES[found[-1][1]], found[-1][2]) if found else None


def _read_title(process: Path) -> str:
    """Return the title of a process of nginx, which writes it over its arguments."""
    return _read(process / "cmdline").rstrip("\0 ").partition("\0")[0]


def _read_status(process: Path) -> list[str]:
    """Return the words of /proc/PID/stat after the name: state, parent, and as number 20 the start in ticks since the boot."""
    return _read(process / "stat").rpartition(")")[2].split()


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def _link(path: Path) -> str:
    """Return the target of a link, or "" if it cannot be read."""
    with suppress(OSError):
        return os.readlink(path)
    return ""

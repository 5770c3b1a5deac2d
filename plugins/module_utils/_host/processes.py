# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kong's processes on a host: the processes of its systemd unit, or of the pid files in its prefix.

The processes are read from /proc (proc(5), cgroups(7)). The paths of the pid files are from kong/conf_loader.lua
(prefix_paths), and for Kong before 0.9 from kong/cli/services/{nginx,serf}.lua.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
PREFIX = "/usr/local/kong"
PROGRAMS = ("nginx", "serf")

_PID_FILES = ("pids/{}.pid", "{}.pid")
_UNIT = re.compile(r"/([^/]+\.service)\b")
# The title of an nginx worker that finishes its last connections (src/os/unix/ngx_process_cycle.c).
_DRAINING = "worker process is shutting down"


def list_processes(proc: Path) -> Iterator[Path]:
    """Yield the directory in /proc of each process."""
    return (path for path in proc.iterdir() if path.name.isdigit())


def read_program(process: Path) -> str:
    """Return the name of the program that a process runs, or "" if the process has ended."""
    return _read(process / "comm").strip()


def find_unit(process: Path) -> str | None:
    """Return the systemd unit of a process, or None."""
    match = _UNIT.search(_read(process / "cgroup"))
    return match[1] if match else None


def find_started_by_hand(prefix: str, proc: Path = PROC) -> frozenset[str]:
    """Return the process ids of a Kong that runs outside systemd: from its pid files, with all child processes."""
    roots = {pid for name in PROGRAMS for pid in _read_pids(prefix, name) if read_program(proc / pid) == name}
    return find_descendants(roots, proc)


def find_descendants(roots: Collection[str], proc: Path = PROC) -> frozenset[str]:
    """Return the process ids of processes with all their child processes."""
    parents = {process.name: _read_parent(process) for process in list_processes(proc)} if roots else {}
    return frozenset(pid for pid in parents if {*roots} & {*_trace_lineage(pid, parents)})


def count_draining(unit: str, proc: Path = PROC) -> int:
    """Count the nginx workers that finish their connections after a reload: of a unit, or of all units if it is ""."""
    titles = (process / "cmdline" for process in list_processes(proc) if not unit or find_unit(process) == unit)
    return sum(_DRAINING in _read(title) for title in titles)


def _read_pids(prefix: str, name: str) -> list[str]:
    texts = (_read(Path(prefix) / file.format(name)).strip() for file in _PID_FILES)
    return [text for text in texts if text.isdigit()]


def _read_parent(process: Path) -> str:
    """Return the id of the parent process. In /proc, the process name in parentheses precedes the state and the parent."""
    words = _read(process / "stat").rpartition(")")[2].split()
    return words[1] if len(words) > 1 else ""


def _trace_lineage(pid: str, parents: dict[str, str]) -> Iterator[str]:
    """Yield a process id, its parent, the parent of that, and so on."""
    while pid in parents:
        yield pid
        pid = parents[pid]


def _read(path: Path) -> str:
    """Return the text of a file, or "" if it cannot be read, for example because the process has ended."""
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes of a host are Kong's: those of its systemd unit, or those that the pid files of its prefix lead to.

Read from /proc (proc(5), cgroups(7)). Sources of the pid files: kong/conf_loader.lua (prefix_paths) from 0.9 on,
kong/cli/services/{nginx,serf}.lua before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
PREFIX = "/usr/local/kong"
PROGRAMS = ("nginx", "serf")

_PID_FILES = ("pids/{}.pid", "{}.pid")
_UNIT = re.compile(r"/([^/]+\.service)\b")
# The title that nginx gives such a worker (src/os/unix/ngx_process_cycle.c).
_DRAINS = "worker process is shutting down"


def processes(proc: Path) -> Iterator[Path]:
    """The folders of all processes."""
    return (path for path in proc.iterdir() if path.name.isdigit())


def program(process: Path) -> str:
    """The name of the program that a process runs; nothing where the process is gone."""
    return _text(process / "comm").strip()


def unit_of(process: Path) -> str | None:
    """The systemd unit of a process."""
    match = _UNIT.search(_text(process / "cgroup"))
    return match[1] if match else None


def started_by_hand(prefix: str, proc: Path = PROC) -> frozenset[str]:
    """The ids of the processes of a Kong by its pid files, with all that they started; none where no such Kong runs."""
    roots = {pid for name in PROGRAMS for pid in _pids(prefix, name) if program(proc / pid) == name}
    if not roots:
        return frozenset()
    parents = {process.name: _parent(process) for process in processes(proc)}
    return frozenset(pid for pid in parents if roots & {*_line(pid, parents)})


def draining(unit: str, proc: Path = PROC) -> int:
    """How many old workers of nginx finish their connections after a reload; of a unit, or with an empty name of all."""
    titles = (process / "cmdline" for process in processes(proc) if not unit or unit_of(process) == unit)
    return sum(_DRAINS in _text(title) for title in titles)


def _pids(prefix: str, name: str) -> list[str]:
    texts = (_text(Path(prefix) / file.format(name)).strip() for file in _PID_FILES)
    return [text for text in texts if text.isdigit()]


def _parent(process: Path) -> str:
    """The id of the process that started this one; in its line of /proc a name in parentheses comes first."""
    words = _text(process / "stat").rpartition(")")[2].split()
    return words[1] if len(words) > 1 else ""


def _line(pid: str, parents: dict[str, str]) -> Iterator[str]:
    """A process, the one that started it, and so on."""
    while pid in parents:
        yield pid
        pid = parents[pid]


def _text(path: Path) -> str:
    """What a file says; nothing where it, or its process, is gone or not ours to read."""
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""

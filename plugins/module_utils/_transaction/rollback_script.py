# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the shell scripts that undo changes. They need no Ansible module, no controller and no connection."""

from __future__ import annotations

import shlex
import typing as t
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import PROGRAMS, TEMPORARY
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lock import BUSY, PATIENCE

Command = t.Tuple[str, ...]


# Seconds for one command. A firewall manager that hangs delays the other commands no longer than this.
SECONDS = 60


@dataclass(frozen=True)
class Saved:
    """The state of a file: its path, the name of its copy, its folder, and the folder's mode.

    The copy is None if the file was missing. The mode is None if the folder was missing.
    """

    path: str
    copy: str | None
    directory: str
    directory_mode: int | None


@dataclass(frozen=True)
class Places:
    """The paths that the script reads, and the paths that it removes.

    Three paths are relative to `pending`: `reserve`, a file that only takes up space until the script needs that space;
    `unfinished`, a file that exists until the change is complete; and `layers`, the pattern of the folders that undo one
    change each.
    """

    lock: str
    pending: str
    rubbish: str
    unit: str
    link: str
    reserve: str
    unfinished: str
    layers: str


_SCRIPT = """\
#!/bin/sh
# Written by gatehouse.kong. Restores rules and files to the state before the changes that were not confirmed.
# $1: id of the change to undo; without it, any change. $2: if given, only a change whose run ended before it was complete.
PATH={path}
umask 077
exec 9<> {lock}
flock -w {patience} -E {busy} 9
if [ $? = {busy} ]; then
    # The process that holds the lock has the file open; /proc/PID/fdinfo/FD lists the locks of an open file.
    for file in /proc/[0-9]*/fd/*; do
        [ "$file" -ef /proc/$$/fd/9 ] || continue
        process=${{file%/fd/*}}
        grep -qs '^lock:' "$process/fdinfo/${{file##*/}}" || continue
        command=$(tr '\\0' ' ' < "$process/cmdline" | LC_ALL=C tr -c '[:print:]' '?')
        holder="process ${{process#/proc/}} (${{command% }})"
        break
    done
    echo "gatehouse.kong: cannot roll back yet: the lock" {lock} "has been held for {patience} seconds by" \\
        "${{holder:-an unknown process}}. Wait for it, or end it" >&2
    exit {busy}
fi
umask 022
cd {pending} || exit 0
[ -z "$1" ] || [ "$1" = "$(cat id)" ] || exit 0
[ -z "$2" ] || [ -f {unfinished} ] || exit 0
rm -f -- {reserve}
failed=0
# The newest change first, so that the state before the first change is the last one to be restored.
for layer in $(ls -rd {layers}); do
    cd {pending}/"$layer" || exit 1
    . ./undo
done
# Only a complete success removes the folder; the rename makes the removal atomic. Until then the unit repeats this at boot.
[ $failed = 0 ] || exit 1
cd /
rm -rf -- {rubbish}
mv -- {pending} {rubbish}
rm -f -- {link} {unit}
rmdir -- {wants} 2>/dev/null
rm -rf -- {rubbish}
echo "gatehouse.kong: a change was not confirmed in time and has been undone"
"""

_REPEAT = """\
#!/bin/sh
# Written by gatehouse.kong. Runs the script `undo` again while another process holds the lock, and the change waits.
while [ -f {undo} ]; do
    sh {undo} "$@" && exit
    [ $? = {busy} ] || exit 1
done
"""


def render_repeat(undo: str) -> str:
    """Return the script that undoes all changes that wait as soon as it gets the lock. `undo` is the path of their script."""
    return _REPEAT.format(undo=shlex.quote(undo), busy=BUSY)


def render_undo(places: Places) -> str:
    """Return the script that undoes all changes that wait for confirmation."""
    names = {name: shlex.quote(path) for name, path in asdict(places).items() if name != "layers"}
    wants = shlex.quote(str(Path(places.link).parent))
    return _SCRIPT.format(path=PROGRAMS, wants=wants, layers=places.layers, patience=PATIENCE, busy=BUSY, **names)


def render_layer(saved: Iterable[Saved], load: Iterable[tuple[Command, str]]) -> str:
    """Return the part of the script that undoes one change. It runs in the folder of the saved copies.

    The files are restored first, because some commands read them. Then each command runs with its input from a file.
    """
    lines = [line for file in saved for line in _render_restore(file)]
    lines += [
        f"timeout -k 5 {SECONDS} {shlex.join(command)} < {shlex.quote(given)} || failed=1" for command, given in load
    ]
    return "".join(f"{line}\n" for line in lines)


def _render_restore(file: Saved) -> list[str]:
    path, directory = shlex.quote(file.path), shlex.quote(file.directory)
    temporaries = shlex.quote(f"{file.directory}/.{Path(file.path).name}{TEMPORARY}")
    clean = f"rm -f -- {temporaries}*"
    if file.copy is None:
        lines = [f"rm -f -- {path} || failed=1", clean]
        return lines if file.directory_mode is not None else [*lines, f"rmdir -- {directory} 2>/dev/null"]
    return [
        f"[ -d {directory} ] || mkdir -p -m {file.directory_mode:o} -- {directory}",
        f"cp -a --remove-destination -- {shlex.quote(file.copy)} {path} || failed=1",
        # Otherwise a file may be empty after a power cut, although the folder with its copy is removed by then.
        f"[ -L {path} ] || timeout -k 5 {SECONDS} sync -- {path} || failed=1",
        clean,
    ]

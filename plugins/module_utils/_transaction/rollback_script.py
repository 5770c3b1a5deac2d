# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the scripts that undo changes, for a shell: they run without module, controller and connection."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import PROGRAMS

Command = tuple[str, ...]


# Seconds for one command. A firewall manager that hangs delays the other commands no longer than this.
SECONDS = 60


@dataclass(frozen=True)
class Saved:
    """A file as it was: its path, the name of its copy (None if it was missing), its folder, and the folder's mode.

    The mode is None if the folder was missing.
    """

    path: str
    copy: str | None
    directory: str
    directory_mode: int | None


@dataclass(frozen=True)
class Places:
    """Paths that the script needs, and those that it removes.

    Relative to `pending` are `reserve`, a file that only takes up space until the script needs that, `unfinished`, a file that
    is there until the change is complete, and `layers`, the pattern of the folders that undo one change each.
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
flock 9
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
# Only a complete success removes the folder; the rename makes that one step. Until then the unit repeats this at boot.
[ $failed = 0 ] || exit 1
cd /
rm -rf -- {rubbish}
mv -- {pending} {rubbish}
rm -f -- {link} {unit}
rmdir -- {wants} 2>/dev/null
rm -rf -- {rubbish}
echo "gatehouse.kong: a change was not confirmed, and is undone"
"""


def render_undo(places: Places) -> str:
    """Return the script that undoes all changes that wait."""
    names = {name: shlex.quote(path) for name, path in asdict(places).items() if name != "layers"}
    wants = shlex.quote(str(Path(places.link).parent))
    return _SCRIPT.format(path=PROGRAMS, wants=wants, layers=places.layers, **names)


def render_layer(saved: Iterable[Saved], load: Iterable[tuple[Command, str]]) -> str:
    """Return the part of the script that undoes one change, for the folder that has its copies.

    Files first, because some commands read them; then each command with its input from a file in the folder.
    """
    lines = [line for one in saved for line in _put_back(one)]
    lines += [
        f"timeout -k 5 {SECONDS} {shlex.join(command)} < {shlex.quote(given)} || failed=1" for command, given in load
    ]
    return "".join(f"{line}\n" for line in lines)


def _put_back(one: Saved) -> list[str]:
    path, directory = shlex.quote(one.path), shlex.quote(one.directory)
    if one.copy is None:
        lines = [f"rm -f -- {path} || failed=1"]
        return lines if one.directory_mode is not None else [*lines, f"rmdir -- {directory} 2>/dev/null"]
    return [
        f"[ -d {directory} ] || mkdir -p -m {one.directory_mode:o} -- {directory}",
        f"cp -a --remove-destination -- {shlex.quote(one.copy)} {path} || failed=1",
        # Otherwise a file may be empty after a power cut, although the folder with its copy is removed by then.
        f"[ -L {path} ] || timeout -k 5 {SECONDS} sync -- {path} || failed=1",
    ]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the script that undoes a change, for a shell: it runs when module, controller and connection are gone."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import PROGRAMS

Command = tuple[str, ...]


@dataclass(frozen=True)
class Saved:
    """A file as it was: where it is, the copy of it, None if there was none, and its folder's mode, None likewise."""

    path: str
    copy: str | None
    directory: str
    directory_mode: int | None


@dataclass(frozen=True)
class Places:
    """Where the script finds what it needs, and what it leaves nothing of.

    Beside it are `reserve`, a file that only takes up space until the script needs that, and `unfinished`, which is there
    until all of the change is made.
    """

    lock: str
    pending: str
    rubbish: str
    unit: str
    link: str
    reserve: str
    unfinished: str


_HEAD = """\
#!/bin/sh
# Written by gatehouse.kong. Puts its rules and files back to what they were before a change that nobody confirmed.
# $1: the change that is meant; without it, whichever there is. $2: if given, only where its run died before it was made.
PATH={path}
umask 077
exec 9<> {lock}
flock 9
umask 022
cd {pending} || exit 0
[ -z "$1" ] || [ "$1" = "$(cat id)" ] || exit 0
[ -z "$2" ] || [ -f {unfinished} ] || exit 0
# A program that the run had started may still be at work.
[ -z "$2" ] || sleep 1
rm -f -- {reserve}
failed=0
"""

# Only a complete success takes the way back away; the rename makes that one step.
_TAIL = """\
[ $failed = 0 ] || exit 1
cd /
rm -f -- {link} {unit}
rmdir -- {wants} 2>/dev/null
rm -rf -- {rubbish}
mv -- {pending} {rubbish}
rm -rf -- {rubbish}
echo "gatehouse.kong: a change was not confirmed, and is undone"
"""


def render_undo(places: Places, saved: Iterable[Saved], load: Iterable[tuple[Command, str]]) -> str:
    """The script: files first, as some commands read them, then each command with its input from a file beside it."""
    lines = [line for one in saved for line in _put_back(one)]
    lines += [f"{shlex.join(command)} < {shlex.quote(given)} || failed=1" for command, given in load]
    names = {name: shlex.quote(path) for name, path in asdict(places).items()}
    wants = shlex.quote(str(Path(places.link).parent))
    return (
        _HEAD.format(path=PROGRAMS, **names)
        + "".join(f"{line}\n" for line in lines)
        + _TAIL.format(wants=wants, **names)
    )


def _put_back(one: Saved) -> list[str]:
    path, directory = shlex.quote(one.path), shlex.quote(one.directory)
    if one.copy is None:
        lines = [f"rm -f -- {path} || failed=1"]
        return lines if one.directory_mode is not None else [*lines, f"rmdir -- {directory} 2>/dev/null"]
    make = f"[ -d {directory} ] || mkdir -p -m {one.directory_mode:o} -- {directory}"
    return [make, f"cp -a --remove-destination -- {shlex.quote(one.copy)} {path} || failed=1"]

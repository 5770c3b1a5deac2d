# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the variables with which a Kong was started by hand, because its reload or restart needs them too.

nginx overwrites its environment. The Serf agent of Kong 0.9 and 0.10 keeps the environment of the start. From 0.11 on, only the
effect of the variables is known: the settings in PREFIX/.kong_env that `kong prepare` does not make from the file alone. From the
same file and variables it makes exactly the same settings (measured with Kong 2.8.5).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.processes import (
    PREFIX,
    PROC,
    find_started_by_hand,
    read_program,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.unknown import find_installed_defaults
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.values import read_stated
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effective import name_variable
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.prepared import TOLERANCE
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.rehearsal import prepare, read_settings

_VARIABLE = "KONG_"
# Names of nginx's directives. Kong derives some of them from other settings.
_DIRECTIVE = re.compile(r"nginx_[a-z]+_")
# Kong is started with its prefix as an option, and in the background.
_OF_START = ("prefix", "nginx_daemon")
# Up to this version, `#` starts a comment in a variable too (kong/conf_loader.lua).
_READS_COMMENTS = (2, 8)


@dataclass(frozen=True)
class StartedFile:
    """Kong's file as it was before the change, and the names of the settings that the file decides."""

    path: str
    planned: Collection[str]


def find_variables_of_start(kong: Kong, file: StartedFile, *, proc: Path = PROC) -> dict[str, str]:
    """Return the variables of a start by hand, without those of planned settings.

    Returns none for a Kong with a unit or own commands, or of a user who could lead a program of root.
    """
    if kong.unit or kong.restart_command or kong.reload_command or not kong.program or not kong.is_roots:
        return {}
    prefix = kong.prefix or PREFIX
    found = _read_serf(prefix, proc) if kong.version < (0, 11) else _find_by_effect(kong, prefix, file)
    left_out = {name_variable(name) for name in (*file.planned, *_OF_START)}
    return {name: value for name, value in found.items() if name not in left_out}


def _read_serf(prefix: str, proc: Path) -> dict[str, str]:
    """Return the variables of the Serf agent that this Kong has started."""
    for number in sorted(find_started_by_hand(prefix, proc)):
        if read_program(proc / number) == "serf":
            with suppress(OSError):
                text = (proc / number / "environ").read_text(encoding="utf-8", errors="surrogateescape")
                pairs = (word.partition("=")[::2] for word in text.split("\0"))
                return {name: value for name, value in pairs if name.startswith(_VARIABLE)}
    return {}


def _find_by_effect(kong: Kong, prefix: str, file: StartedFile) -> dict[str, str]:
    """Return the variables that make the settings in the prefix from the file.

    Directives and settings without a default need no variable if Kong derives them from other settings. If the file is newer
    than the settings in the prefix, its lines may have changed since, so a setting with a line in the file gets no variable.
    """
    used = read_settings(Path(prefix), prefix)
    if not used:
        return {}
    plain = prepare(replace(kong, variables={}), file.path, prefix)
    known = find_installed_defaults() or {**plain, **used}
    found = {name: value for name, value in _compare(kong, used, plain) if name in known and not _DIRECTIVE.match(name)}
    if found or any(_compare(kong, used, plain)):
        made = prepare(replace(kong, variables=_name(found)), file.path, prefix)
        differing = dict(_compare(kong, used, made))
        found.update({name: value for name, value in differing.items() if _DIRECTIVE.match(name)})
    edited = _read_lines(file.path) if _is_newer(Path(file.path), Path(prefix, ".kong_env")) else ()
    kept = {name: value for name, value in found.items() if name not in edited}
    if kong.version <= _READS_COMMENTS:
        kept = {name: value.replace("#", "\\#") for name, value in kept.items()}
    return _name(kept)


def _compare(kong: Kong, used: Mapping[str, str], other: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the settings in use that the other settings do not have, with their values.

    Before 2.3 the file in the prefix may lack a setting, see prepared.py.
    """
    names = used if kong.version < (2, 3) else {**other, **used}
    return [(name, used.get(name, "")) for name in names if used.get(name, "") != other.get(name, "")]


def _name(settings: Mapping[str, str]) -> dict[str, str]:
    return {name_variable(name): value for name, value in settings.items()}


def _is_newer(first: Path, second: Path) -> bool:
    with suppress(OSError):
        return first.stat().st_mtime > second.stat().st_mtime + TOLERANCE
    return False


def _read_lines(path: str) -> Collection[str]:
    with suppress(OSError):
        return read_stated(Path(path).read_text(encoding="utf-8", errors="replace"))
    return ()

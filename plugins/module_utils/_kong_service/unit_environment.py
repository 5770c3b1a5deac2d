# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the `KONG_…` variables that systemd sets for a unit, from the settings of the unit and of systemd itself.

The environment of its processes is not used: a process may run as an unprivileged user, and nginx overwrites its own
environment. Variables of PassEnvironment= are not read: systemd takes them from the kernel command line. Sources:
systemd.exec(5), "Environment"; parse_env_file_internal in systemd's src/basic/env-file.c;
shell_maybe_quote in src/basic/escape.c, which `systemctl show` uses. Tested with systemd 247, 252 and 257.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

_NAME = re.compile(r"KONG_[A-Z0-9_]+")
_PROPERTIES = ("Environment", "EnvironmentFiles", "UnsetEnvironment")
_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|(\S+)', re.DOTALL)
_ESCAPE = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_CONTROL = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_QUOTED = r"""'[^']*'|"(?:\\.|[^"\\])*\""""
# Quoted parts are first; after the first other character, quotes are literal.
_ASSIGNMENT = re.compile(
    rf"[ \t]*([^\s=#;][^=\n]*?)[ \t]*=((?:[ \t]*(?:{_QUOTED}))*)[ \t]*((?:\\.|[^\\\n])*)\n?|[^\n]*\n?", re.DOTALL
)
_PART = re.compile(_QUOTED, re.DOTALL)


def unit_environment(host: Host, unit: str) -> dict[str, str]:
    """Return the `KONG_…` variables of a unit by name; none for an empty unit. Raises HostError or OSError.

    Later settings override earlier ones: DefaultEnvironment= and `systemctl set-environment` of systemd, Environment= of the unit,
    then its EnvironmentFile=.
    """
    if not unit:
        return {}
    manager = host.run("systemctl", "show", "--property=Environment")
    shown = host.run("systemctl", "show", unit, *(f"--property={name}" for name in _PROPERTIES))
    properties = [line.partition("=")[::2] for line in shown.splitlines()]
    found: dict[str, str] = {}
    for words in (manager.partition("=")[2], *_find_values(properties, "Environment")):
        found.update(word.partition("=")[::2] for word in _split_words(words))
    for entry in _find_values(properties, "EnvironmentFiles"):
        for path in _find_files(host, entry.rpartition(" (")[0]):
            found.update(assignments(path.read_text(encoding="utf-8", errors="replace")))
    removed = {word for words in _find_values(properties, "UnsetEnvironment") for word in _split_words(words)}
    return {
        name: value
        for name, value in found.items()
        if _NAME.fullmatch(name) and not removed & {name, f"{name}={value}"}
    }


def assignments(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each assignment in the text of an EnvironmentFile; other lines are ignored."""
    for name, quoted, plain in _ASSIGNMENT.findall(text):
        if name:
            yield name, "".join(map(_unquote, _PART.findall(quoted))) + _read_plain(plain)


def _find_values(properties: Iterable[tuple[str, ...]], name: str) -> list[str]:
    return [value for key, value in properties if key == name]


def _split_words(text: str) -> Iterator[str]:
    """Yield the words of a list in the output of `systemctl show`."""
    for quoted, plain in _WORD.findall(text):
        yield plain or _ESCAPE.sub(_unescape, quoted)


def _unescape(match: t.Match[str]) -> str:
    code = match[1]
    return chr(int(code, 8)) if len(code) > 1 else _CONTROL.get(code, code)


def _find_files(host: Host, pattern: str) -> list[Path]:
    """Return the files of an EnvironmentFile=, which may have wildcards (glob(7))."""
    return sorted(host.root.glob(pattern.lstrip("/")))


def _unquote(part: str) -> str:
    if part.startswith("'"):
        return part[1:-1]
    return re.sub(r'\\(["\\`$\n])', lambda match: match[1].strip("\n"), part[1:-1])


def _read_plain(text: str) -> str:
    """Return an unquoted value. Blanks at its end are removed unless escaped. A backslash escapes any character."""
    stripped = re.sub(r"((?:\\.|[^\\])*?)[ \t\r]*\Z", r"\1", text, count=1, flags=re.DOTALL)
    return re.sub(r"\\(.)", lambda match: match[1].strip("\n"), stripped, flags=re.DOTALL)

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
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

_NAME = re.compile(r"KONG_[A-Z0-9_]+")
_PROPERTIES = ("Environment", "EnvironmentFiles", "UnsetEnvironment", "FragmentPath", "DropInPaths")
_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|(\S+)', re.DOTALL)
_ESCAPE = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_CONTROL = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
# A quote that is not closed continues to the end of the text.
_QUOTED = r"""'[^']*(?:'|\Z)|"(?:\\.|[^"\\])*(?:"|\\?\Z)"""
# Quoted parts are first; after the first other character, quotes are literal.
_ASSIGNMENT = re.compile(
    rf"[ \t]*([^\s=#;][^=\n]*?)[ \t]*=((?:[ \t]*(?:{_QUOTED}))*)[ \t]*((?:\\.|[^\\\n])*)\n?|[^\n]*\n?", re.DOTALL
)
_PART = re.compile(_QUOTED, re.DOTALL)


@dataclass(frozen=True)
class Variable:
    """A `KONG_…` variable of Kong's environment. `origin` names the place where it is set, and `file` that file, if known."""

    value: str
    origin: str
    file: str = ""


def read_unit_environment(host: Host, unit: str) -> dict[str, str]:
    """Return the `KONG_…` variables of a unit by name; none for an empty unit. Raises HostError or OSError."""
    return {name: variable.value for name, variable in read_unit_variables(host, unit).items()}


def read_unit_variables(host: Host, unit: str) -> dict[str, Variable]:
    """Return the `KONG_…` variables of a unit by name, with their origin; none for an empty unit. Raises HostError or OSError.

    Later settings override earlier ones: DefaultEnvironment= and `systemctl set-environment` of systemd, Environment= of the unit,
    then its EnvironmentFile=.
    """
    if not unit:
        return {}
    manager = host.run("systemctl", "show", "--property=Environment").partition("=")[2]
    shown = host.run("systemctl", "show", unit, *(f"--property={name}" for name in _PROPERTIES))
    properties = [line.partition("=")[::2] for line in shown.splitlines()]
    found = {name: Variable(value, "the environment of systemd itself") for name, value in _assigned(manager)}
    texts = {path: host.read(path) or "" for path in _unit_files(properties)}
    for words in _find_values(properties, "Environment"):
        found.update({name: _variable_of_unit(unit, texts, name, value) for name, value in _assigned(words)})
    for entry in _find_values(properties, "EnvironmentFiles"):
        for path in _find_files(host, entry.rpartition(" (")[0]):
            text, file = path.read_text(encoding="utf-8", errors="replace"), f"/{path.relative_to(host.root)}"
            found.update({name: Variable(value, file, file) for name, value in parse_assignments(text)})
    removed = {word for words in _find_values(properties, "UnsetEnvironment") for word in _split_words(words)}
    return {
        name: variable
        for name, variable in found.items()
        if _NAME.fullmatch(name) and not removed & {name, f"{name}={variable.value}"}
    }


def _unit_files(properties: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the files of a unit: its own file and its drop-ins, in the order in which systemd reads them."""
    listed = [*properties]
    return [
        path for name in ("FragmentPath", "DropInPaths") for text in _find_values(listed, name) for path in text.split()
    ]


def _variable_of_unit(unit: str, texts: dict[str, str], name: str, value: str) -> Variable:
    file = next((path for path, text in reversed(texts.items()) if f"{name}=" in text), "")
    return Variable(value, f"Environment= in {file}" if file else f"Environment= of {unit}", file)


def _assigned(words: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of the assignments in the output of `systemctl show`."""
    for word in _split_words(words):
        name, _sign, value = word.partition("=")
        yield name, value


def parse_assignments(text: str) -> Iterator[tuple[str, str]]:
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
    """Return the files of an EnvironmentFile=, which may have wildcards. They match no hidden file (glob(7))."""
    shows_hidden = Path(pattern).name.startswith(".")
    found = host.root.glob(pattern.lstrip("/"))
    return sorted(file for file in found if shows_hidden or not file.name.startswith("."))


def _unquote(part: str) -> str:
    if part.startswith("'"):
        return part[1:].removesuffix("'")
    return re.sub(r'\\(["\\`$\n])|["\\]\Z', lambda match: (match[1] or "").strip("\n"), part[1:])


def _read_plain(text: str) -> str:
    """Return an unquoted value. Blanks at its end are removed unless escaped. A backslash escapes any character."""
    stripped = re.sub(r"((?:\\.|[^\\])*?)[ \t\r]*\Z", r"\1", text, count=1, flags=re.DOTALL)
    return re.sub(r"\\(.)", lambda match: match[1].strip("\n"), stripped, flags=re.DOTALL)

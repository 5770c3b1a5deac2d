# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the variables of a start of a unit, from the settings of the unit and of systemd itself.

The environment of its processes is not used: a process may run as an unprivileged user, and nginx overwrites its own
environment. Variables that are different for each start, such as INVOCATION_ID, are not read, and SetLoginEnvironment=
is not known, because `systemctl show` prints `no` for its default too. Sources: systemd.exec(5), "Environment"; exec_child in
src/core/execute.c for the order; get_fixed_user there and is_nologin_shell in src/basic/user-util.c for the variables of a user;
parse_env_file_internal in src/basic/env-file.c; shell_maybe_quote in src/basic/escape.c, which `systemctl show` uses. Tested
with systemd 247, 252 and 257.
"""

from __future__ import annotations

import pwd
import re
import shlex
import typing as t
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_suffix
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.start import find_start
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit import parse_commands

_PROPERTIES = (
    "PassEnvironment", "Environment", "EnvironmentFiles", "UnsetEnvironment", "FragmentPath", "DropInPaths", "ExecStartPre",
    "ExecStart", "User", "ExecSearchPath",
)  # fmt: skip
_MANAGER = "the environment of systemd itself"
# The environment of process 1, from the kernel command line or from a container's engine.
_OF_SYSTEMD = "/proc/1/environ"
# systemd leaves out a home directory and a shell that are placeholders.
_NO_HOMES, _NO_SHELLS = ("", "/"), ("", "nologin", "false", "true")
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
    """A variable of Kong's environment. `origin` names the place where it is set, and `file` that file, if known.

    If `is_known` is false, Kong gets its value at the start, and the value here is empty.
    """

    value: str
    origin: str
    file: str = ""
    is_known: bool = True

    @property
    def is_permanent(self) -> bool:
        """Whether the variable certainly exists after the next boot. That of `systemctl set-environment` does not."""
        return self.origin != _MANAGER and not self.file.startswith("/run/")


def read_unit_variables(host: Host, unit: str) -> dict[str, Variable]:
    """Return the variables of a start of a unit by name, with their origin; none for an empty unit. Raises HostError or OSError.

    Later settings override earlier ones: DefaultEnvironment= and `systemctl set-environment` of systemd, User= and ExecSearchPath=
    of the unit, its PassEnvironment=, its Environment=, its EnvironmentFile=, and variables in the command that starts Kong.
    """
    if not unit:
        return {}
    manager = host.run("systemctl", "show", "--property=Environment").partition("=")[2]
    shown = host.run("systemctl", "show", unit, *(f"--property={name}" for name in _PROPERTIES))
    properties = [line.partition("=")[::2] for line in shown.splitlines()]
    found = {name: Variable(value, _MANAGER) for name, value in _parse_assigned(manager)}
    found.update(_list_computed(properties))
    found.update(_read_passed(host, properties))
    origins = {name: path for path in _list_unit_files(properties) for name in _list_assigned(host.read(path) or "")}
    for words in _find_values(properties, "Environment"):
        found.update(
            {name: _make_variable(unit, origins.get(name, ""), value) for name, value in _parse_assigned(words)}
        )
    found.update(_read_files(host, properties))
    removed = {word for words in _find_values(properties, "UnsetEnvironment") for word in _split_words(words)}
    kept = {name: variable for name, variable in found.items() if not removed & {name, f"{name}={variable.value}"}}
    start = find_start(parse_commands(shown))
    in_command = start.variables.items() if start else ()
    return {**kept, **{name: Variable(value, f"the command of {unit}") for name, value in in_command}}


def _list_computed(properties: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, Variable]]:
    """Yield the variables that systemd computes from User= and ExecSearchPath=; none for a user who does not exist."""
    listed = [*properties]
    for user in filter(None, _find_values(listed, "User")):
        with suppress(KeyError):
            entry = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
            home = "" if entry.pw_dir in _NO_HOMES else entry.pw_dir
            shell = "" if entry.pw_shell.rpartition("/")[2] in _NO_SHELLS else entry.pw_shell
            values = {"HOME": home, "LOGNAME": entry.pw_name, "USER": entry.pw_name, "SHELL": shell}
            yield from ((name, Variable(value, "User=")) for name, value in values.items() if value)
    for words in filter(None, _find_values(listed, "ExecSearchPath")):
        yield "PATH", Variable(":".join(_split_words(words)), "ExecSearchPath=")


def _read_passed(host: Host, properties: Iterable[tuple[str, ...]]) -> dict[str, Variable]:
    """Return the variables of PassEnvironment=, which have the values of systemd's own environment."""
    passed = {name for words in _find_values(properties, "PassEnvironment") for name in _split_words(words)}
    pairs = (text.partition("=")[::2] for text in (host.read(_OF_SYSTEMD) or "").split("\0")) if passed else ()
    return {name: Variable(value, "PassEnvironment=") for name, value in pairs if name in passed}


def _read_files(host: Host, properties: Iterable[tuple[str, ...]]) -> dict[str, Variable]:
    """Return the variables of EnvironmentFile=."""
    found = {}
    for entry in _find_values(properties, "EnvironmentFiles"):
        for path in _find_files(host, entry.rpartition(" (")[0]):
            text, file = path.read_text(encoding="utf-8", errors="replace"), f"/{path.relative_to(host.root)}"
            found.update({name: Variable(value, file, file) for name, value in parse_assignments(text)})
    return found


def _list_unit_files(properties: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the files of a unit: its own file and its drop-ins, in the order in which systemd reads them."""
    listed = [*properties]
    return [
        path for name in ("FragmentPath", "DropInPaths") for text in _find_values(listed, name) for path in text.split()
    ]


def _list_assigned(text: str) -> Iterator[str]:
    """Yield the names of the variables that `Environment=` in the text of a unit's file sets.

    A line ends with a backslash if the next line continues it. Comments have lines of their own (systemd.syntax(7)).
    """
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("#", ";")))
    for line in lines.replace("\\\n", " ").splitlines():
        setting, _sign, words = line.partition("=")
        if setting.strip() == "Environment":
            with suppress(ValueError):  # systemd ignores words with a quote that is not closed
                yield from (word.partition("=")[0] for word in shlex.split(words))


def _make_variable(unit: str, file: str, value: str) -> Variable:
    return Variable(value, f"Environment= in {file}" if file else f"Environment= of {unit}", file)


def _parse_assigned(words: str) -> Iterator[tuple[str, str]]:
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
    return sorted(file for file in found if file.is_file() and (shows_hidden or not file.name.startswith(".")))


def _unquote(part: str) -> str:
    if part.startswith("'"):
        return remove_suffix(part[1:], "'")
    return re.sub(r'\\(["\\`$\n])|["\\]\Z', lambda match: (match[1] or "").strip("\n"), part[1:])


def _read_plain(text: str) -> str:
    """Return an unquoted value. Blanks at its end are removed unless escaped. A backslash escapes any character."""
    stripped = re.sub(r"((?:\\.|[^\\])*?)[ \t\r]*\Z", r"\1", text, count=1, flags=re.DOTALL)
    return re.sub(r"\\(.)", lambda match: match[1].strip("\n"), stripped, flags=re.DOTALL)

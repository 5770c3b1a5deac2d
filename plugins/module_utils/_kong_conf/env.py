# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""A file of `KONG_...` variables (Kong 0.9 and later), edited in place: systemd's EnvironmentFile, or docker's --env-file.

The two read different languages, so only what both read alike is written: `NAME=value`, without quotes and blanks around it.

- systemd.exec(5): quotes around a value are taken off, a backslash takes the meaning of the next character or joins the next
  line, blanks around a value are dropped. Nothing is expanded.
- docker (cli/opts, ParseEnvFile) and podman: everything after the `=` is the value, quotes and backslashes too.

Of two lines with one name the last counts for both. Lines whose first visible character is `#` are comments for both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import shown
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import (
    ConfError,
    edit_text,
    insert_lines,
    split_ending,
    split_lines,
)

_KEY = re.compile(r"[a-z][a-z0-9_]*")
_LINE = re.compile(r"[ \t]*([A-Z][A-Z0-9_]*)[ \t]*=(.*)", re.DOTALL)
# What one of the two takes for something else than itself.
_SPECIAL = re.compile(r"""[\\'"`]""")


def _name(key: str) -> str:
    return f"KONG_{key.upper()}"


def _lines_of(lines: list[str], name: str) -> list[tuple[int, str, str]]:
    """Index, value and ending of the lines that set a variable."""
    found = []
    for number, line in enumerate(lines):
        body, ending = split_ending(line)
        match = _LINE.fullmatch(body)
        if match and match[1] == name:
            if body.endswith("\\"):
                raise ConfError(
                    f"line {number + 1} ends in a backslash, which docker and systemd read differently: join it"
                )
            found.append((number, match[2].strip(), ending))
    return found


def _check(key: str, value: str) -> None:
    if not _KEY.fullmatch(key):
        raise ConfError(
            f"setting {key!r}: no variable of Kong's environment sets it; they are there for the settings of kong.conf, "
            "from 0.9 on"
        )
    if _SPECIAL.search(value):
        raise ConfError(
            f"setting {key!r}: {shown(key, value)} has a backslash or a quote, which systemd and docker read differently; "
            "give it to Kong in another way"
        )


def _set(lines: list[str], key: str, value: str) -> None:
    _check(key, value)
    name = _name(key)
    ours = _lines_of(lines, name)
    for number, there, ending in ours:
        if there != value:
            lines[number] = f"{name}={value}{ending}"
    if not ours:
        sample = re.compile(rf"[ \t]*#+[ \t]*{name}[ \t]*=")
        place = next((number + 1 for number, line in enumerate(lines) if sample.match(line)), len(lines))
        insert_lines(lines, place, [f"{name}={value}"])


def edit_env(text: str, settings: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Put `settings` (Kong setting to value) as variables into the text of an environment file.

    Returns the new text and the names of the settings whose lines changed. Everything else keeps its bytes.
    Raises ConfError where the value or the file cannot be written so that systemd and docker read the same.
    """
    return edit_text(text, settings, _set)


def env_values(text: str, names: Iterable[str]) -> dict[str, str | None]:
    """The values of settings in an environment file, as they stand there; None for those that it does not have."""
    lines = split_lines(text)
    there = {name: _lines_of(lines, _name(name)) for name in names}
    return {name: found[-1][1] if found else None for name, found in there.items()}

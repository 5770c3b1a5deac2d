# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Edits a file of `KONG_...` variables (Kong 0.9 and later) in place: systemd's EnvironmentFile, or docker's --env-file.

The two formats differ, so only lines with the same meaning in both are written: `NAME=value` without quotes and without
blanks around the value.

- systemd.exec(5): quotes around a value and blanks around it are removed. A backslash escapes the next character or joins
  the next line. Nothing is expanded.
- docker (cli/opts, ParseEnvFile) and podman: all text after the `=` is the value, including quotes and backslashes.

In both formats the last line of a name counts, and lines whose first visible character is `#` are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.meaning import is_same
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import mask
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import (
    ConfError,
    edit_text,
    insert_lines,
    split_ending,
    split_lines,
)

_KEY = re.compile(r"[a-z][a-z0-9_]*")
_LINE = re.compile(r"[ \t]*([A-Z][A-Z0-9_]*)[ \t]*=(.*)", re.DOTALL)
# Characters with a special meaning in one of the two formats.
_SPECIAL = re.compile(r"""[\\'"`]""")


def _name_variable(key: str) -> str:
    return f"KONG_{key.upper()}"


def _find_lines(lines: list[str], name: str) -> list[tuple[int, str, str]]:
    """Return index, value and ending of the lines that set a variable."""
    found = []
    for number, line in enumerate(lines):
        body, ending = split_ending(line)
        match = _LINE.fullmatch(body)
        if match and match[1] == name:
            if body.endswith("\\"):
                raise ConfError(
                    f"line {number + 1} ends in a backslash, which docker and systemd read differently: write the value "
                    "on one line"
                )
            found.append((number, match[2].strip(), ending))
    return found


def _check(key: str, value: str) -> None:
    if not _KEY.fullmatch(key):
        raise ConfError(
            f"setting {key!r} has no environment variable: Kong 0.9 and later has variables for the settings of kong.conf"
        )
    if _SPECIAL.search(value):
        raise ConfError(
            f"setting {key!r}: {mask(key, value)} has a backslash or a quote, which systemd and docker read differently: "
            "write this setting into kong.conf"
        )


def _set(lines: list[str], key: str, value: str, default: str | None) -> None:
    _check(key, value)
    name = _name_variable(key)
    found = _find_lines(lines, name)
    for number, present, ending in found:
        if not is_same(key, present, value):
            lines[number] = f"{name}={value}{ending}"
    if not found and (default is None or not is_same(key, default, value)):
        sample = re.compile(rf"[ \t]*#+[ \t]*{name}[ \t]*=")
        place = next((number + 1 for number, line in enumerate(lines) if sample.match(line)), len(lines))
        insert_lines(lines, place, [f"{name}={value}"])


def edit_env(
    text: str, settings: Mapping[str, Any], defaults: Mapping[str, str] | None = None
) -> tuple[str, list[str]]:
    """Set `settings` (Kong setting to value) as variables in the text of an environment file.

    A value that means the same is not rewritten, and a missing line is not added if the setting's value in `defaults` means the
    same. Returns the new text and the names of the settings whose lines changed. All other bytes are unchanged. Raises ConfError
    unless systemd and docker would read the same values.
    """
    return edit_text(text, settings, _set, defaults)


def read_env_values(text: str, names: Iterable[str]) -> dict[str, str | None]:
    """Return the values of settings from the text of an environment file, unchanged; None for a missing setting."""
    lines = split_lines(text)
    present = {name: _find_lines(lines, _name_variable(name)) for name in names}
    return {name: found[-1][1] if found else None for name, found in present.items()}

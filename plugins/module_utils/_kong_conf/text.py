# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions to edit configuration files of Kong in place: lines, values and errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ConfError(ValueError):
    """A file that cannot be edited, or a value that cannot be written. The message names the line, not the file."""


def split_lines(text: str) -> list[str]:
    """Return the lines of `text` with their endings. Only a line feed ends a line, as in Kong's loaders."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def split_ending(line: str) -> tuple[str, str]:
    """Return a line without its ending, and the ending: CR LF, LF, or an empty text."""
    body = re.sub(r"\r?\n\Z", "", line)
    return body, line[len(body) :]


def find_ending(lines: list[str]) -> str:
    """Return the ending for new lines: the ending of the first line, or LF."""
    return (split_ending(lines[0])[1] if lines else "") or "\n"


def insert_lines(lines: list[str], index: int, bodies: list[str]) -> None:
    """Insert lines, given without endings, before `index`."""
    ending = find_ending(lines)
    if index and not lines[index - 1].endswith("\n"):
        lines[index - 1] += ending
    lines[index:index] = [body + ending for body in bodies]


def format_value(key: str, value: Any) -> str:
    """Return the value of setting `key` as text of one line, without blanks around it, because Kong drops them.

    Raises ConfError for a value that is neither text nor an integer, and for unprintable text.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ConfError(
            f"setting {key!r}: {mask(key, value)} is a {type(value).__name__}, not text: quote it, as in {key}: 'on'"
        )
    text = value.strip()
    if not text.replace("\t", " ").isprintable():
        raise ConfError(
            f"setting {key!r}: {mask(key, value)} has a line break or a control character: remove it, because a value "
            "is one line of printable text"
        )
    return text


def edit_text(
    text: str,
    settings: Mapping[str, Any],
    set_value: Callable[[list[str], str, str, str | None], None],
    defaults: Mapping[str, str] | None,
) -> tuple[str, list[str]]:
    """Call `set_value(lines, key, value, default)` for each setting; return the new text and the names of changed settings.

    The default of a setting is None if it is not in `defaults`.
    """
    lines = split_lines(text)
    changed = []
    for key, given in settings.items():
        before = list(lines)
        set_value(lines, key, format_value(key, given), (defaults or {}).get(key))
        if lines != before:
            changed.append(key)
    return "".join(lines), changed

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kong.conf and kong.yml have in common when they are edited in place: lines, values, errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ConfError(ValueError):
    """A file or a value that cannot be edited or written safely. The text names the line, not the file."""


def split_lines(text: str) -> list[str]:
    """The lines of `text` with their endings. Only a line feed ends a line, as for Kong's loaders."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def split_ending(line: str) -> tuple[str, str]:
    """A line without its ending, and the ending: CR LF, LF, or nothing."""
    body = re.sub(r"\r?\n\Z", "", line)
    return body, line[len(body) :]


def file_ending(lines: list[str]) -> str:
    """The line ending that new lines get: that of the first line, or LF."""
    return (split_ending(lines[0])[1] if lines else "") or "\n"


def insert_lines(lines: list[str], at: int, bodies: list[str]) -> None:
    """Insert whole lines, given without endings, before index `at`."""
    ending = file_ending(lines)
    if at and not lines[at - 1].endswith("\n"):
        lines[at - 1] += ending
    lines[at:at] = [body + ending for body in bodies]


def value_text(key: str, value: Any) -> str:
    """The value of setting `key` as text of one line, without blanks around it (Kong drops those).

    Takes text and integers. Raises ConfError for anything else, and for text that a line cannot hold.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ConfError(
            f"setting {key!r}: {shown(key, value)} is a {type(value).__name__}, not text: quote it, as in {key}: 'on'"
        )
    text = value.strip()
    if not text.replace("\t", " ").isprintable():
        raise ConfError(
            f"setting {key!r}: {shown(key, value)} holds a line break or a control character; a value is one line of "
            "printable text"
        )
    return text


def edit_text(
    text: str, settings: Mapping[str, Any], set_one: Callable[[list[str], str, str], None]
) -> tuple[str, list[str]]:
    """Apply `set_one(lines, key, value)` for every setting. Returns the new text and the names of what changed."""
    lines = split_lines(text)
    changed = []
    for key, given in settings.items():
        before = list(lines)
        set_one(lines, key, value_text(key, given))
        if lines != before:
            changed.append(key)
    return "".join(lines), changed

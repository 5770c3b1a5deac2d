# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Edits kong.conf (Kong 0.9 and later) in place.

Kong reads this file with Penlight's `config.read`, and removes comments from the values itself. The result depends on the
version (lua/pl/config.lua; kong/conf_loader.lua, kong/conf_loader/init.lua):

- A line whose first visible character is `#` or `;` is a comment. A backslash at the end of a line joins the next line
  that is no comment. Kong ignores all lines after a line `[name]`.
- Every character of a key that is no ASCII letter or digit is read as `_`: `proxy-listen` is `proxy_listen`.
- If several lines have the same key, the **last** line counts.
- `#` starts a comment in a value. 0.9 has no escape. 0.10 to 2.x also drop the character before the `#`, and read a `#` at
  the very start as part of the value. From 0.10.4, `\#` is a literal `#`, but nginx reads it unescaped from `.kong_env`, so
  the value is complete only from 2.0.5 on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.meaning import is_same
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import mask
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import (
    ConfError,
    edit_text,
    find_ending,
    insert_lines,
    split_ending,
    split_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Lua's %s
_BLANKS = " \t\n\v\f\r"
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_CONTINUED = re.compile(r"\\[ \t\v\f\r]*\Z")
_HEAD = re.compile(r"[^=]*=[ \t\v\f\r]*")
_COMMENT = re.compile(r"(?<!\\)#")
_NO_LINES: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Entry:
    """A `key = value`, joined from one or more lines."""

    key: str
    text: str
    numbers: tuple[int, ...]  # indices of its lines


@dataclass(frozen=True)
class _Parts:
    """The parts of an entry's text; joined, they give the text again."""

    head: str  # up to the value
    value: str
    gap: str
    comment: str


def _is_comment(line: str) -> bool:
    return line.strip(_BLANKS) == "" or line.lstrip(_BLANKS)[0] in "#;"


def _join_lines(lines: list[str]) -> list[tuple[str, tuple[int, ...]]]:
    """Return text and indices of the lines that Kong joins to one line; comments and blank lines are omitted."""
    found: list[tuple[str, tuple[int, ...]]] = []
    text, numbers = "", _NO_LINES
    for number, line in enumerate(lines):
        if _is_comment(line):
            continue
        body, _ending = split_ending(line)
        numbers = (*numbers, number)
        text += _CONTINUED.sub("", body)
        if not _CONTINUED.search(body):
            found.append((text, numbers))
            text, numbers = "", _NO_LINES
    if numbers:
        raise ConfError(
            f"line {numbers[-1] + 1} ends in a backslash, but no setting follows that could be joined, so Kong ignores the "
            "line: remove the backslash"
        )
    return found


def _parse_entries(lines: list[str]) -> list[_Entry]:
    entries = []
    for text, numbers in _join_lines(lines):
        if text.startswith("["):
            raise ConfError(
                f"line {numbers[0] + 1}: {text.strip()!r} starts a section, so Kong ignores all settings below it: "
                "remove the line, or put a '#' before it"
            )
        name, separator, _rest = text.partition("=")
        if separator:
            entries.append(_Entry(re.sub(r"[^A-Za-z0-9]", "_", name.strip(_BLANKS)), text, numbers))
    return entries


def _split(text: str) -> _Parts:
    match = _HEAD.match(text)
    head = match.group() if match else ""
    rest = text[len(head) :]
    mark = _COMMENT.search(rest)
    comment = rest[mark.start() :] if mark else ""
    content = rest[: len(rest) - len(comment)]
    value = content.rstrip(_BLANKS)
    return _Parts(head, value, content[len(value) :], comment)


def _render(text: str, value: str) -> list[str]:
    """Return the lines, without endings, that replace an entry's text."""
    parts = _split(text)
    if not parts.comment:
        return [parts.head + value + parts.gap]
    if value:
        # Without a blank before the comment, many versions drop the last character of the value.
        return [parts.head + value + (parts.gap or " ") + parts.comment]
    # Many versions read a comment after the `=` as the value, so the comment moves to its own line, in the same column.
    column = len(parts.head + parts.value + parts.gap)
    return [parts.head.rstrip(_BLANKS), " " * column + parts.comment]


def _rewrite(lines: list[str], entry: _Entry, value: str) -> None:
    present = _split(entry.text).value
    if is_same(entry.key, present, value):
        if len(entry.numbers) > 1:
            return
        value = present
    first, *rest = entry.numbers
    new = _render(entry.text, value)
    # The last line of the file may have no ending, so the ending of the first line is kept.
    lines[first] = find_ending(lines).join(new) + split_ending(lines[first])[1]
    for number in rest:
        lines[number] = ""


def _find_place(lines: list[str], entries: list[_Entry], key: str) -> int:
    """Return the index of a new line for `key`: after its commented-out sample, otherwise at the end."""
    sample = re.compile(rf"[ \t]*#+[ \t]*{re.escape(key)}[ \t]*=")
    place = next((number + 1 for number, line in enumerate(lines) if sample.match(line)), len(lines))
    # If the sample is between lines that Kong joins, the new line follows the last of them.
    return next((entry.numbers[-1] + 1 for entry in entries if entry.numbers[0] < place <= entry.numbers[-1]), place)


def _set(lines: list[str], key: str, value: str, default: str | None) -> None:
    _check(key, value)
    value = _COMMENT.sub(r"\\#", value)
    entries = _parse_entries(lines)
    same_key = [entry for entry in entries if entry.key == key]
    # Only the last entry counts, but an earlier entry with another value would mislead a reader.
    for entry in same_key:
        _rewrite(lines, entry, value)
    if not same_key and (default is None or not is_same(key, default, value)):
        insert_lines(lines, _find_place(lines, entries, key), [f"{key} = {value}".rstrip()])
    # The number of lines of an entry may have changed.
    lines[:] = split_lines("".join(lines))


def _check(key: str, value: str) -> None:
    if not _KEY.fullmatch(key):
        raise ConfError(f"setting {key!r}: the name of a setting in kong.conf consists of letters, digits and '_'")
    if value.endswith("\\"):
        raise ConfError(
            f"setting {key!r}: {mask(key, value)} ends in a backslash, so Kong joins the next line to it: remove the "
            "backslash"
        )
    if "_blank_" in value:
        raise ConfError(
            f"setting {key!r}: {mask(key, value)} contains '_blank_', at which Kong's loader splits values: use another "
            "value"
        )


def edit_conf(
    text: str, settings: Mapping[str, Any], defaults: Mapping[str, str] | None = None
) -> tuple[str, list[str]]:
    """Set `settings` (Kong setting to value) in the text of a kong.conf.

    A value that means the same is not rewritten, and a missing line is not added if the setting's default in `defaults` means
    the same. Returns the new text and the names of the settings whose lines changed. All other bytes are unchanged. Raises ConfError
    unless Kong would read the values as given.
    """
    return edit_text(text, settings, _set, defaults)


def read_conf_values(text: str, names: Iterable[str]) -> dict[str, str | None]:
    """Return the values of settings from the text of a kong.conf, unchanged; None for a missing setting.

    Raises ConfError for a file that Kong would not read completely.
    """
    present = {entry.key: _split(entry.text).value for entry in _parse_entries(split_lines(text))}
    return {name: present.get(name) for name in names}


def list_conf_names(text: str) -> list[str]:
    """Return the names of the settings in the text of a kong.conf, in order and without duplicates.

    Raises ConfError for a file that Kong would not read completely.
    """
    return list(dict.fromkeys(entry.key for entry in _parse_entries(split_lines(text))))

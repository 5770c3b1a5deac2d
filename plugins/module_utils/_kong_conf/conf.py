# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""kong.conf (Kong 0.9 and later), edited in place.

Kong reads this file with Penlight's `config.read` and takes comments off the values itself, differently by version.
What follows from that, and is relied on here (lua/pl/config.lua; kong/conf_loader.lua, kong/conf_loader/init.lua):

- a line whose first visible character is `#` or `;` is a comment; a backslash at the end of a line joins the next
  line that is no comment; what follows a line `[name]` is not seen by Kong at all;
- every character of a key that is no ASCII letter or digit is read as `_`: `proxy-listen` is `proxy_listen`;
- of two lines with one key, the **last** counts;
- `#` starts a comment in a value. 0.9 has no escape; 0.10 up to the 2.x line drop the character before the `#` as
  well, and take a `#` at the very start as part of the value; from 0.10 on `\#` is a literal `#`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import shown
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import (
    ConfError,
    edit_text,
    file_ending,
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
    """One `key = value`, as Kong joins it from one line or more."""

    key: str
    text: str
    numbers: tuple[int, ...]  # indices of the lines it is made of


@dataclass(frozen=True)
class _Parts:
    """An entry's text, cut so that the pieces joined give the text again."""

    head: str  # up to the value
    value: str
    gap: str
    comment: str


def _is_comment(line: str) -> bool:
    return line.strip(_BLANKS) == "" or line.lstrip(_BLANKS)[0] in "#;"


def _logical_lines(lines: list[str]) -> list[tuple[str, tuple[int, ...]]]:
    """Text and line indices of what Kong reads as one line; comments and blank lines are left out."""
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
            f"line {numbers[-1] + 1} ends in a backslash and no line follows to be joined, so Kong ignores the setting: "
            "remove the backslash"
        )
    return found


def _entries(lines: list[str]) -> list[_Entry]:
    entries = []
    for text, numbers in _logical_lines(lines):
        if text.startswith("["):
            raise ConfError(
                f"line {numbers[0] + 1}: {text.strip()!r} starts a section, and Kong sees no setting below it: remove "
                "the line, or put it behind a '#'"
            )
        name, separator, _rest = text.partition("=")
        if separator:
            entries.append(_Entry(re.sub(r"[^A-Za-z0-9]", "_", name.strip(_BLANKS)), text, numbers))
    return entries


def _parts(text: str) -> _Parts:
    match = _HEAD.match(text)
    head = match.group() if match else ""
    rest = text[len(head) :]
    mark = _COMMENT.search(rest)
    comment = rest[mark.start() :] if mark else ""
    content = rest[: len(rest) - len(comment)]
    value = content.rstrip(_BLANKS)
    return _Parts(head, value, content[len(value) :], comment)


def _rendered(text: str, value: str) -> list[str]:
    """The lines, without endings, that replace an entry's text."""
    parts = _parts(text)
    if not parts.comment:
        return [parts.head + value + parts.gap]
    if value:
        # Without a blank before it, many versions take the value's last character for a part of the comment.
        return [parts.head + value + (parts.gap or " ") + parts.comment]
    # Many versions read a comment that follows the `=` as the value: it gets a line of its own, in its old column.
    column = len(parts.head + parts.value + parts.gap)
    return [parts.head.rstrip(_BLANKS), " " * column + parts.comment]


def _rewrite(lines: list[str], entry: _Entry, value: str) -> None:
    if len(entry.numbers) > 1 and _parts(entry.text).value == value:
        return
    first, *others = entry.numbers
    new = _rendered(entry.text, value)
    # The first line's own ending: the last one, which the file may end without, does not part it from what follows.
    lines[first] = file_ending(lines).join(new) + split_ending(lines[first])[1]
    for number in others:
        lines[number] = ""


def _place(lines: list[str], entries: list[_Entry], key: str) -> int:
    """The index at which a new line for `key` goes: after its commented-out sample, else at the end."""
    sample = re.compile(rf"[ \t]*#+[ \t]*{re.escape(key)}[ \t]*=")
    place = next((number + 1 for number, line in enumerate(lines) if sample.match(line)), len(lines))
    # A sample between two lines that Kong joins: do not come between them.
    return next((e.numbers[-1] + 1 for e in entries if e.numbers[0] < place <= e.numbers[-1]), place)


def _set(lines: list[str], key: str, value: str) -> None:
    _check(key, value)
    entries = _entries(lines)
    ours = [entry for entry in entries if entry.key == key]
    # All of them, though only the last counts: an earlier line with another value would mislead whoever reads it.
    for entry in ours:
        _rewrite(lines, entry, value)
    if not ours:
        insert_lines(lines, _place(lines, entries, key), [f"{key} = {value}".rstrip()])
    # An entry may have become two lines, or fewer than it was.
    lines[:] = split_lines("".join(lines))


def _check(key: str, value: str) -> None:
    if not _KEY.fullmatch(key):
        raise ConfError(f"setting {key!r}: the name of a setting in kong.conf is made of letters, digits and '_'")
    if _COMMENT.search(value):
        raise ConfError(
            f"setting {key!r}: Kong takes '#' in {shown(key, value)} for the start of a comment; write it as '\\#' "
            "(Kong 0.10 and later; 0.9 has no way to hold it)"
        )
    if value.endswith("\\"):
        raise ConfError(f"setting {key!r}: Kong joins the next line to {shown(key, value)}, which ends in a backslash")
    if "_blank_" in value:
        raise ConfError(f"setting {key!r}: Kong's loader splits {shown(key, value)} at '_blank_', its list delimiter")


def edit_conf(text: str, settings: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Put `settings` (Kong setting to value) into the text of a kong.conf.

    Returns the new text and the names of the settings whose lines changed. Everything else keeps its bytes.
    Raises ConfError where the value or the file cannot be written so that Kong reads what was meant.
    """
    return edit_text(text, settings, _set)


def conf_values(text: str, names: Iterable[str]) -> dict[str, str | None]:
    """The values of settings in the text of a kong.conf, as they stand there; None for those that it does not have.

    Raises ConfError where the file cannot be read as Kong reads it.
    """
    there = {entry.key: _parts(entry.text).value for entry in _entries(split_lines(text))}
    return {name: there.get(name) for name in names}


def conf_names(text: str) -> list[str]:
    """The names of the settings in the text of a kong.conf, each once, in its order; raises as `conf_values` does."""
    return list(dict.fromkeys(entry.key for entry in _entries(split_lines(text))))

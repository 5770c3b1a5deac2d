# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kong.conf and kong.yml have in common when they are edited in place: lines, values, secrets, errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HIDDEN = "<hidden>"

# Kong's own list of settings that its tools do not print (CONF_SENSITIVE in kong/conf_loader/constants.lua, and the
# Enterprise one), as name endings, and `encrypt`, which is what 0.6 to 0.8 call the key of the gossip ring.
_HIDDEN_NAMES = (
    r"(?:password|secret|secret_id|token|_key|encrypt|auth_conf|session_conf|auth_header"
    r"|declarative_config_string|proxy_server)"
)
_SECRET_NAME = re.compile(_HIDDEN_NAMES + r"\Z")
# A value goes on after a backslash at the end of its line; comments and blank lines in between do not end it.
_SECRET_LINE = re.compile(
    rf"""(?<![\w-])([\w-]*{_HIDDEN_NAMES}["']?[ \t]*[=:]) [ \t]*(?=\S)
    (?:[^\n]*\\[ \t\v\f\r]*\n (?:[ \t\v\f\r]*(?:[\#;][^\n]*)?\n)*)*
    [^\r\n]*""",
    re.IGNORECASE | re.VERBOSE,
)


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


def is_secret(key: str) -> bool:
    """Whether the value of Kong's setting `key` must not be shown."""
    return _SECRET_NAME.search(key) is not None


def shown(key: str, value: object) -> str:
    """`value` for a message about setting `key`."""
    return HIDDEN if is_secret(key) else repr(value)


def hide_secrets(text: str) -> str:
    """A configuration file's text, for people to read: what follows a secret's name is replaced, in comments too."""
    return _SECRET_LINE.sub(rf"\1 {HIDDEN}", text)


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

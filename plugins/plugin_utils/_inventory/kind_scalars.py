# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readers of kinds whose values are text, a number or a boolean. Each returns the value in a single form, or raises KindError."""

from __future__ import annotations

import re
import shlex
from math import isfinite
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind import Kind, KindError, make_wrong
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import format_for_inventory

_WHOLE_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)


def read_anything(_kind: Kind, value: Any) -> Any:
    return value


def read_text(kind: Kind, value: Any) -> str:
    """Return text, or a whole number as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    # A number with a point may be a name, and nothing else.
    if isinstance(value, float) and isfinite(value) and kind.expected == "text":
        raise KindError(f"it must be {kind.expected}; write {format_for_inventory(str(value))}")
    if isinstance(value, (list, tuple)) and len(value) == 1 and isinstance(value[0], str):
        raise KindError(
            f"it must be {kind.expected}, and not a list; write {format_for_inventory(kind.read(kind, value[0]))}"
        )
    if not isinstance(value, str):
        raise make_wrong(kind)
    text = value.strip()
    if not text:
        raise KindError(f"it is empty; give {kind.expected}, or remove it (null also means not set)")
    return text


def read_host_path(kind: Kind, value: Any) -> str:
    text = read_text(kind, value)
    if not text.startswith("/") or text.endswith("/") or not text.isprintable():
        raise make_wrong(kind)
    return text


def read_command(kind: Kind, value: Any) -> str:
    """Return a command that the modules can split into words, as a shell does."""
    text = read_text(kind, value)
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise KindError(f"it cannot be split into words ({exc}); correct its quotes and backslashes") from exc
    if not words or not words[0]:
        raise KindError(f"it has no program; write a command such as {format_for_inventory(kind.example)}")
    return text


def read_boolean(_kind: Kind, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise KindError("it must be true or false, in an INI inventory True or False")


def read_switch(kind: Kind, value: Any) -> bool:
    """Return a boolean, also from text, because -e NAME=VALUE has only text."""
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    found = words.get(str(value).strip().lower())
    return read_boolean(kind, value if found is None else found)


def read_whole_number(kind: Kind, value: Any) -> Any:
    """Return a whole number within the limits of the kind, also from text."""
    if not _WHOLE_NUMBER.fullmatch(str(value).strip()):
        raise KindError(f"it must be {kind.expected}")
    return read_number(kind, value)


def read_number(kind: Kind, value: Any) -> Any:
    """Return a number within the limits of the kind, also from text."""
    text = str(value).strip()
    if isinstance(value, bool) or not _NUMBER.fullmatch(text) or not kind.least <= float(text) <= kind.most:
        raise KindError(f"it must be {kind.expected}")
    return value


def read_choice(kind: Kind, value: Any) -> str:
    text = read_text(kind, value)
    if text not in kind.choices:
        raise KindError(f"it must be {kind.expected}")
    return text

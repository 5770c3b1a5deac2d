# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readers of kinds whose values are text, a number or a boolean. Each returns the value in a single form, or raises KindError."""

from __future__ import annotations

import re
import shlex
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind import Kind, KindError, make_wrong
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import format_for_inventory

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def read_anything(_kind: Kind, value: Any) -> Any:
    return value


def read_text(kind: Kind, value: Any) -> str:
    """Return text, or a whole number as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        raise make_wrong(kind, str(value))
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


def read_number(kind: Kind, value: Any) -> Any:
    """Return a number that is not too small, also from text."""
    if not isinstance(value, bool) and _NUMBER.fullmatch(text := str(value).strip()) and float(text) >= kind.least:
        return value
    raise KindError(f"it must be {kind.expected}")


def read_choice(kind: Kind, value: Any) -> str:
    text = read_text(kind, value)
    if text not in kind.choices:
        raise KindError(f"it must be {kind.expected}")
    return text

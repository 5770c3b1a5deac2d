# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists, mappings and text in quotes, as an INI inventory or -e may yield them in place of values."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind import Kind, KindError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind_lists import split_words
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind_scalars import read_anything
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import format_for_inventory

# A list or a mapping. Text that starts with an IPv6 address in brackets and a colon is neither.
_LIST_LIKE = re.compile(r"\[(?![^][]*\]:).*\]|\{.*\}", re.DOTALL)
_QUOTED = re.compile(r"['\"{}]")


def check_literal(kind: Kind, text: str) -> None:
    """Raise KindError for text that is a list, a mapping or text in quotes, as an INI inventory or -e may yield it."""
    if text[:1] in "\"'" and text[:1] == text[-1:] and len(text) > 1:
        raise KindError(f"the text has quotes inside; write {format_for_inventory(text[1:-1])}")
    if _LIST_LIKE.fullmatch(text):
        what = "a list" if text.startswith("[") else "a mapping"
        if isinstance(kind.example, str):
            raise KindError(
                f"it must be {kind.expected}, and not {what} in quotes; write {format_for_inventory(kind.example)}"
            )
        raise KindError(f"this is text in quotes, not {what}; write {_describe_literal(kind, text)}")


def _describe_literal(kind: Kind, text: str) -> str:
    """Return how an inventory writes the whole list or mapping that a text contains, or else an example of the kind."""
    try:
        found = _parse_literal(text)
        types = list if kind.read is read_anything else (list, Mapping)
        if not kind.is_secret and isinstance(found, types) and kind.read(kind, found):
            return format_for_inventory(found)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pass
    return f"a value such as {format_for_inventory(kind.example)}"


def _parse_literal(text: str) -> Any:
    """Return the list or mapping that a text contains. The items of a list may be without quotes."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        if _QUOTED.search(text):
            raise
        return split_words(text[1:-1])

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists, mappings and text in quotes, as an INI inventory or -e may yield them in place of values."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind import Kind, KindError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind_lists import split_words
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind_scalars import read_anything
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import format_for_inventory

# A list or a mapping. Text that starts with an IPv6 address in brackets and a colon is neither.
_LIST_LIKE = re.compile(r"\[(?![^][]*\]:).*\]|\{.*\}", re.DOTALL)
# An IPv6 address without a port. A variable that takes no list has its own error for it.
_IPV6 = re.compile(r"\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]")
_QUOTED = re.compile(r"['\"{}]")


def check_literal(kind: Kind, text: str) -> None:
    """Raise KindError for text that is a list, a mapping or text in quotes, as an INI inventory or -e may yield it."""
    if text[:1] in "\"'" and text[:1] == text[-1:] and len(text) > 1:
        inner = text[1:-1]
        check_literal(kind, inner.strip())
        kind.read(kind, inner)
        raise KindError(f"the text has quotes inside; write {format_for_inventory(inner)}")
    if _LIST_LIKE.fullmatch(text) and (_accepts_lists(kind) or not _IPV6.fullmatch(text)):
        form = "a list" if text.startswith("[") else "a mapping"
        found = _find_value(kind, text)
        shown = format_for_inventory(kind.example if found is None else found)
        if not _accepts_lists(kind):
            advice = f", for example {shown}" if found is None else f"; write {shown}"
            raise KindError(f"it must be {kind.expected}, and not {form} in quotes{advice}")
        advice = f"{kind.expected} such as {shown}" if found is None else shown
        raise KindError(f"this is text in quotes, not {form}; write {advice}")


def _accepts_lists(kind: Kind) -> bool:
    return isinstance(kind.example, (list, Mapping))


def _find_value(kind: Kind, text: str) -> Any:
    """Return the list or mapping that a text contains, or its only item if the kind takes it. None if it is not of the kind."""
    try:
        found = _parse_literal(kind, text)
        has_own_grammar = kind.read is read_anything
        if (has_own_grammar or not _accepts_lists(kind)) and isinstance(found, list) and len(found) == 1:
            found = found[0]
        elif not _accepts_lists(kind) or not isinstance(found, list if has_own_grammar else (list, Mapping)):
            return None
        kind.read(kind, found)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return None if kind.is_secret or found in ([], {}) else found


def _parse_literal(kind: Kind, text: str) -> Any:
    """Return the list or mapping that a text contains. The items of a list may be without quotes."""
    if not _QUOTED.search(text) and not _accepts_lists(kind):
        return split_words(text[1:-1])
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        if _QUOTED.search(text):
            raise
        return split_words(text[1:-1])

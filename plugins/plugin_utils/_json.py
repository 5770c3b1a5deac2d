# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON for files that people read: plan files and reports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

# Nodes, hosts and sets of a plan are on the second level.
_LEVELS = 2
_ENCODER = json.JSONEncoder(indent=2, ensure_ascii=False)


def dump_json(value: Any) -> str:
    """Return plain data as JSON text: two-space indentation, keys in natural order, a final newline."""
    return "".join(list_json_pieces(value))


def list_json_pieces(value: Any) -> Iterator[str]:
    """Yield the same text in pieces. Each value of the second level is read when its piece is needed, and not kept."""
    yield from _list_pieces(value, _LEVELS)
    yield "\n"


def _list_pieces(value: Any, levels: int) -> Iterator[str]:
    if not levels or not isinstance(value, (Mapping, list, tuple)) or not value:
        yield _ENCODER.encode(_sort_keys(value))
        return
    is_mapping = isinstance(value, Mapping)
    opening, closing = "{}" if is_mapping else "[]"
    separator = f"{opening}\n  "
    for key in sorted(value, key=make_natural_key) if isinstance(value, Mapping) else range(len(value)):
        yield f"{separator}{_ENCODER.encode(key)}: " if is_mapping else separator
        # A line break within a text is encoded as \\n, so these line breaks are between values.
        yield from (piece.replace("\n", "\n  ") for piece in _list_pieces(value[key], levels - 1))
        separator = ",\n  "
    yield f"\n{closing}"


def _sort_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sort_keys(value[key]) for key in sorted(value, key=make_natural_key)}
    return [*map(_sort_keys, value)] if isinstance(value, (list, tuple)) else value

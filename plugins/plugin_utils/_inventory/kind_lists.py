# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readers of kinds whose values are lists or mappings. Each returns the value in a single form, or raises KindError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import parse_port
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind import Kind, KindError, make_wrong
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.kind_scalars import read_text
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import format_for_inventory, quote_value

# Separators between several items in one text. A blank is not among them, because names of hosts may have blanks.
_SEPARATORS = re.compile(r"[,;]")
_BATCH = re.compile(r"[1-9][0-9]*%?")


def read_items(kind: Kind, value: Any) -> list[str]:
    """Return a list of texts. A single text is a list with this item."""
    if isinstance(value, (list, tuple)):
        items = [_read_item(kind, item) for item in value]
        _check_separators(items)
        return items
    if isinstance(value, str) and len(words := split_words(value)) > 1:
        raise KindError(f"several items must be a list, not text; write {format_for_inventory(words)}")
    if isinstance(value, Mapping):
        raise make_wrong(kind)
    return [_read_item(kind, value)]


def _read_item(kind: Kind, item: Any) -> str:
    if isinstance(item, (list, tuple, Mapping)) or item is None:
        raise KindError(
            f"the item {quote_value(item)} is not text; write a list such as {format_for_inventory(kind.example)}"
        )
    return read_text(kind, item)


def _check_separators(items: list[str]) -> None:
    """Raise KindError for an item that is several items. The advice is the whole list."""
    for item in items:
        if len(split_words(item)) > 1:
            words = [word for text in items for word in split_words(text)]
            raise KindError(f"the item {quote_value(item)} must be several items; write {format_for_inventory(words)}")


def split_words(text: str) -> list[str]:
    return [word.strip() for word in _SEPARATORS.split(text) if word.strip()]


def read_some_items(kind: Kind, value: Any) -> list[str]:
    items = read_items(kind, value)
    if not items:
        raise KindError(f"the list is empty; give {kind.expected}, or remove it (null also means not set)")
    return items


def read_addresses(kind: Kind, value: Any) -> str | list[str]:
    items = read_some_items(kind, value)
    return items if isinstance(value, (list, tuple)) else items[0]


def read_sources(kind: Kind, value: Any) -> list[str] | dict[str, list[str] | None]:
    """Return source terms, or a mapping from port to source terms."""
    if not isinstance(value, Mapping):
        return read_items(kind, value)
    _check_ports(value)
    return {
        _read_port(port): None if terms is None else _read_terms(kind, port, terms) for port, terms in value.items()
    }


def _read_port(key: Any) -> str:
    """Return a port as text without leading zeros, or the text of a key that is no port."""
    text = str(key).strip()
    return str(parse_port(text) or text)


def _check_ports(sources: Mapping[Any, Any]) -> None:
    """Raise KindError for two keys that are the same port, such as 9100 and "9100"."""
    found: dict[str, Any] = {}
    for key in sources:
        other = found.setdefault(_read_port(key), key)
        if other is not key:
            raise KindError(
                f"the keys {quote_value(other)} and {quote_value(key)} are the same port; remove one of them"
            )


def _read_terms(kind: Kind, port: Any, terms: Any) -> list[str]:
    try:
        return read_items(kind, terms)
    except KindError as exc:
        raise KindError(f"key {quote_value(port)}: {exc}") from exc


def read_mappings(kind: Kind, value: Any) -> list[Mapping[Any, Any]]:
    """Return a list of mappings. A single mapping is a list with this item."""
    items = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(item, Mapping) for item in items):
        raise make_wrong(kind)
    return list(items)


def read_mapping(kind: Kind, value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    raise make_wrong(kind)


def read_batches(kind: Kind, value: Any) -> Any:
    """Return the value of the keyword serial of a play, also from text."""
    for item in value if isinstance(value, list) and value else [value]:
        if isinstance(item, bool) or not _BATCH.fullmatch(str(item).strip()):
            raise make_wrong(kind)
    return value

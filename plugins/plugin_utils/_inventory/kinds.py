# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds of variables: text, a list, a mapping and so on, and the reader of each kind.

A reader takes a value as Ansible computes it, which is not null. It returns the value in a single form, or raises KindError
with the reason and the fix. It checks the type only; the content is checked where the variable is used.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import parse_port
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import format_for_inventory, quote_value

# Separators between several items in one text. A blank is not among them, because names of hosts may have blanks.
_SEPARATORS = re.compile(r"[,;]")
# A list or a mapping. Text that starts with an IPv6 address in brackets and a colon is neither.
_LIST_LIKE = re.compile(r"\[(?![^][]*\]:).*\]|\{.*\}", re.DOTALL)
_QUOTED = re.compile(r"['\"{}]")
_BATCH = re.compile(r"[1-9][0-9]*%?")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


class KindError(ValueError):
    """A value of the wrong type. The message is the reason and the fix, without the variable and the value."""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of variables.

    ``expected`` describes a value in words, ``example`` is a value. ``read`` checks the type. ``is_query`` tells whether
    brackets and quotes in text have a meaning. ``is_secret`` tells whether a value must not be shown. ``least`` is the
    smallest number, and ``choices`` are the only texts, if there are any.
    """

    expected: str
    example: Any
    read: Callable[[Kind, Any], Any]
    is_query: bool = False
    is_secret: bool = False
    least: int = 0
    choices: tuple[str, ...] = ()

    def show(self, value: Any) -> Any:
        """Return the value as it may be shown, of a secret the type only."""
        return type(value).__name__ if self.is_secret else value


def read_kind(kind: Kind, value: Any) -> Any:
    """Return a value in the form of its kind, or None if it is null. Raises KindError."""
    if value is None:
        return None
    if not kind.is_query and isinstance(value, str):
        _check_literal(kind, value.strip())
    return kind.read(kind, value)


def _check_literal(kind: Kind, text: str) -> None:
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
        types = list if kind.read is _read_anything else (list, Mapping)
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
        return _split_words(text[1:-1])


def _make_wrong(kind: Kind, example: Any = None) -> KindError:
    return KindError(
        f"it must be {kind.expected}; write {format_for_inventory(kind.example if example is None else example)}"
    )


def _read_anything(_kind: Kind, value: Any) -> Any:
    return value


def _read_text(kind: Kind, value: Any) -> str:
    """Return text, or a whole number as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        raise _make_wrong(kind, str(value))
    if not isinstance(value, str):
        raise _make_wrong(kind)
    text = value.strip()
    if not text:
        raise KindError(f"it is empty; give {kind.expected}, or remove it (null also means not set)")
    return text


def _read_host_path(kind: Kind, value: Any) -> str:
    text = _read_text(kind, value)
    if not text.startswith("/") or text.endswith("/") or not text.isprintable():
        raise _make_wrong(kind)
    return text


def _read_command(kind: Kind, value: Any) -> str:
    """Return a command that the modules can split into words, as a shell does."""
    text = _read_text(kind, value)
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise KindError(f"it cannot be split into words ({exc}); correct its quotes and backslashes") from exc
    if not words or not words[0]:
        raise KindError(f"it has no program; write a command such as {format_for_inventory(kind.example)}")
    return text


def _read_boolean(_kind: Kind, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise KindError("it must be true or false, in an INI inventory True or False")


def _read_switch(kind: Kind, value: Any) -> bool:
    """Return a boolean, also from text, because -e NAME=VALUE has only text."""
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    found = words.get(str(value).strip().lower())
    return _read_boolean(kind, value if found is None else found)


def _read_number(kind: Kind, value: Any) -> Any:
    """Return a number that is not too small, also from text."""
    if not isinstance(value, bool) and _NUMBER.fullmatch(text := str(value).strip()) and float(text) >= kind.least:
        return value
    raise KindError(f"it must be {kind.expected}")


def _read_choice(kind: Kind, value: Any) -> str:
    text = _read_text(kind, value)
    if text not in kind.choices:
        raise KindError(f"it must be {kind.expected}")
    return text


def _read_batches(kind: Kind, value: Any) -> Any:
    """Return the value of the keyword serial of a play, also from text."""
    for item in value if isinstance(value, list) and value else [value]:
        if isinstance(item, bool) or not _BATCH.fullmatch(str(item).strip()):
            raise _make_wrong(kind)
    return value


def _make_choices(*choices: str) -> Kind:
    return Kind(
        " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1]))), choices[0], _read_choice, choices=choices
    )


def _read_items(kind: Kind, value: Any) -> list[str]:
    """Return a list of texts. A single text is a list with this item."""
    if isinstance(value, (list, tuple)):
        items = [_read_item(kind, item) for item in value]
        _check_separators(items)
        return items
    if isinstance(value, str) and len(words := _split_words(value)) > 1:
        raise KindError(f"several items must be a list, not text; write {format_for_inventory(words)}")
    if isinstance(value, Mapping):
        raise _make_wrong(kind)
    return [_read_item(kind, value)]


def _read_item(kind: Kind, item: Any) -> str:
    if isinstance(item, (list, tuple, Mapping)) or item is None:
        raise KindError(
            f"the item {quote_value(item)} is not text; write a list such as {format_for_inventory(kind.example)}"
        )
    return _read_text(kind, item)


def _check_separators(items: list[str]) -> None:
    """Raise KindError for an item that is several items. The advice is the whole list."""
    for item in items:
        if len(_split_words(item)) > 1:
            words = [word for text in items for word in _split_words(text)]
            raise KindError(f"the item {quote_value(item)} must be several items; write {format_for_inventory(words)}")


def _split_words(text: str) -> list[str]:
    return [word.strip() for word in _SEPARATORS.split(text) if word.strip()]


def _read_some_items(kind: Kind, value: Any) -> list[str]:
    items = _read_items(kind, value)
    if not items:
        raise KindError(f"the list is empty; give {kind.expected}, or remove it (null also means not set)")
    return items


def _read_addresses(kind: Kind, value: Any) -> str | list[str]:
    items = _read_some_items(kind, value)
    return items if isinstance(value, (list, tuple)) else items[0]


def _read_sources(kind: Kind, value: Any) -> list[str] | dict[str, list[str] | None]:
    """Return source terms, or a mapping from port to source terms."""
    if not isinstance(value, Mapping):
        return _read_items(kind, value)
    _check_ports(value)
    return {
        str(port).strip(): None if terms is None else _read_terms(kind, port, terms) for port, terms in value.items()
    }


def _check_ports(sources: Mapping[Any, Any]) -> None:
    """Raise KindError for two keys that are the same port, such as 9100 and "9100"."""
    found: dict[str, Any] = {}
    for key in sources:
        text = str(key).strip()
        other = found.setdefault(str(parse_port(text) or text), key)
        if other is not key:
            raise KindError(
                f"the keys {quote_value(other)} and {quote_value(key)} are the same port; remove one of them"
            )


def _read_terms(kind: Kind, port: Any, terms: Any) -> list[str]:
    try:
        return _read_items(kind, terms)
    except KindError as exc:
        raise KindError(f"key {quote_value(port)}: {exc}") from exc


def _read_mappings(kind: Kind, value: Any) -> list[Mapping[Any, Any]]:
    """Return a list of mappings. A single mapping is a list with this item."""
    items = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(item, Mapping) for item in items):
        raise _make_wrong(kind)
    return list(items)


def _read_mapping(kind: Kind, value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    raise _make_wrong(kind)


NAME = Kind("text", "east", _read_text)
PATH = Kind("a path", "/srv/kong/plan.json", _read_text)
HOST_PATH = Kind("the absolute path of a file", "/etc/kong/kong.conf", _read_host_path)
ENDPOINT = Kind("ADDRESS:PORT as text", "192.0.2.10:8005", _read_text)
QUERY = Kind("a JMESPath query as text", "ansible_facts.eth1.ipv4.address", _read_text, is_query=True)
BOOLEAN = Kind("true or false", True, _read_boolean)
SWITCH = Kind("true or false", True, _read_switch)
ADDRESSES = Kind("one IPv4 and/or one IPv6 address", ["192.0.2.10", "2001:db8::10"], _read_addresses)
VIRTUAL_ADDRESSES = Kind("a list of addresses", ["192.0.2.100", "2001:db8::100"], _read_items)
NETWORKS = Kind("a list of addresses and networks", ["10.0.0.0/8", "192.0.2.10"], _read_some_items)
NAMES = Kind("a list of hosts and groups", ["bastion", "@operators"], _read_items)
SOURCES = Kind("a list of sources", ["10.0.0.50", "@operators"], _read_sources)
PUBLICATIONS = Kind("a list of published ports", ["80:8000", "443:8443"], _read_items)
MAPPINGS = Kind("a list of mappings", [{"outside": "203.0.113.7"}], _read_mappings)
INTERCEPTIONS = Kind(
    "a list of mappings", [{"destinations": ["10.0.0.1"], "ports": [80], "listen_port": 8000}], _read_mappings
)
SETTINGS = Kind("a mapping of Kong settings to values", {"log_level": "info"}, _read_mapping, is_secret=True)
NUMBER = Kind("a number, 0 or more", 30, _read_number)
COUNT = Kind("a number, 1 or more", 2, _read_number, least=1)
# The controller needs this time for a new connection, see the option rollback_timeout of kong_firewall.
ROLLBACK_SECONDS = Kind("a number of seconds, 5 or more", 30, _read_number, least=5)
BACKEND = _make_choices("auto", "firewalld", "iptables", "nftables", "ufw")
FIREWALL_STATE = _make_choices("present", "merged", "absent", "rolled_back")
TRANSPARENT_STATE = _make_choices("present", "absent")
COMMAND = Kind("a command as text", "docker restart kong", _read_command, is_query=True)
# The keyword serial of a play takes a number, a percentage, or a list of both.
BATCHES = Kind("a number, a percentage or a list of them", [1, "10%"], _read_batches)
# Kong's own grammar has its own errors: versions, listen values, switches and ports.
VERSION = Kind("a version", "3.9", _read_anything)
LISTEN = Kind("a listen value", ["0.0.0.0:8000", "0.0.0.0:8443 ssl"], _read_anything)

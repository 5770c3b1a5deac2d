# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text for terminals and documents: escaping, shortening, and width."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any

# Average width relative to the font size, in the widest of the usual sans-serif fonts (DejaVu Sans, Verdana).
_WIDTH = 0.61
_WIDE = 1.05
_NUMBERS = re.compile(r"([0-9]+)")
_LAST_NUMBER = re.compile(r"(.*?)([0-9]+)([^0-9]*)")
# XML 1.0, section 2.2: characters that a document must not contain, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


# Between double quotes on a line of a shell.
_ESCAPED_ON_LINE = re.compile(r'["\\]')
_SHOWN_VALUE = 60
# The number of ranges of names in a text.
SHOWN_RANGES = 4
# Average length of the ranges of names in a list. A list of longer ranges has fewer of them.
_LONG_RANGE = 50
_SHOWN_EXAMPLE = 90
_ELLIPSIS = "…"


def shorten(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters; a longer text ends with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + _ELLIPSIS


def shorten_middle(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters; a longer text has an ellipsis in the middle, as names differ at their end."""
    start = most // 2
    return text if len(text) <= most else f"{text[:start]}{_ELLIPSIS}{text[len(text) - (most - start - 1) :]}"


def quote_value(value: Any, most: int = _SHOWN_VALUE) -> str:
    """Return a value as it is quoted in a message: as Python writes it, and at most ``most`` characters."""
    return shorten(repr(value), most)


def format_for_inventory(value: Any) -> str:
    """Return how an inventory writes a value, as text for a message.

    A host line of an INI inventory is split like a line of a shell before its values are evaluated, so it needs two pairs of
    quotes. A line of a section ``[GROUP:vars]`` is not split (ansible/plugins/inventory/ini.py).

    A list or a mapping that is too long has only its first item and an ellipsis, which no variable accepts as an item.
    """
    if isinstance(value, bool):
        return f"{json.dumps(value)} in YAML, {value} in an INI inventory"
    yaml = _shorten_value(value, partial(json.dumps, ensure_ascii=False))
    literal = _ESCAPED_ON_LINE.sub(r"\\\g<0>", _shorten_value(value, repr))
    return f'{yaml} in YAML and [group:vars], "{literal}" on an INI host line'


def _shorten_value(value: Any, write: Callable[[Any], str]) -> str:
    text = write(value)
    if isinstance(value, list) and len(value) > 1 and len(text) > _SHOWN_EXAMPLE:
        return f"[{shorten(write(value[0]), _SHOWN_EXAMPLE - len(', []') - 1)}, {_ELLIPSIS}]"
    if isinstance(value, Mapping) and len(value) > 1 and len(text) > _SHOWN_EXAMPLE:
        first = write(dict([next(iter(value.items()))]))
        return f"{shorten(first[:-1], _SHOWN_EXAMPLE - len(', }') - 1)}, {_ELLIPSIS}}}"
    return shorten(text, _SHOWN_EXAMPLE)


def escape_text(text: object, kept: str = "") -> str:
    r"""Return text from a host without characters that a terminal or log would interpret, except characters in ``kept``.

    Control and format characters (Unicode categories Cc, Cf, Cs, Co, Cn, Zl, Zp: escape sequences, line breaks,
    bidirectional overrides) become ``\x1b``, ``\n`` or ``\u202e``, as Python writes them. So do spaces other than U+0020.
    """
    found = str(text)
    if found.isprintable():
        return str.__str__(found)
    return "".join(
        character if character.isprintable() or character in kept else _escape(character) for character in found
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def escape_all(value: Any, kept: str = "") -> Any:
    """Return data from a host with all its texts escaped, in mappings, their keys, lists, tuples and dataclasses."""
    if isinstance(value, str):
        return escape_text(value, kept)
    if isinstance(value, Mapping):
        return {escape_all(key, kept): escape_all(item, kept) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        found = [escape_all(item, kept) for item in value]
        return tuple(found) if isinstance(value, tuple) else found
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: escape_all(getattr(value, field.name), kept) for field in fields(value)})
    return value


def make_natural_key(*names: str) -> tuple[tuple[tuple[str | int, ...], str], ...]:
    """Return the key that sorts names, or tuples of names, by the numbers in them: dp2 before dp10, and dp01 before dp1."""
    return tuple([(_split_numbers(name), name) for name in names])


@lru_cache(maxsize=8192)
def _split_numbers(name: str) -> tuple[str | int, ...]:
    return tuple([int(part) if index % 2 else part for index, part in enumerate(_NUMBERS.split(name))])


def list_ranges(names: Iterable[str]) -> list[str]:
    """Return names in natural order, consecutive numbers in short: ``k1 to k40``, ``k42``."""
    return [_format_range(found) for found in _find_ranges(names)]


def format_ranges(names: Iterable[str], most: int = SHOWN_RANGES, noun: str = "node") -> str:
    """Return names in natural order, consecutive numbers in short: ``k1 to k40, k42, 41 nodes``.

    More than ``most`` ranges, or ranges of long names, are counted only: ``a1, b1, c1, d1 and 7 more, 11 nodes``. A single name
    is returned as it is.
    """
    ranges = _find_ranges(names)
    total = sum(map(len, ranges))
    texts = [_format_range(found) for found in ranges[:most]]
    lengths = accumulate(len(text) for text in texts)
    shown = max(1, sum(length <= most * _LONG_RANGE for length in lengths))
    more = total - sum(map(len, ranges[:shown]))
    return (
        ", ".join(texts[:shown])
        + (f" and {more} more" if more else "")
        + (f", {count_noun(total, noun)}" if total > 1 else "")
    )


def _find_ranges(names: Iterable[str]) -> list[list[str]]:
    ranges: list[list[str]] = []
    for name in sorted(names, key=make_natural_key):
        if ranges and _follows(ranges[-1][-1], name):
            ranges[-1].append(name)
        else:
            ranges.append([name])
    return ranges


def _format_range(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _follows(name: str, next_name: str) -> bool:
    """Tell whether two names differ in their last number only, which is one greater in the second."""
    match = _LAST_NUMBER.fullmatch(name)
    return match is not None and next_name == f"{match[1]}{int(match[2]) + 1:0{len(match[2])}}{match[3]}"


def count_noun(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 node``, ``3 nodes``."""
    return f"{number} {singular}" if number == 1 else f"{number} {plural or singular + 's'}"


def clean(text: object) -> str:
    """Return a text as one line, without characters that XML and HTML do not allow."""
    return " ".join(without_forbidden(str(text)).split())


def without_forbidden(text: str) -> str:
    """Return text with replacement characters for characters that XML and HTML do not allow."""
    return _FORBIDDEN.sub("\ufffd", text)


def measure_width(text: str, size: float) -> float:
    """Return the maximum width of a text, in the unit of the size."""
    return size * sum(_WIDE if _is_wide(character) else _WIDTH for character in text)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF" or character in "MWmw@%"


def fit_list(before: str, items: Sequence[str], width: float, size: float, more: int = 0) -> str:
    """Return ``before``, as many items as fit, and the number of other items, of which ``more`` are not in ``items``.

    The first item is always shown.
    """
    for shown in range(len(items), 1, -1):
        text = before + list_first(items, shown, more)
        if measure_width(text, size) <= width:
            return text
    return before + list_first(items, 1, more)


def join_words(words: Sequence[str]) -> str:
    """Return words as text: ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def join_first(items: Sequence[str], shown: int, number: int = 0) -> str:
    """Return the first items and the number of other items in words: ``a, b and 3 more``.

    ``number`` is the number of all items, if only the first of them are given.
    """
    more = max(number, len(items)) - shown
    return ", ".join(items[:shown]) + (f" and {more} more" if more > 0 else "")


def list_first(items: Sequence[str], shown: int, more: int = 0) -> str:
    """Return the first items, and the number of other items, of which ``more`` are not in ``items``."""
    others = max(0, len(items) - shown) + more
    return ", ".join(items[:shown]) + (f" +{others}" if others else "")

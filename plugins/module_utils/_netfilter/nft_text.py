# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rule of nftables in the words of nft(8), from its form in libnftables-json(5); for messages, not for loading."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Mapping, Sequence

Json = t.Any


def rule_text(expressions: Sequence[Mapping[str, Json]]) -> str:
    """The rule; what has no short form here is given as JSON."""
    # Some statements are listed as a word.
    return " ".join(_statement(*next(iter(one.items()))) if isinstance(one, dict) else str(one) for one in expressions)


def _statement(kind: str, value: Json) -> str:
    if kind == "match":
        sign = "" if value["op"] in ("==", "in") else f"{value['op']} "
        return f"{_value(value['left'])} {sign}{_value(value['right'])}"
    if kind in ("jump", "goto"):
        return f"{kind} {value['target']}"
    if kind == "xt":
        return str((value or {}).get("name", "xt"))
    if kind in ("dnat", "redirect") and value:
        port = f":{_value(value['port'])}" if "port" in value else ""
        return f"{kind} to {_value(value.get('addr', ''))}{port}"
    if kind == "fwd":
        return f"fwd to {_value(value.get('dev', ''))}"
    words = _limit if kind == "limit" and isinstance(value, dict) and "per" in value else _value
    return kind if value is None or kind == "counter" else f"{kind} {words(value)}"


def _limit(value: Json) -> str:
    unit = f" {value['rate_unit']}" if "rate_unit" in value else ""
    return f"rate {'over ' if value.get('inv') else ''}{value['rate']}{unit}/{value['per']}"


def _value(value: Json) -> str:
    if not isinstance(value, dict):
        return str(value)
    kind, what = next(iter(value.items()))
    form = _FORMS.get((kind, frozenset(what) if isinstance(what, dict) else frozenset()))
    return form(kind, what) if form else json.dumps(value)


def _joined(separator: str, values: Json) -> str:
    return separator.join(map(_value, values if isinstance(values, list) else [values]))


# By kind, and the keys of what is in it.
_FORMS: dict[tuple[str, frozenset[str]], Callable[[str, Json], str]] = {
    ("payload", frozenset({"protocol", "field"})): lambda _kind, what: f"{what['protocol']} {what['field']}",
    ("meta", frozenset({"key"})): lambda kind, what: f"{kind} {what['key']}",
    ("ct", frozenset({"dir", "key"})): lambda kind, what: f"{kind} {what['dir']} {what['key']}",
    ("ct", frozenset({"key"})): lambda kind, what: f"{kind} {what['key']}",
    ("prefix", frozenset({"addr", "len"})): lambda _kind, what: f"{what['addr']}/{what['len']}",
    ("range", frozenset()): lambda _kind, what: _joined("-", what),
    ("concat", frozenset()): lambda _kind, what: _joined(" . ", what),
    ("set", frozenset()): lambda _kind, what: f"{{ {_joined(', ', what)} }}",
}

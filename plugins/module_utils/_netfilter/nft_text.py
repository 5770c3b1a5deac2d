# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of an nftables rule in the syntax of nft(8), from libnftables-json(5). For messages only, not for loading."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Mapping, Sequence

Json = t.Any


def format_rule(expressions: Sequence[Mapping[str, Json]]) -> str:
    """Return the text of a rule. Expressions without a known text are written as JSON."""
    # nft lists some statements as a string.
    return " ".join(
        _format_statement(*next(iter(expression.items()))) if isinstance(expression, dict) else str(expression)
        for expression in expressions
    )


def _format_statement(kind: str, value: Json) -> str:
    if kind == "match":
        sign = "" if value["op"] in ("==", "in") else f"{value['op']} "
        return f"{_format_value(value['left'])} {sign}{_format_value(value['right'])}"
    if kind in ("jump", "goto"):
        return f"{kind} {value['target']}"
    if kind == "xt":
        return str((value or {}).get("name", "xt"))
    if kind in ("dnat", "redirect") and value:
        port = f":{_format_value(value['port'])}" if "port" in value else ""
        return f"{kind} to {_format_value(value.get('addr', ''))}{port}"
    if kind == "fwd":
        return f"fwd to {_format_value(value.get('dev', ''))}"
    words = _limit if kind == "limit" and isinstance(value, dict) and "per" in value else _format_value
    return kind if value is None or kind == "counter" else f"{kind} {words(value)}"


def _limit(value: Json) -> str:
    unit = f" {value['rate_unit']}" if "rate_unit" in value else ""
    return f"rate {'over ' if value.get('inv') else ''}{value['rate']}{unit}/{value['per']}"


def _format_value(value: Json) -> str:
    if not isinstance(value, dict):
        return str(value)
    kind, body = next(iter(value.items()))
    form = _FORMS.get((kind, frozenset(body) if isinstance(body, dict) else frozenset()))
    return form(kind, body) if form else json.dumps(value)


def _join(separator: str, values: Json) -> str:
    return separator.join(map(_format_value, values if isinstance(values, list) else [values]))


# By kind and keys of an expression.
_FORMS: dict[tuple[str, frozenset[str]], Callable[[str, Json], str]] = {
    ("payload", frozenset({"protocol", "field"})): lambda _kind, body: f"{body['protocol']} {body['field']}",
    ("meta", frozenset({"key"})): lambda kind, body: f"{kind} {body['key']}",
    ("ct", frozenset({"dir", "key"})): lambda kind, body: f"{kind} {body['dir']} {body['key']}",
    ("ct", frozenset({"key"})): lambda kind, body: f"{kind} {body['key']}",
    ("prefix", frozenset({"addr", "len"})): lambda _kind, body: f"{body['addr']}/{body['len']}",
    ("range", frozenset()): lambda _kind, body: _join("-", body),
    ("concat", frozenset()): lambda _kind, body: _join(" . ", body),
    ("set", frozenset()): lambda _kind, body: f"{{ {_join(', ', body)} }}",
}

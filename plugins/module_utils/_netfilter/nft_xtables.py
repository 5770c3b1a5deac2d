# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fills in what nft does not list of rules that iptables-nft made.

`nft --json` names the extensions of such a rule ({"xt": {"type": "match", "name": "conntrack"}}) without their options.
`iptables-save` has the options, and both list the rules of a chain in the same order.
"""

from __future__ import annotations

import shlex
import typing as t
from collections.abc import Iterator

from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_save import saved_lines

Json = t.Any
Listing = list[dict[str, Json]]
Rules = dict[tuple[str, str], list[list[str]]]  # the words of each rule, by table and chain

_STATE = {"ct": {"key": "state"}}
_PORT = {"payload": {"protocol": "th", "field": "dport"}}
# iptables-extensions(8): the options that are understood here, and what nft calls them.
_OPTIONS: dict[str, dict[str, Json]] = {
    "conntrack": {"--ctstate": _STATE, "--state": _STATE},
    "multiport": {"--dports": _PORT},
}


def needs_options(objects: Listing, family: str) -> bool:
    """Tell whether rules of a family (ip or ip6) have an extension whose options would help, or translate packets."""
    rules = (item["rule"] for item in objects if item.get("rule", {}).get("family") == family)
    return any(_name(expression) or _translates(expression) for rule in rules for expression in rule["expr"])


def with_options(objects: Listing, family: str, saved: str) -> Listing:
    """The listing of `nft -j list ruleset`, with the matches that the text of iptables-save explains."""
    words = _saved_rules(saved)
    listed: dict[tuple[str, str], int] = {}
    for rule in (item["rule"] for item in objects if item.get("rule", {}).get("family") == family):
        listed[rule["table"], rule["chain"]] = listed.get((rule["table"], rule["chain"]), 0) + 1
    same = {place: rules for place, rules in words.items() if len(rules) == listed.get(place)}
    left = {place: iter(rules) for place, rules in same.items()}
    return [_filled(item, family, left) for item in objects]


def _filled(item: dict[str, Json], family: str, left: dict[tuple[str, str], Iterator[list[str]]]) -> dict[str, Json]:
    rule = item.get("rule", {})
    place = rule.get("table"), rule.get("chain")
    if rule.get("family") != family or place not in left:
        return item
    options = _options(next(left[place]))
    return {"rule": {**rule, "expr": [_native(expression, options) or expression for expression in rule["expr"]]}}


def _name(expression: dict[str, Json]) -> str:
    """The name of an extension that is understood here, or nothing."""
    value = expression.get("xt") or {}
    return value["name"] if value.get("type") == "match" and value["name"] in _OPTIONS else ""


def _translates(expression: dict[str, Json]) -> bool:
    return (expression.get("xt") or {}).get("name") == "DNAT"


def _native(expression: dict[str, Json], options: dict[str, list[str]]) -> dict[str, Json] | None:
    name = _name(expression)
    negation, words = _split_negation(options.get(name, []))
    # Anything beside the one option makes the match narrower in a way that stays unknown.
    if not name or len(words) != 2 or words[0] not in _OPTIONS[name]:
        return None
    values = [_value(text) for text in words[1].lower().split(",")]
    return {"match": {"op": negation, "left": _OPTIONS[name][words[0]], "right": {"set": values}}}


def _split_negation(words: list[str]) -> tuple[str, list[str]]:
    return ("!=", words[1:]) if words[:1] == ["!"] else ("==", words)


def _value(text: str) -> Json:
    first, colon, last = text.partition(":")
    if not first.isdigit():
        return text
    return {"range": [int(first), int(last)]} if colon else int(first)


def _saved_rules(saved: str) -> Rules:
    rules: Rules = {}
    table = ""
    for line in saved_lines(saved):
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            _append, chain, *words = shlex.split(line)
            rules.setdefault((table, chain), []).append(words)
    return rules


def _options(words: list[str]) -> dict[str, list[str]]:
    """The words that belong to each -m of a rule."""
    found: dict[str, list[str]] = {}
    name = ""
    for at, word in enumerate(words):
        if word in ("-j", "-g"):
            break
        if words[at - 1] == "-m":
            # Both are one extension in the kernel, which nft calls by the newer name.
            name = "conntrack" if word == "state" else word
        elif word != "-m":
            found.setdefault(name, []).append(word)
    return found

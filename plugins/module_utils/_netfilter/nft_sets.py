# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named sets and maps in the output of `nft -j list ruleset`, put in the place of their names (libnftables-json(5))."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

Json = t.Any
_Key = t.Tuple[str, str, str]  # family, table, name


def inline_sets(objects: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    """Return the objects with the elements of named sets and maps inside the rules that use them.

    A set to which a rule adds elements keeps its name, so that the evaluation of its matches stays unknown. The flag
    `dynamic` would not tell it: nft 1.0.6 does not list the flag.
    """
    changed = {key for item in objects if "rule" in item for key in _list_changed(item["rule"])}
    listed = (item[kind] for item in objects for kind in ("set", "map") if kind in item)
    elements = {
        key: [*map(_read_element, entry.get("elem", []))]
        for entry in listed
        if (key := (entry["family"], entry["table"], entry["name"])) not in changed
    }
    return [{**item, "rule": _inline(item["rule"], elements)} if "rule" in item else {**item} for item in objects]


def _list_changed(rule: Mapping[str, Json]) -> Iterator[_Key]:
    """Yield the sets and maps that a rule changes."""
    for part in rule["expr"]:
        for kind in ("set", "map"):
            if isinstance(part, dict) and isinstance(part.get(kind), dict) and kind in part[kind]:
                yield rule["family"], rule["table"], part[kind][kind].lstrip("@")


def _read_element(element: Json) -> Json:
    """Return an element without its time-out, counter and comment. An element of a map is a pair."""
    if isinstance(element, list):
        return [_read_element(part) for part in element]
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def _inline(rule: Mapping[str, Json], elements: Mapping[_Key, list[Json]]) -> dict[str, Json]:
    place = rule["family"], rule["table"]
    return {**rule, "expr": [_inline_expression(part, place, elements) for part in rule["expr"]]}


def _inline_expression(part: Json, place: tuple[str, str], elements: Mapping[_Key, list[Json]]) -> Json:
    for kind, operand in (("match", "right"), ("vmap", "data")):
        name = part[kind][operand] if isinstance(part, dict) and kind in part else None
        if isinstance(name, str) and (found := elements.get((*place, name[1:]))) is not None:
            return {kind: {**part[kind], operand: {"set": found}}}
    return part

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits kong.yml (Kong 0.6 to 0.8) in place, line by line, because hosts have no YAML library for Python."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.meaning import is_same
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import mask
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import (
    ConfError,
    edit_text,
    insert_lines,
    split_ending,
    split_lines,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.yaml_blocks import (
    Node,
    count_indent,
    find_document,
    find_last_line,
    is_block_scalar,
    is_empty,
    make_unreadable,
    parse_mapping,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.yaml_scalars import (
    BARE,
    BARE_FORM,
    VALUE,
    is_set,
    read_scalar,
    render_scalar,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_NAME = re.compile(r"[A-Za-z][\w-]*(\.[A-Za-z][\w-]*)*", re.ASCII)


def _replace(lines: list[str], node: Node, name: str, value: str) -> None:
    body, ending = split_ending(lines[node.line])
    match = VALUE.fullmatch(body, node.column)
    if match is None or find_last_line(lines, node) > node.line:
        raise make_unreadable(
            node.line,
            lines[node.line],
            f"has no value of {name!r} on one line: write it as {node.key}: text",
        )
    if is_set(name, value, match):
        return
    lead = match["lead"] or " "
    lines[node.line] = body[: node.column] + lead + render_scalar(name, value, match) + match["tail"] + ending


def _find_node(nodes: list[Node], key: str) -> Node | None:
    found = [node for node in nodes if node.key == key]
    if len(found) > 1:
        raise ConfError(
            f"lines {found[0].line + 1} and {found[1].line + 1} both have the key {key!r}: remove one of them"
        )
    return found[0] if found else None


def _find_sample(lines: list[str], pattern: str, span: Iterable[int], nodes: list[Node]) -> int | None:
    """Return the index after the first commented-out sample in `span` that is not inside a value."""
    inside = {number for node in nodes for number in range(node.line, find_last_line(lines, node) + 1)}
    for number in span:
        if re.match(pattern, lines[number]) and number not in inside:
            return number + 1
    return None


def _insert_top(lines: list[str], key: str, bodies: list[str], nodes: list[Node]) -> None:
    start, stop = find_document(lines)
    place = _find_sample(lines, rf"#+[ \t]*{re.escape(key)}[ \t]*:(\s|\Z)", range(start, stop), nodes) or stop
    if place == len(lines) and lines and not lines[-1].endswith("\n") and nodes and is_block_scalar(lines, nodes[-1]):
        raise make_unreadable(
            len(lines) - 1, lines[-1], "is the end of a text block and has no line ending: add a line ending"
        )
    insert_lines(lines, place, bodies)


def _insert_child(lines: list[str], parent: Node, key: str, bodies: list[str], children: list[Node]) -> None:
    pattern = rf"[ \t]+#+[ \t]*{re.escape(key)}[ \t]*:(\s|\Z)"
    place = _find_sample(lines, pattern, range(parent.line + 1, parent.stop), children) or parent.line + 1
    indent = count_indent(lines[children[0].line] if children else lines[parent.line]) + (0 if children else 2)
    insert_lines(lines, place, [f"{' ' * indent}{body}" for body in bodies])


def _find_children(lines: list[str], parent: Node) -> list[Node]:
    rest = split_ending(lines[parent.line])[0][parent.column :]
    if not is_empty(rest):
        raise make_unreadable(
            parent.line, lines[parent.line], f"has a value after {parent.key!r}: write it as a block, one key per line"
        )
    content = [number for number in range(parent.line + 1, parent.stop) if not is_empty(lines[number])]
    if not content:
        return []
    first = lines[content[0]]
    if first[count_indent(first)] == "\t":
        raise make_unreadable(content[0], first, "is indented with a tab: use blanks")
    return parse_mapping(lines, parent.line + 1, parent.stop, count_indent(first))


@dataclass(frozen=True)
class _Place:
    """Where a setting is, or belongs: its node if present, the remaining keys, its siblings, and the node above it."""

    node: Node | None
    keys: list[str]
    siblings: list[Node]
    parent: Node | None


def _find(lines: list[str], name: str) -> _Place:
    keys = name.split(".")
    start, stop = find_document(lines)
    nodes = parse_mapping(lines, start, stop, 0)
    node, parent = _find_node(nodes, keys[0]), None
    while node is not None and len(keys) > 1:
        nodes, parent, keys = _find_children(lines, node), node, keys[1:]
        node = _find_node(nodes, keys[0])
    return _Place(node, keys, nodes, parent)


def _set(lines: list[str], name: str, value: str, default: str | None) -> None:
    _check(name, value)
    place = _find(lines, name)
    if place.node is not None:
        _replace(lines, place.node, name, value)
        return
    if default is not None and is_same(name, default, value):
        return
    bodies = [f"{'  ' * depth}{key}:" for depth, key in enumerate(place.keys)]
    bodies[-1] += f" {render_scalar(name, value, None)}"
    if place.parent is None:
        _insert_top(lines, place.keys[0], bodies, place.siblings)
    else:
        _insert_child(lines, place.parent, place.keys[0], bodies, place.siblings)


def _check(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfError(
            f"setting {name!r}: the name of a setting in kong.yml consists of letters, digits, '_' and '-'; a nested "
            "setting is written with a dot, for example cluster.advertise"
        )
    kind = BARE.get(name)
    if kind and not BARE_FORM[kind].fullmatch(value):
        raise ConfError(f"setting {name!r}: {mask(name, value)} is no {kind}, but Kong expects a {kind}")


def edit_yaml(
    text: str, settings: Mapping[str, Any], defaults: Mapping[str, str] | None = None
) -> tuple[str, list[str]]:
    """Set `settings` (Kong setting to value; a nested name has dots) in the text of a kong.yml.

    A missing line is not added if the setting's default in `defaults` means the same. Returns the new text and the names of
    the settings whose lines changed. All other bytes are unchanged. Raises ConfError, which names the line, unless the file
    consists of plain blocks.
    """
    mark, body = _split_mark(text)
    new, changed = edit_text(body, settings, _set, defaults)
    return mark + new, changed


def read_yaml_values(text: str, names: Iterable[str]) -> dict[str, str | None]:
    """Return the values of settings from the text of a kong.yml; None for a missing setting. Raises ConfError like edit_yaml."""
    lines = split_lines(_split_mark(text)[1])
    return {name: _read_value(lines, _find(lines, name).node) for name in names}


def list_yaml_names(text: str) -> list[str]:
    """Return the names of the settings in the text of a kong.yml, nested names with dots, in order. Raises ConfError like edit_yaml."""
    lines = split_lines(_split_mark(text)[1])
    return [*_list_names(lines, parse_mapping(lines, *find_document(lines), 0), "")]


def _list_names(lines: list[str], nodes: list[Node], prefix: str) -> Iterator[str]:
    """Yield the names of nodes with a value on their line, also below other nodes. Lists and flow mappings have no name."""
    for node in nodes:
        if not is_empty(split_ending(lines[node.line])[0][node.column :]):
            yield prefix + node.key
            continue
        with suppress(ConfError):
            yield from _list_names(lines, _find_children(lines, node), f"{prefix}{node.key}.")


def _read_value(lines: list[str], node: Node | None) -> str | None:
    match = node and VALUE.fullmatch(split_ending(lines[node.line])[0], node.column)
    return read_scalar(match) if match else None


def _split_mark(text: str) -> tuple[str, str]:
    """Return the byte order mark, which may be missing, and the text after it. Raises ConfError for other line breaks."""
    if re.search(r"\r(?!\n)|[\x85\u2028\u2029]", text):
        raise ConfError("the file has line breaks other than LF and CR LF: convert them")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    return mark, text[len(mark) :]

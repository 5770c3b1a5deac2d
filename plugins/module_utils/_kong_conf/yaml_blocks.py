# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the keys of a block mapping in a kong.yml: the subset of YAML that an edit in place needs.

Only the indentation determines the structure, as in the YAML 1.1 specification of block mappings (productions [187] to
[193]). Files that libyaml accepts beyond that are an error; nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import hide_secrets
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.text import ConfError, split_ending

_KEY = re.compile(
    r"""("(?P<double>[^"\\]*)"|'(?P<single>[^']*)'|(?P<plain>[^\s#"'\[\]{},&*!|>%@`?:-][^#\n]*?))[ ]*:(?=\s|\Z)"""
)
_QUOTED = r"""\"(?:[^"\\]|\\.)*\"|'(?:[^']|'')*'"""
_FLOW_TOKEN = re.compile(_QUOTED + r"|#[^\n]*|[\[\]{}]", re.DOTALL)
_ITEM = re.compile(r"-(?:\s|\Z)")


@dataclass(frozen=True)
class Node:
    """A key of a block mapping."""

    key: str
    line: int  # index of the key's line
    column: int  # where the text after the colon starts
    stop: int  # index after the last line that may belong to the value


def count_indent(line: str) -> int:
    """Return the number of blanks before the line's text; a tab ends the count."""
    return len(line) - len(line.lstrip(" "))


def is_empty(line: str) -> bool:
    """Tell whether the line is blank or a comment. Inside a block scalar such a line may be text, see find_last_line."""
    return line.strip() == "" or line.lstrip().startswith("#")


def make_unreadable(number: int, line: str, why: str) -> ConfError:
    """Return the error for the line with index `number`."""
    text = hide_secrets(split_ending(line)[0])
    return ConfError(f"line {number + 1}: {text!r} {why}")


def find_document(lines: list[str]) -> tuple[int, int]:
    """Return the first and the last (exclusive) index of the document's lines, without markers and directives."""
    starts = [number for number, line in enumerate(lines) if re.match(r"---(\s|\Z)", line)]
    ends = [number for number, line in enumerate(lines) if re.match(r"\.\.\.(\s|\Z)", line)]
    start, stop = (starts[0] + 1 if starts else 0), (ends[0] if ends else len(lines))
    before = [number for number in range(start - 1) if not (is_empty(lines[number]) or lines[number].startswith("%"))]
    after = [number for number in range(stop + 1, len(lines)) if not is_empty(lines[number])]
    if len(starts) > 1 or before or after or start > stop:
        number = (starts[1:] or before or after or ends)[0]
        raise make_unreadable(
            number, lines[number], "belongs to a second document, but Kong reads only one: split the file"
        )
    if starts and not is_empty(lines[start - 1][3:]):
        raise make_unreadable(start - 1, lines[start - 1], "has content after the marker: move it to its own line")
    return start, stop


def parse_mapping(lines: list[str], start: int, stop: int, indent: int) -> list[Node]:
    """Return the keys at `indent` in lines[start:stop], in order. Raises ConfError unless this is a plain block mapping."""
    found: list[tuple[str, int, int]] = []
    for number in range(start, stop):
        line = lines[number]
        deeper = count_indent(line) > indent or line.startswith("\t", indent)
        if is_empty(line) or (found and (deeper or _is_item(line, indent))):
            continue
        match = _KEY.match(line, indent)
        if count_indent(line) != indent or match is None:
            raise make_unreadable(number, line, "is no 'key: value' line: write the file as plain blocks of such lines")
        found.append((match["double"] or match["single"] or match["plain"] or "", number, match.end()))
    stops = [line for _key, line, _column in found[1:]] + [stop]
    nodes = [Node(key, line, column, end) for (key, line, column), end in zip(found, stops)]
    for node in nodes:
        _check_closed(lines, node)
    return nodes


def _is_item(line: str, indent: int) -> bool:
    """Tell whether the line is an item of a list, which may have the indentation of its key."""
    return count_indent(line) == indent and _ITEM.match(line, indent) is not None


def _check_closed(lines: list[str], node: Node) -> None:
    """Raise ConfError for quotes and brackets that continue over lines which look like keys; libyaml accepts them."""
    text = "".join(lines[node.line : node.stop])[node.column :].lstrip()
    closed = True
    if text.startswith(('"', "'")):
        closed = re.match(_QUOTED, text, re.DOTALL) is not None
    elif text.startswith(("[", "{")):
        closed = _is_flow_end(text)
    if not closed:
        raise make_unreadable(
            node.line, lines[node.line], "starts a value that does not end before the next key: indent it"
        )


def _is_flow_end(text: str) -> bool:
    depth = 0
    for mark in _FLOW_TOKEN.findall(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark, 0)
        if depth == 0 and mark in "]}":
            return True
    return False


def find_last_line(lines: list[str], node: Node) -> int:
    """Return the index of the last line that certainly belongs to the node."""
    block_scalar = is_block_scalar(lines, node)
    indent = count_indent(lines[node.line])
    for number in range(node.stop - 1, node.line, -1):
        text_of_scalar = block_scalar and lines[number].strip() and count_indent(lines[number]) > indent
        if text_of_scalar or not is_empty(lines[number]):
            return number
    return node.line


def is_block_scalar(lines: list[str], node: Node) -> bool:
    """Tell whether the node's value is text after `|` or `>`."""
    return lines[node.line][node.column :].lstrip().startswith(("|", ">"))

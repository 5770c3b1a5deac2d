# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reasons of nodes, for example why they were not checked: each reason once, with all its nodes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import split_values
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, format_ranges, shorten_middle

# The terminal shows so many characters of a reason, from its start and from its end, which often has the fix.
_LONGEST = 800


def format_reasons(reasons_of: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a line for each reason of nodes; reasons that differ in values only, such as addresses, share a line."""
    yield from (f"{format_ranges(nodes)}: {reason}" for reason, nodes in join_similar(reasons_of))


def join_similar(reasons_of: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, list[str]]]:
    """Yield the first of the reasons that differ in values only, shortened for a terminal, with all their nodes."""
    reasons = share_reasons(reasons_of)
    similar = group_pairs((split_values(reason)[0], reason) for reason in reasons)
    for first, *others in similar.values():
        nodes = [node for reason in (first, *others) for node in reasons[reason]]
        more = f" (and {count_noun(len(others), 'message')} with other values)" if others else ""
        yield f"{shorten_middle(first, _LONGEST)}{more}", nodes


def share_reasons(reasons_of: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the nodes of each reason. A reason that several nodes share calls each of them this host."""
    same = group_pairs(
        (_name_this_host(reason, node), (node, reason)) for node, reasons in reasons_of.items() for reason in reasons
    )
    return group_pairs(
        (text if len(found) > 1 else reason, node) for text, found in same.items() for node, reason in found
    )


def _name_this_host(reason: str, node: str) -> str:
    return re.sub(rf"(?<![\w-]){re.escape(node)}(?![\w-])", THIS_HOST, reason)


def group_pairs(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    """Return the values of each key."""
    found: dict[Any, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found

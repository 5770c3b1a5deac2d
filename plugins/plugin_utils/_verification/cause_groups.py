# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Differences of one cause. Causes that differ in values only, such as the node or the port, count as one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TypeVar

from ansible_collections.gatehouse.kong.plugins.plugin_utils._finding_groups import split_values
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun

_WORD = re.compile(r"[\w.-]*\w")
_PROTOCOLS = frozenset({"tcp", "udp"})

Difference = TypeVar("Difference")


def group_by_cause(found: Iterable[tuple[str, Collection[str], Difference]]) -> list[tuple[str, list[Difference]]]:
    """Return the differences of each cause, with the text of the cause: the first, and the number of similar causes.

    Each difference is given with its cause, which is empty if it is unknown, and the names of its hosts.
    """
    kinds: dict[str, str] = {}
    groups: dict[str, list[Difference]] = {}
    causes: dict[str, list[str]] = {}
    for cause, names, difference in found:
        if cause not in kinds:
            kinds[cause] = _name_kind(cause, names)
            causes.setdefault(kinds[cause], []).append(cause)
        groups.setdefault(kinds[cause], []).append(difference)
    return [(_describe(causes[kind]), differences) for kind, differences in groups.items()]


def _name_kind(cause: str, names: Collection[str]) -> str:
    """Return a cause without its values: names, protocols, quoted text and words with a digit."""
    values = _PROTOCOLS.union(names)
    return split_values(_WORD.sub(lambda word: "0" if word[0] in values else word[0], cause))[0]


def _describe(causes: list[str]) -> str:
    first, *others = causes
    return f"{first} (and {count_noun(len(others), 'cause')} with other values)" if others else first

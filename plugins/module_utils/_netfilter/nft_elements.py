# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of matches and elements of sets in the form of libnftables-json(5)."""

from __future__ import annotations

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Range, parse_range

Json = t.Any


def list_elements(right: Json) -> list[Json]:
    """Return the values on the right side of a match: the elements of an anonymous set or a list, or a single value."""
    if isinstance(right, dict) and "set" in right:
        return list(right["set"])
    return right if isinstance(right, list) else [right]


def read_range(family: str, element: Json) -> Range:
    """Return the first and the last address of an element: an address, a prefix or a range.

    Raises ValueError, KeyError or TypeError for any other element.
    """
    if isinstance(element, str):
        return parse_range(family, element)
    if "prefix" in element:
        return parse_range(family, f"{element['prefix']['addr']}/{element['prefix']['len']}")
    first, last = (parse_range(family, end)[0] for end in element["range"])
    return first, last

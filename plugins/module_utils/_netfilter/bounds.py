# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks that rules name. Between two ends of these networks, no rule distinguishes one address from another."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Collection, Iterator
from contextlib import suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import Networks, Range, parse_range
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_elements import read_range

Json = t.Any

_WORDS = re.compile(r"[\s,]+")
_ADDRESS = {"ipv4": re.compile(r"[\d./-]+"), "ipv6": re.compile(r"[0-9a-f:./-]*:[0-9a-f:./-]*")}


def list_named_networks(family: str, rules: Json) -> set[Range]:
    """Return all networks and ranges of a family in rules: the objects that nft lists, and lines of iptables-save in them."""
    return set(_find_ranges(family, rules))


def _find_ranges(family: str, value: Json) -> Iterator[Range]:
    if isinstance(value, str):
        for word in _WORDS.split(value):
            if _ADDRESS[family].fullmatch(word):
                with suppress(ValueError):
                    yield _parse_word(family, word)
        return
    if isinstance(value, dict) and {"prefix", "range"} & {*value}:
        # A prefix of the other family, or a range of ports.
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            yield read_range(family, value)
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _find_ranges(family, part)


def _parse_word(family: str, word: str) -> Range:
    first, _hyphen, last = word.partition("-")
    return parse_range(family, first)[0], parse_range(family, last or first)[1]


def cut(networks: Networks, bounds: Collection[Range]) -> tuple[Range, ...]:
    """Return the ranges of networks, cut at both ends of every bound."""
    starts = {first for first, _last in bounds} | {last + 1 for _first, last in bounds}
    return tuple(part for first, last in networks.ranges for part in _cut_range(first, last, starts))


def _cut_range(first: int, last: int, starts: Collection[int]) -> Iterator[Range]:
    inside = sorted({first, *(start for start in starts if first < start <= last)})
    return zip(inside, [*(start - 1 for start in inside[1:]), last])

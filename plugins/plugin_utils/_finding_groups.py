# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings whose messages differ only in values, for example because a variable is a template. They are shown as one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    format_finding,
    get_end,
    join_message,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    format_ranges,
    join_first,
    list_ranges,
    make_natural_key,
    shorten,
)

# Quoted text, which may be shortened, and words with a digit.
_VALUE = re.compile(
    r"""(?<!\w)'[^'…]*(?:'(?!\w)|…)|(?<!\w)"[^"…]*(?:"(?!\w)|…)|[^\s(\[]*\d[^\s]*?(?=[.,;:)\]]*(?:\s|$))"""
)
_MARK = "\0"
_MARKS = re.compile(f"{_MARK}(?:(?:, | and |: ){_MARK})*")
_SHOWN = 3
_LONGEST = 100

Finding = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings of a plan whose messages differ only in values. `shown` is the first, with the hosts of all."""

    shown: Finding
    findings: tuple[Finding, ...]

    def list_variants(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the values of each finding that not all findings have, and its hosts; nothing if there is one finding."""
        values = [split_values(str(finding["message"]))[1] for finding in self.findings]
        common = set.intersection(*map(set, values))
        for found, finding in zip(values if len(values) > 1 else (), self.findings, strict=False):
            yield ", ".join(dict.fromkeys(value for value in found if value not in common) or found), finding["hosts"]

    @property
    def text(self) -> str:
        """The first message, with the detail of its host if there is one host."""
        return join_message(self.shown) if len(self.shown["hosts"]) == 1 else str(self.shown["message"])

    def list_facts(self) -> list[str]:
        """Return all values and details, each once with its hosts."""
        hosts: dict[str, list[str]] = {}
        for finding in self.findings if len(self.shown["hosts"]) > 1 else ():
            for host, detail in finding.get("details", {}).items():
                hosts.setdefault(detail, []).append(host)
        found = [*self.list_variants(), *hosts.items()]
        is_shared = [len(same) == len(self.shown["hosts"]) for _fact, same in found]
        return [
            fact if shared else f"{', '.join(list_ranges(same))}: {fact}"
            for (fact, same), shared in zip(found, is_shared, strict=True)
        ]

    @property
    def is_complete(self) -> bool:
        """Whether format_lines has all values."""
        return len(self.findings) <= _SHOWN

    def format_lines(self) -> list[str]:
        """Return lines for a terminal: the first message, its end, and some of the values."""
        end = get_end(self.shown)
        return [format_finding(self.shown), *([end] if end else []), *self._format_values()]

    def _format_values(self) -> Iterator[str]:
        variants = [self._format_variant(*variant) for variant in self.list_variants()]
        if variants:
            yield f"Values: {join_first(variants, _SHOWN)}"

    def _format_variant(self, values: str, hosts: list[str]) -> str:
        where = "" if len(hosts) == len(self.shown["hosts"]) else f" ({format_ranges(hosts, 1)})"
        return f"{shorten(values, _LONGEST)}{where}"


def group_findings(findings: Iterable[Finding]) -> list[FindingGroup]:
    """Return the findings of a plan in groups, in the order of the first finding of each."""
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in findings:
        text, _values = split_values(str(finding["message"]))
        groups.setdefault((finding["severity"], finding["code"], str(finding.get("variable")), text), []).append(
            finding
        )
    return [FindingGroup(_join(group), tuple(group)) for group in groups.values()]


def split_values(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text with a mark for each list of values, and the values: quoted text, and words with a digit.

    A long message has fewer remedies (_findings.make_host_finding), so punctuation and capitals do not count.
    """
    values = tuple(_VALUE.findall(text))
    words = re.findall(rf"\w+|{_MARK}", _MARKS.sub(_MARK, _VALUE.sub(_MARK, text)))
    return " ".join(words).lower(), values


def _join(findings: list[Finding]) -> Finding:
    hosts = sorted({host for finding in findings for host in finding["hosts"]}, key=make_natural_key)
    return {**findings[0], "hosts": hosts}

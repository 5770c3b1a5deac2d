# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding of the compiler: an error, a warning, or information."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import CODES, ERROR, INFO, WARNING
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    escape_text,
    format_ranges,
    make_natural_key,
    quote_value,
)

__all__ = [
    "ERROR",
    "INFO",
    "WARNING",
    "Finding",
    "format_finding",
    "join_message",
    "make_host_finding",
    "make_plain",
    "share_findings",
]

MESSAGE_LIMIT = 400
_SHORTEST_VALUE, _LONGEST_VALUE = 40, 160
_THIS_HOST = "this host"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or worth knowing about one variable of one host.

    ``severity`` is ``error``, ``warning`` or ``info``; an error stops the run before any host is touched.
    ``code`` is the name of a code in the registry, which allows the severity. ``value`` is plain data: text, number, list,
    dict or ``None``. ``message`` names the host, the variable, the value and the fix. ``more`` is the end of a message
    that is longer than MESSAGE_LIMIT.
    """

    severity: str
    code: str
    host: str
    variable: str
    value: Any
    message: str
    more: str = ""

    def __post_init__(self) -> None:
        """Raise KeyError if the registry has no such code, and ValueError if the code has another severity."""
        if self.severity not in CODES[self.code].severities:
            raise ValueError(f"{self.code} is never reported as {self.severity}")


def make_host_finding(severity: str, code: str, host: str, variable: str, value: Any, text: str) -> Finding:
    """Return a finding whose message has the host, the variable and the value first.

    ``text`` is the fault and its fix. The message has at most MESSAGE_LIMIT characters: the value is shortened, then the text
    says "this host" instead of its name, and with very long names of hosts the end of the text is separate.
    """
    value = make_plain(value)
    room = MESSAGE_LIMIT - len(f"{host}: {variable}: : {text}")
    if room < _SHORTEST_VALUE and len(host) > len(_THIS_HOST):
        text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-]|\.\w)", _THIS_HOST, text)
    shown = "" if value is None else f": {quote_value(value, min(max(room, _SHORTEST_VALUE), _LONGEST_VALUE))}"
    # A value may come from facts, and the text may quote it.
    message = escape_text(f"{host}: {variable}{shown}: {text}")
    return Finding(severity, code, host, variable, value, *_split(message))


def _split(text: str) -> tuple[str, str]:
    """Return a text of at most MESSAGE_LIMIT characters and its rest, divided after a sentence or a word."""
    if len(text) <= MESSAGE_LIMIT:
        return text, ""
    end = text.rfind(". ", 0, MESSAGE_LIMIT) + 1 or text.rfind(" ", 0, MESSAGE_LIMIT)
    return text[:end], text[end:].lstrip()


def share_findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as plain data, each text once: ``hosts`` have it in common, and ``message`` does not name them.

    The findings are in the order of the first host of each, the hosts in natural order.
    """
    hosts: dict[tuple[str, str, str, str, str], list[str]] = {}
    values: dict[tuple[str, str, str, str, str], Any] = {}
    for finding in findings:
        message = finding.message.removeprefix(f"{finding.host}: ")
        key = (finding.severity, finding.code, finding.variable, message, finding.more)
        hosts.setdefault(key, []).append(finding.host)
        values.setdefault(key, finding.value)
    return [
        {
            "severity": severity,
            "code": code,
            "hosts": sorted(hosts[severity, code, variable, message, more], key=make_natural_key),
            "variable": variable,
            "value": value,
            "message": message,
            **({"more": more} if more else {}),
        }
        for (severity, code, variable, message, more), value in values.items()
    ]


def format_finding(finding: Mapping[str, Any]) -> str:
    """Return a finding of a plan as one line that names the hosts first."""
    return f"{format_ranges(finding['hosts'])}: {join_message(finding)} [{finding['code']}]"


def join_message(finding: Mapping[str, Any]) -> str:
    """Return the whole message of a finding of a plan."""
    return f"{finding['message']} {finding['more']}" if finding.get("more") else str(finding["message"])


def make_plain(value: Any) -> Any:
    """Return ``value`` as plain data: no subclasses (Ansible tags its values), tuples as lists, mapping keys as text."""
    if isinstance(value, Mapping):
        return {str(make_plain(key)): make_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [make_plain(item) for item in value]
    return _make_plain_scalar(value)


def _make_plain_scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    # str() may be overridden by a subclass, which would hand back the subclass.
    return str.__str__(value) if isinstance(value, str) else str(value)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding of the compiler: an error, a warning, or information."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import CODES, ERROR, INFO, WARNING
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    SHOWN_RANGES,
    escape_text,
    format_ranges,
    make_natural_key,
    quote_value,
    shorten,
    shorten_middle,
)

__all__ = [
    "ERROR",
    "INFO",
    "THIS_HOST",
    "WARNING",
    "Fault",
    "Finding",
    "complete_message",
    "fits",
    "format_finding",
    "get_end",
    "join_message",
    "make_host_finding",
    "make_plain",
    "name_host",
    "name_site",
    "select_host",
    "share_findings",
]

MESSAGE_LIMIT = 400
# HOST_NAME_MAX of Linux, a label of DNS has at most 63; and most names. The limit of a text depends on these two lengths only, because
# hosts share texts.
_LONGEST_HOST, _USUAL_HOST = 64, 32
_LONGEST_DETAIL = 300
_SHORTEST_VALUE, _LONGEST_VALUE = 24, 160
_SHORTEST_IN_SHORT_FORM = 12
# The lengths of words in a text that is too long. Names of variables are shorter.
_WORD_LENGTHS = (40, 32)
_WORD = re.compile(r"\S+")
# Texts of findings call the host that has the finding so, because other hosts may have the same text.
THIS_HOST = "this host"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or worth knowing about one variable of one host.

    ``severity`` is ``error``, ``warning`` or ``info``; an error stops the run before any host is touched.
    ``code`` is the name of a code in the registry, which allows the severity. ``value`` is plain data: text, number, list,
    dict or ``None``. ``message`` names the host, the variable, the value and the fix, in at most MESSAGE_LIMIT characters.
    ``detail`` completes a sentence about this host, such as "is in site lan": hosts whose messages are the same share a
    finding, whatever their details are.
    """

    severity: str
    code: str
    host: str
    variable: str
    value: Any
    message: str
    detail: str = ""

    def __post_init__(self) -> None:
        """Raise KeyError if the registry has no such code, and ValueError if the code has another severity."""
        if self.severity not in CODES[self.code].severities:
            raise ValueError(f"{self.code} is never reported as {self.severity}")

    def with_detail(self, detail: str) -> Finding:
        """Return the finding with a detail of its host."""
        return replace(self, detail=shorten(escape_text(detail), _LONGEST_DETAIL))


class Fault(NamedTuple):
    """The text of a fault, and changes that fix it. Each of the changes is enough.

    ``short`` has the same in fewer words, and may have a short form itself. A message has the first form that fits.
    """

    text: str
    remedies: Sequence[str] = ()
    short: Fault | None = None

    def list_forms(self) -> list[Fault]:
        """Return the fault and its short forms, the longest first."""
        return [self, *(self.short.list_forms() if self.short else ())]

    def __str__(self) -> str:
        """Return the whole text. The remedies are its last sentence, without a full stop."""
        advice = ", or ".join(filter(None, (", ".join(self.remedies[:-1]), *self.remedies[-1:])))
        return f"{self.text} {advice[:1].upper()}{advice[1:]}" if advice else self.text


def make_host_finding(severity: str, code: str, host: str, variable: str, value: Any, fault: str | Fault) -> Finding:
    """Return a finding whose message has the host, the variable and the value first.

    A fault that is a text ends with its fix. It calls the host THIS_HOST, so that the findings of several hosts have the same
    text; facts of a single host are a detail, see Finding.with_detail. The message has at most MESSAGE_LIMIT characters: the
    value is shortened, then the fault has its short form, then long names are shortened, then the last remedies are left out.
    """
    limit = _find_limit(host)
    value, fault = make_plain(value), fault if isinstance(fault, Fault) else Fault(fault)
    forms = [
        _add_start(variable, value, form, limit, _SHORTEST_VALUE if form is fault else _SHORTEST_IN_SHORT_FORM)
        for form in fault.list_forms()
    ]
    return Finding(severity, code, host, variable, value, f"{_format_host(host)}: {_fit(forms, limit)}")


def _add_start(variable: str, value: Any, fault: Fault, limit: int, least: int) -> Fault:
    """Return a fault whose text has the variable and the value first. The value is as long as fits, with at least ``least`` characters."""
    room = limit - len(f"{variable}: : {fault}")
    shown = "" if value is None else f": {quote_value(value, min(max(room, least), _LONGEST_VALUE))}"
    # A value may come from facts, and the text may quote it.
    return Fault(escape_text(f"{variable}{shown}: {fault.text}"), [*map(escape_text, fault.remedies)])


def _find_limit(host: str) -> int:
    """Return the greatest length of the text after the name of a host."""
    return MESSAGE_LIMIT - len(": ") - (_USUAL_HOST if len(_format_host(host)) <= _USUAL_HOST else _LONGEST_HOST)


def _format_host(name: str) -> str:
    return shorten_middle(escape_text(name), _LONGEST_HOST)


def fits(host: str, variable: str, text: str) -> bool:
    """Tell whether make_host_finding would take a text without a value as it is."""
    return len(f"{variable}: {text}") <= _find_limit(host)


def name_host(name: str, own: str) -> str:
    """Return the name of a host in a text about the host ``own``."""
    return THIS_HOST if name == own else name


def name_site(site: str) -> str:
    """Return the name of a site in a text."""
    return f"site {shorten_middle(site, _LONGEST_HOST)}"


def _fit(forms: Sequence[Fault], limit: int) -> str:
    """Return the first form of a fault as a text of at most ``limit`` characters.

    If no form fits, the last form has shorter names, and then as many remedies as possible.
    """
    last = forms[-1]
    shorter = (_shorten_words(str(last), most) for most in _WORD_LENGTHS)
    parts = (last._replace(remedies=last.remedies[:number]) for number in range(len(last.remedies) - 1, 0, -1))
    fewer = (_shorten_words(str(part), _WORD_LENGTHS[-1]) for part in parts)
    fitting = (text for text in chain(map(str, forms), shorter, fewer) if len(text) <= limit)
    return next(fitting, None) or _cut(last._replace(remedies=last.remedies[:1]), limit)


def _shorten_words(text: str, most: int) -> str:
    return _WORD.sub(lambda word: shorten_middle(word[0], most), text)


def _cut(fault: Fault, limit: int) -> str:
    """Return a text of at most ``limit`` characters: the end of the fault is left out, or of its remedy."""
    text, remedies = (_shorten_words(part, _WORD_LENGTHS[-1]) for part in (fault.text, " ".join(fault.remedies)))
    room = max(limit - len(remedies) - 1, limit // 2)
    return shorten(str(Fault(shorten(text, room), [remedies])) if remedies else text, limit)


def share_findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as plain data, each text once: ``hosts`` have it in common, and ``message`` does not name them.

    The findings are in the order of the first host of each, the hosts in natural order. ``details`` has the detail of each
    host.
    """
    shared: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in findings:
        key = (finding.severity, finding.code, finding.variable, _get_text(finding))
        shared.setdefault(key, []).append(finding)
    return [_share(sorted(same, key=lambda finding: make_natural_key(finding.host))) for same in shared.values()]


def _get_text(finding: Finding) -> str:
    return finding.message.removeprefix(f"{_format_host(finding.host)}: ")


def _share(findings: Sequence[Finding]) -> dict[str, Any]:
    first = findings[0]
    details = {finding.host: finding.detail for finding in findings if finding.detail}
    return {
        "severity": first.severity,
        "code": first.code,
        "hosts": [finding.host for finding in findings],
        "variable": first.variable,
        "value": first.value,
        "message": _get_text(first),
        **({"details": details} if details else {}),
    }


def select_host(finding: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return a finding of a plan as that of a single host."""
    details = {name: detail for name, detail in finding.get("details", {}).items() if name == host}
    return {**finding, "hosts": [host], "details": details}


def complete_message(finding: Mapping[str, Any]) -> tuple[str, str]:
    """Return the message of a finding of a plan with the detail of its host, or of one of them as an example.

    A detail that does not fit is a text of its own, which is empty otherwise.
    """
    message = str(finding["message"])
    host, detail = next(iter(finding.get("details", {}).items()), ("", ""))
    if not detail:
        return message, ""
    sentence = f"{_format_host(host)}, for example, {detail}" if len(finding["hosts"]) > 1 else f"This host {detail}"
    message = f"{message.rstrip('. ')}."
    whole = f"{message} {sentence}"
    return (whole, "") if len(whole) <= min(map(_find_limit, finding["hosts"])) else (message, sentence)


def format_finding(finding: Mapping[str, Any]) -> str:
    """Return a finding of a plan as one line that names the hosts first, without a detail that does not fit."""
    text = complete_message(finding)[0]
    return f"{_format_hosts(finding['hosts'], MESSAGE_LIMIT - len(text) - 2)}: {text} [{finding['code']}]"


def _format_hosts(names: Sequence[str], width: int) -> str:
    """Return as many ranges of the names of hosts as fit in the width, or a single name."""
    if len(names) == 1:
        return _format_host(names[0])
    ranges = (format_ranges(names, most) for most in range(SHOWN_RANGES, 0, -1))
    first, more = min(names, key=make_natural_key), f" and {len(names) - 1} more, {len(names)} nodes"
    return (
        next((text for text in ranges if len(text) <= width), None)
        or f"{shorten_middle(first, width - len(more))}{more}"
    )


def get_end(finding: Mapping[str, Any]) -> str:
    """Return the detail that format_finding leaves out, empty for a finding that it shows completely."""
    return complete_message(finding)[1]


def join_message(finding: Mapping[str, Any]) -> str:
    """Return the message of a finding of a plan with the detail of one of its hosts."""
    return " ".join(filter(None, complete_message(finding)))


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

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding of the compiler: an error, a warning, or information."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

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
    "THIS_HOST",
    "WARNING",
    "Fault",
    "Finding",
    "complete_message",
    "format_finding",
    "get_end",
    "get_whole_text",
    "join_message",
    "make_host_finding",
    "make_plain",
    "name_host",
    "select_host",
    "share_findings",
]

MESSAGE_LIMIT = 400
_SHORTEST_VALUE, _LONGEST_VALUE = 24, 160
# Texts of findings call the host that has the finding so, because other hosts may have the same text.
THIS_HOST = "this host"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or worth knowing about one variable of one host.

    ``severity`` is ``error``, ``warning`` or ``info``; an error stops the run before any host is touched.
    ``code`` is the name of a code in the registry, which allows the severity. ``value`` is plain data: text, number, list,
    dict or ``None``. ``message`` names the host, the variable, the value and the fix. ``more`` has the other
    remedies, or the end, of a message that would be longer than MESSAGE_LIMIT without the host. ``detail`` completes a
    sentence about this host, such as "is in site lan": hosts whose messages are the same share a finding, whatever their
    details are.
    """

    severity: str
    code: str
    host: str
    variable: str
    value: Any
    message: str
    more: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        """Raise KeyError if the registry has no such code, and ValueError if the code has another severity."""
        if self.severity not in CODES[self.code].severities:
            raise ValueError(f"{self.code} is never reported as {self.severity}")

    def with_detail(self, detail: str) -> Finding:
        """Return the finding with a detail of its host."""
        return replace(self, detail=escape_text(detail))


class Fault(NamedTuple):
    """The text of a fault, and changes that fix it. Each of the changes is enough."""

    text: str
    remedies: Sequence[str] = ()

    def __str__(self) -> str:
        """Return the whole text. The remedies are its last sentence, without a full stop."""
        advice = ", or ".join(filter(None, (", ".join(self.remedies[:-1]), *self.remedies[-1:])))
        return f"{self.text} {advice[:1].upper()}{advice[1:]}" if advice else self.text


def make_host_finding(severity: str, code: str, host: str, variable: str, value: Any, fault: str | Fault) -> Finding:
    """Return a finding whose message has the host, the variable and the value first.

    A fault that is a text ends with its fix. It calls the host THIS_HOST, so that the findings of several hosts have the same
    text; facts of a single host are a detail, see Finding.with_detail. The message without the host has at most MESSAGE_LIMIT
    characters: the value is shortened, then the last remedies are separate, and with very long names of other hosts the end of
    the text.
    """
    value, fault = make_plain(value), fault if isinstance(fault, Fault) else Fault(fault)
    room = MESSAGE_LIMIT - len(f"{variable}: : {fault}")
    shown = "" if value is None else f": {quote_value(value, min(max(room, _SHORTEST_VALUE), _LONGEST_VALUE))}"
    # A value may come from facts, and the text may quote it.
    message, more = _fit(Fault(escape_text(f"{variable}{shown}: {fault.text}"), [*map(escape_text, fault.remedies)]))
    return Finding(severity, code, host, variable, value, f"{escape_text(host)}: {message}", more)


def name_host(name: str, own: str) -> str:
    """Return the name of a host in a text about the host ``own``."""
    return THIS_HOST if name == own else name


def _fit(fault: Fault) -> tuple[str, str]:
    """Return a message of at most MESSAGE_LIMIT characters with as many remedies as possible, and its rest."""
    for shown in range(len(fault.remedies), 0, -1):
        message, others = str(Fault(fault.text, fault.remedies[:shown])), fault.remedies[shown:]
        if len(message) <= MESSAGE_LIMIT:
            return message, f"Or {', or '.join(others)}" if others else ""
    return _split(str(fault))


def _split(text: str) -> tuple[str, str]:
    """Return a text of at most MESSAGE_LIMIT characters and its rest, divided after a sentence or a word."""
    if len(text) <= MESSAGE_LIMIT:
        return text, ""
    end = text.rfind(". ", 0, MESSAGE_LIMIT) + 1 or text.rfind(" ", 0, MESSAGE_LIMIT)
    return text[:end], text[end:].lstrip()


def share_findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as plain data, each text once: ``hosts`` have it in common, and ``message`` does not name them.

    The findings are in the order of the first host of each, the hosts in natural order. ``details`` has the detail of each
    host.
    """
    shared: dict[tuple[str, str, str, str, str], list[Finding]] = {}
    for finding in findings:
        key = (finding.severity, finding.code, finding.variable, _get_text(finding), finding.more)
        shared.setdefault(key, []).append(finding)
    return [_share(sorted(same, key=lambda finding: make_natural_key(finding.host))) for same in shared.values()]


def _get_text(finding: Finding) -> str:
    return finding.message.removeprefix(f"{escape_text(finding.host)}: ")


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
        **({"more": first.more} if first.more else {}),
        **({"details": details} if details else {}),
    }


def select_host(finding: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return a finding of a plan as that of a single host."""
    details = {name: detail for name, detail in finding.get("details", {}).items() if name == host}
    return {**finding, "hosts": [host], "details": details}


def complete_message(finding: Mapping[str, Any]) -> tuple[str, str]:
    """Return the message of a finding of a plan and its end, with the detail of its host, or of one of them as an example."""
    message, more = str(finding["message"]), str(finding.get("more", ""))
    host, detail = next(iter(finding.get("details", {}).items()), ("", ""))
    if not detail:
        return message, more
    sentence = f"{host}, for example, {detail}" if len(finding["hosts"]) > 1 else f"This host {detail}"
    if more:
        return message, f"{more.rstrip('. ')}. {sentence}"
    message = f"{message.rstrip('. ')}."
    whole = f"{message} {sentence}"
    return (whole, "") if len(whole) <= MESSAGE_LIMIT else (message, sentence)


def format_finding(finding: Mapping[str, Any]) -> str:
    """Return a finding of a plan as one line that names the hosts first, without the end of a long message."""
    return f"{format_ranges(finding['hosts'])}: {complete_message(finding)[0]} [{finding['code']}]"


def get_end(finding: Mapping[str, Any]) -> str:
    """Return the end of a long message, empty for a message that format_finding shows completely."""
    return complete_message(finding)[1]


def join_message(finding: Mapping[str, Any]) -> str:
    """Return the whole message of a finding of a plan, with the detail of one of its hosts."""
    return _join_sentences(*complete_message(finding))


def get_whole_text(finding: Mapping[str, Any]) -> str:
    """Return the whole message of a finding of a plan, without details of its hosts."""
    return _join_sentences(str(finding["message"]), str(finding.get("more", "")))


def _join_sentences(message: str, more: str) -> str:
    starts_sentence = more[:1].isupper() and not message.endswith(".")
    return f"{message}{'.' if starts_sentence else ''} {more}" if more else message


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

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a verification shows beside who reaches what: certificates, and Admin APIs that anybody let in may use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import SILENT

# A certificate that ends within so many days is told, though it holds today.
_SOON = 30
# By node, what a placeholder listened on: the result of module kong_placeholder.
Placeholders = Mapping[str, Sequence[Mapping[str, Any]]]
_Place = tuple[str, str, int]  # node, listener, port


def certificate_lines(outcomes: Iterable[Outcome]) -> list[str]:
    """Return a table of the certificates that were shown, or nothing: one line for each, whoever saw it."""
    rows = {
        (*_place(one), one.certificate["subject"], one.certificate["not_after"][:10], _left(one.certificate)): None
        for one in outcomes
        if one.certificate
    }
    if not rows:
        return []
    shown = [[node, listener, str(port), *rest] for node, listener, port, *rest in sorted(rows)]
    header = ["node", "listener", "port", "subject", "valid until", ""]
    return ["Certificates that were shown:", "", *render_table(header, shown), ""]


def remarks(outcomes: Sequence[Outcome], placeholders: Placeholders) -> list[str]:
    """Return a line for each thing that is no difference from the plan and worth knowing all the same."""
    return [f"PLACEHOLDER: at {', '.join(dict.fromkeys(map(_port_text, ports)))} of {node} a placeholder answered, as nobody listens there"
            for node, ports in placeholders.items() if ports] + [
        f"ADMIN API: {node} answers without authentication to {who} (port {', '.join(map(str, sorted(ports)))})"
        for (node, who), ports in _unauthenticated(outcomes).items()
    ] + [
        f"NO TLS: {node} did not show a certificate at {listener} {port} ({detail})"
        for (node, listener, port), detail in _without_certificate(outcomes).items()
        if port not in {one["port"] for one in placeholders.get(node, ())}
    ] + [
        f"NOT PROVED: {node} {listener} {port}/udp, {count} connections: {detail}"
        for ((node, listener, port), detail), count in _unproved(outcomes).items()
    ]  # fmt: skip


def _port_text(port: Mapping[str, Any]) -> str:
    return f"{port['protocol']} {port['port']}"


def _unauthenticated(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], set[int]]:
    """By node, and host that its Admin API answered though it gave no credentials: the ports."""
    found: dict[tuple[str, str], set[int]] = {}
    for one in outcomes:
        if one.probe.listener == "admin" and one.status == 200:
            found.setdefault((one.probe.target, one.probe.caller), set()).add(one.probe.port)
    return found


def _without_certificate(outcomes: Iterable[Outcome]) -> dict[_Place, str]:
    return {
        _place(one): one.detail
        for one in outcomes
        if one.probe.kind in ("tls", "https") and one.seen == "open" and one.certificate is None
    }


def _unproved(outcomes: Iterable[Outcome]) -> Mapping[tuple[_Place, str], int]:
    return Counter((_place(one), one.detail) for one in outcomes if one.seen == SILENT)


def _place(outcome: Outcome) -> _Place:
    return outcome.probe.target, outcome.probe.listener, outcome.probe.port


def _left(certificate: Mapping[str, Any]) -> str:
    days = certificate["days_left"]
    if days < 0:
        return "EXPIRED"
    return f"{days} days left" if days < _SOON else ""

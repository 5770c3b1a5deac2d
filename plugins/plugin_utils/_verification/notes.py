# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes of a verification that are not differences: certificates, and Admin APIs without authentication."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import count_noun, format_ranges, make_natural_key
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import SILENT
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import group_pairs

# A certificate that expires within this number of days is marked.
_SOON = 30
# By node, the ports of its placeholder listener: the result of module kong_placeholder.
Placeholders = Mapping[str, Sequence[Mapping[str, Any]]]
_Place = tuple[str, str, int]  # node, listener, port


def format_certificates(outcomes: Iterable[Outcome]) -> list[str]:
    """Return a table of the certificates that listeners presented, each once; no lines without certificates."""
    rows = {
        (
            *_make_place_key(outcome),
            outcome.certificate["subject"],
            outcome.certificate["not_after"][:10],
            _format_days_left(outcome.certificate),
        ): None
        for outcome in outcomes
        if outcome.certificate
    }
    if not rows:
        return []
    shown = [
        [node, listener, str(port), *rest]
        for node, listener, port, *rest in sorted(rows, key=lambda row: make_natural_key(*map(str, row)))
    ]
    header = ["node", "listener", "port", "subject", "valid until", ""]
    return ["Certificates of the listeners:", "", *render_table(header, shown), ""]


def format_notes(outcomes: Sequence[Outcome], placeholders: Placeholders) -> list[str]:
    """Return a line for each note: a result that is worth knowing, but not a difference from the plan."""
    replaced = {node: {port["port"] for port in ports} for node, ports in placeholders.items()}
    answered = (
        (f"answered on {', '.join(dict.fromkeys(map(_format_port, ports)))} with a placeholder, because no process listens there", node)
        for node, ports in placeholders.items() if ports
    )  # fmt: skip
    without_tls = (
        (f"presented no certificate on {listener} {port}{f' ({detail})' if detail else ''}", node)
        for (node, listener, port), detail in _without_certificate(outcomes).items()
        if port not in replaced.get(node, ())
    )
    unverified = (
        (f"{listener} {port}/udp, {count_noun(count, 'connection')}: {detail}", node)
        for ((node, listener, port), detail), count in _count_unverified(outcomes).items()
    )
    return [
        *_share_notes("PLACEHOLDER", answered),
        *_format_admins(outcomes),
        *_share_notes("NO TLS", without_tls),
        *_share_notes("UNVERIFIED", unverified),
    ]


def _share_notes(kind: str, notes: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each text, with its nodes."""
    for text, nodes in group_pairs(notes).items():
        yield f"{kind}: {format_ranges(nodes)}{' ' if len(nodes) == 1 else ': '}{text}"


def _format_admins(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield a line for each list of callers to which Admin APIs answered without credentials."""
    callers = group_pairs(
        ((node, tuple(sorted(ports))), caller) for (node, caller), ports in _find_unauthenticated(outcomes).items()
    )
    nodes = group_pairs(((ports, *names), node) for (node, ports), names in callers.items())
    for (ports, *names), same in nodes.items():
        answers = " answers" if len(same) == 1 else ": answer"
        where = f"port{'' if len(ports) == 1 else 's'} {', '.join(map(str, ports))}"
        yield (
            f"ADMIN API: {format_ranges(same)}{answers} {format_ranges(names, noun='host')} without authentication ({where})"
        )


def _format_port(port: Mapping[str, Any]) -> str:
    return f"{port['protocol']} {port['port']}"


def _find_unauthenticated(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], set[int]]:
    """Return the ports of Admin APIs that answered without credentials, by node and caller."""
    found: dict[tuple[str, str], set[int]] = {}
    for outcome in outcomes:
        if outcome.probe.listener == "admin" and outcome.status == 200:
            found.setdefault((outcome.probe.target, outcome.probe.caller), set()).add(outcome.probe.port)
    return found


def _without_certificate(outcomes: Iterable[Outcome]) -> dict[_Place, str]:
    return {
        _make_place_key(outcome): outcome.detail
        for outcome in outcomes
        if outcome.probe.kind in ("tls", "https") and outcome.result == "open" and outcome.certificate is None
    }


def _count_unverified(outcomes: Iterable[Outcome]) -> Mapping[tuple[_Place, str], int]:
    return Counter((_make_place_key(outcome), outcome.detail) for outcome in outcomes if outcome.result == SILENT)


def _make_place_key(outcome: Outcome) -> _Place:
    return outcome.probe.target, outcome.probe.listener, outcome.probe.port


def _format_days_left(certificate: Mapping[str, Any]) -> str:
    days = certificate["days_left"]
    if days < 0:
        return "EXPIRED"
    return f"{count_noun(days, 'day')} left" if days < _SOON else ""

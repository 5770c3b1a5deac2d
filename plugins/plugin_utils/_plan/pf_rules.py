# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Intercept rules as a table, and as rules of pf for another device in front of a node.

They are rendered and never applied, because the device is not the node, or does not run Linux. Sources: pf.conf(5) of
FreeBSD and macOS, where translation has its own rules (``rdr``), and of OpenBSD since 4.7, where it is an option of filter
rules (``rdr-to``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import select_interception
from ansible_collections.gatehouse.kong.plugins.plugin_utils._table import render_table
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import join_first

PF_FORMS = ("freebsd", "openbsd")
SHOWN_SOURCES = 4  # items of a list in a table for a terminal

_HEAD = """\
# Rendered by gatehouse.kong for pf of {systems}, and not applied: rules for the device that forwards packets to {node}.
# Kong sees its own address and port as destination, unless pf and Kong are on one host.
"""
_SYSTEMS = {"freebsd": "FreeBSD and macOS", "openbsd": "OpenBSD"}


def format_interception(plan: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return the intercept rules of the nodes as lines of a table, or no lines."""
    rows = [
        [
            name,
            format_networks(rule["sources"]) or "no source",
            f"{format_networks(rule['destinations'])} {_format_ports(rule)}",
            " ".join(rule["interfaces"]) or "any",
            f"{rule['listener']} {_find_target(plan, name, rule)}",
            rule["method"],
        ]
        for name in names
        for rule in select_interception(plan, name)
    ]

    if not rows:
        return []
    header = ["node", "from", "to", "interface", "sent to", "method"]
    return ["Intercepted packets (dropped if Kong does not accept them):", "", *render_table(header, rows), ""]


def render_pf_rules(plan: Mapping[str, Any], name: str, form: str) -> str:
    """Return rules of pf that redirect packets to the node as its intercept rules. Raises KeyError for unknown nodes."""
    intercept_rules = [rule for rule in select_interception(plan, name) if not rule["own"]]
    write = _render_freebsd if form == "freebsd" else _render_openbsd
    lines = [line for rule in intercept_rules for line in write(rule, _find_target(plan, name, rule))]
    if form == "freebsd":
        # Translation must precede filtering in this file (pf.conf(5), "options, normalization, queueing, translation").
        lines.sort(key=lambda line: not line.startswith("rdr"))
    return _HEAD.format(systems=_SYSTEMS[form], node=name) + "".join(f"{line}\n" for line in lines)


def _render_freebsd(rule: Mapping[str, Any], target: Endpoint) -> Iterator[str]:
    if rule["sources"]:
        yield f"rdr pass {_match(rule, _format_sources(rule))} -> {target.address} port {target.port}"
    yield f"block drop in quick {_match(rule, 'any')}"


def _render_openbsd(rule: Mapping[str, Any], target: Endpoint) -> Iterator[str]:
    if rule["sources"]:
        yield f"pass in quick {_match(rule, _format_sources(rule))} rdr-to {target.address} port {target.port}"
    yield f"block drop in quick {_match(rule, 'any')}"


def _match(rule: Mapping[str, Any], source: str) -> str:
    on = f"on {_format_braced(rule['interfaces'])} " if rule["interfaces"] else ""
    family = "inet" if rule["family"] == "ipv4" else "inet6"
    ports = _format_braced([str(port) for port in rule["ports"]])
    return f"{on}{family} proto tcp from {source} to {_format_braced(rule['destinations'])} port {ports}"


def _format_sources(rule: Mapping[str, Any]) -> str:
    return "any" if rule["sources"] == "any" else _format_braced(rule["sources"])


def _format_braced(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def _find_target(plan: Mapping[str, Any], name: str, rule: Mapping[str, Any]) -> Endpoint:
    address = rule["address"] or plan["nodes"][name]["address"][rule["family"]] or name
    return Endpoint(address, rule["port"])


def format_networks(values: str | Sequence[str]) -> str:
    """Return the first networks of a list for a table of a terminal; of text, which allows every source, "anyone"."""
    if isinstance(values, str):
        return "anyone"
    return join_first([value.removesuffix("/32").removesuffix("/128") for value in values], SHOWN_SOURCES)


def _format_ports(rule: Mapping[str, Any]) -> str:
    return ", ".join(map(str, rule["ports"]))

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes between two plans: sources that gain or lose access to a port, settings, forwards and findings.

A change that is the same on several nodes is listed once, so the list stays short for a large fleet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import sort_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import join_message, select_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.access import (
    ONLY_ITSELF,
    Access,
    list_access,
    list_owners,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.modes import name_mode
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first, list_ranges, make_natural_key

GAINS = "gains"
LOSES = "loses"
CHANGES = "changes"
_FIELDS = ("site", "cluster", "version", "role", "address", "vpn_address", "egress", "nat", "flat_network", "config",
           "virtual_addresses", "networks", "settings_file")  # fmt: skip
_SHOWN = 12
_SHOWN_HOSTS = 3


@dataclass(frozen=True, slots=True)
class Source:
    """A source that gains or loses access: its address or network, and the hosts that have it."""

    address: str
    hosts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The address with all its hosts."""
        return f"{self.address} ({', '.join(list_ranges(self.hosts))})" if self.hosts else self.address

    @property
    def short_text(self) -> str:
        """The address with the first of its hosts."""
        return f"{self.address} ({list_first(self.hosts, _SHOWN_HOSTS)})" if self.hosts else self.address


@dataclass(frozen=True, slots=True)
class Change:
    """A change: its kind (GAINS, LOSES, CHANGES), place (nodes, or a NAT device), subject and description.

    If the change concerns sources, they follow the description, which may be empty.
    """

    kind: str
    where: tuple[str, ...]
    subject: str
    how: str
    sources: tuple[Source, ...] = ()

    @property
    def short_text(self) -> str:
        """The description, with the first sources."""
        return _join_texts(self.how, list_first([source.short_text for source in self.sources], _SHOWN))

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, with all sources."""
        how = _join_texts(self.how, ", ".join(source.text for source in self.sources))
        return {"kind": self.kind, "where": list(self.where), "subject": self.subject, "how": how}


def _join_texts(*texts: str) -> str:
    return " ".join(filter(None, texts))


def compare_plans(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return the changes from one plan to another: nodes, access, settings and addresses, NAT forwards, findings."""
    return [
        *_join_nodes(_compare_nodes(old, new)),
        *_join_protocols(_join_nodes(_compare_access(old, new))),
        *_join_nodes(_compare_fields(old, new)),
        *_join_protocols(_compare_forwards(old, new)),
        *_join_nodes(_compare_findings(old, new)),
    ]


def _join_nodes(changes: Iterable[Change]) -> list[Change]:
    """Join changes that are the same on several nodes."""
    where: dict[tuple[str, str, str, tuple[Source, ...]], list[str]] = {}
    for change in changes:
        where.setdefault((change.kind, change.subject, change.how, change.sources), []).extend(change.where)
    return [Change(kind, tuple(nodes), subject, how, sources) for (kind, subject, how, sources), nodes in where.items()]


def _join_protocols(changes: Iterable[Change]) -> list[Change]:
    """Join changes that are the same over tcp and udp."""
    joined: dict[tuple[str, tuple[str, ...], str, str, tuple[Source, ...]], list[str]] = {}
    for change in changes:
        port, _slash, protocol = change.subject.rpartition("/")
        joined.setdefault((change.kind, change.where, port, change.how, change.sources), []).append(protocol)
    return [Change(kind, where, f"{port}/{'+'.join(protocols)}", how, sources)
            for (kind, where, port, how, sources), protocols in joined.items()]  # fmt: skip


def _compare_nodes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for kind, plan, other, word in ((GAINS, new, old, "joins"), (LOSES, old, new, "is no longer planned at")):
        for name in sorted(set(plan["nodes"]) - set(other["nodes"]), key=make_natural_key):
            node = plan["nodes"][name]
            yield Change(kind, (name,), "the fleet", f"{word} site {node['site']}, cluster {node['cluster']}")


def _compare_access(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    owners = list_owners(old), list_owners(new)
    for name in sorted(new["nodes"], key=make_natural_key):
        before, after = (list_access(plan, name) for plan in (old, new))
        for port in dict.fromkeys((*before, *after)):
            yield from _compare_port(name, str(port), before.get(port), after.get(port), owners)


def _compare_port(
    node: str, port: str, before: Access | None, after: Access | None, owners: Sequence[Mapping[str, Sequence[str]]]
) -> Iterator[Change]:
    if before != after:
        for kind, (how, sources) in (
            (GAINS, _describe_gained(before, after, owners[1])),
            (LOSES, _describe_lost(before, after, owners)),
        ):
            if how or sources:
                yield Change(kind, (node,), port, how, sources)


def _describe_gained(
    before: Access | None, after: Access | None, owners: Mapping[str, Sequence[str]]
) -> tuple[str, tuple[Source, ...]]:
    if after is None or (before and before.anyone):
        return "", ()
    if after.anyone:
        return "anyone", ()
    more = _list_sources(after.sources - (before.sources if before else frozenset()), owners)
    return "" if more or before else f"opens to {ONLY_ITSELF}", more


def _describe_lost(
    before: Access | None, after: Access | None, owners: Sequence[Mapping[str, Sequence[str]]]
) -> tuple[str, tuple[Source, ...]]:
    if before is None or (after and after.anyone):
        return "", ()
    if after is None:
        return _describe_closed(before, owners[0])
    if before.anyone:
        return "anyone except" if after.sources else "anyone", _list_sources(after.sources, owners[1])
    return "", _list_sources(before.sources - after.sources, owners[0])


def _describe_closed(access: Access, owners: Mapping[str, Sequence[str]]) -> tuple[str, tuple[Source, ...]]:
    closed = "closes; it was open to"
    if access.anyone or not access.sources:
        return f"{closed} {'anyone' if access.anyone else ONLY_ITSELF}", ()
    return closed, _list_sources(access.sources, owners)


def _list_sources(networks: Iterable[str], owners: Mapping[str, Sequence[str]]) -> tuple[Source, ...]:
    return tuple(
        Source(network.removesuffix("/32").removesuffix("/128"), tuple(owners.get(network, ())))
        for network in sort_networks(networks)
    )


def _compare_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(set(old["nodes"]) & set(new["nodes"]), key=make_natural_key):
        before, after = old["nodes"][name], new["nodes"][name]
        for field in _FIELDS:
            if before.get(field) != after.get(field):
                yield _make_change(name, field, before.get(field), after.get(field))
        modes = name_mode(before), name_mode(after)
        if modes[0] != modes[1]:
            yield _make_change(name, "packets of other sources", *modes)
        for setting in sorted({*before["settings"], *after["settings"]}):
            values = before["settings"].get(setting), after["settings"].get(setting)
            if values[0] != values[1]:
                yield _make_change(name, setting, *values)


def _make_change(name: str, subject: str, before: Any, after: Any) -> Change:
    return Change(CHANGES, (name,), subject, f"{_format_value(before)} -> {_format_value(after)}")


def _format_value(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(_format_value(item) for item in value)
    if isinstance(value, Mapping):
        return (
            _format_mapping(value) if "outside" in value else _format_value([item for item in value.values() if item])
        )
    return str(value)


def _format_mapping(mapping: Mapping[str, Any]) -> str:
    outside, port = mapping["outside"], mapping["outside_port"]
    return f"{Endpoint(outside, port)} to port {mapping['inside_port']}" if port else f"{outside} one-to-one"


def _compare_forwards(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = (_list_forwarded(plan) for plan in (old, new))
    for kind, changed, other in ((GAINS, after, before), (LOSES, before, after)):
        for key in sorted(changed.keys() - other.keys(), key=lambda key: make_natural_key(*key)):
            yield Change(kind, (key[0],), f"forward {key[1]}", f"to {changed[key]}")
    for key in sorted(before.keys() & after.keys(), key=lambda key: make_natural_key(*key)):
        if before[key] != after[key]:
            yield Change(CHANGES, (key[0],), f"forward {key[1]}", f"to {before[key]} -> to {after[key]}")


def _list_forwarded(plan: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (forward["device"], f"{Endpoint(forward['outside'], forward['outside_port'])}/{forward['protocol']}"): (
            f"{Endpoint(forward['inside'], forward['inside_port'])} ({forward['node']}{', hairpin' if forward['hairpin'] else ''})"
        )
        for forward in plan["nat_forwards"]
    }


def _compare_findings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = (
        {
            (host, finding["code"], join_message(select_host(finding, host))): finding["severity"]
            for finding in plan["findings"]
            for host in finding["hosts"]
        }
        for plan in (old, new)
    )
    for kind, changed, other in ((GAINS, after, before), (LOSES, before, after)):
        for key in sorted(changed.keys() - other.keys(), key=lambda key: make_natural_key(*key)):
            yield Change(kind, (key[0],), f"{changed[key]} {key[1]}", key[2])

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is different between two plans, in words: who gains or loses which port, and what else changes.

Changes that are the same on several nodes are one, so the answer stays short where the fleet is large.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.access import Access, access_of, owners_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import listed

GAINS = "gains"
LOSES = "loses"
CHANGES = "changes"
_MARKS = {GAINS: "+", LOSES: "-", CHANGES: "~"}
_FIELDS = ("site", "cluster", "version", "role", "address", "vpn_address", "egress", "nat", "flat_network", "config",
           "settings_file")  # fmt: skip
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Change:
    """One change: of what kind (GAINS, LOSES, CHANGES), where (nodes, or a NAT device), of what, and how."""

    kind: str
    where: tuple[str, ...]
    what: str
    how: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"kind": self.kind, "where": list(self.where), "what": self.what, "how": self.how}


def changes_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return what changes from one plan to another: nodes, access, settings and addresses, NAT forwards, findings."""
    return [
        *_nodes(old, new),
        *_both_protocols(_on_all_nodes(_accesses(old, new))),
        *_on_all_nodes(_fields(old, new)),
        *_both_protocols(_forwards(old, new)),
        *_on_all_nodes(_findings(old, new)),
    ]


def change_lines(changes: Sequence[Change]) -> list[str]:
    """Return changes as lines for a terminal."""
    if not changes:
        return ["Nobody gains or loses anything."]
    return [f"{_MARKS[one.kind]} {listed(one.where, _SHOWN)}: {one.what}: {one.how}" for one in changes]


def _on_all_nodes(changes: Iterable[Change]) -> list[Change]:
    """Make changes one that are the same on several nodes."""
    where: dict[tuple[str, str, str], list[str]] = {}
    for one in changes:
        where.setdefault((one.kind, one.what, one.how), []).extend(one.where)
    return [Change(kind, tuple(nodes), what, how) for (kind, what, how), nodes in where.items()]


def _both_protocols(changes: Iterable[Change]) -> list[Change]:
    """Make changes one that are the same over tcp and udp."""
    joined: dict[tuple[str, tuple[str, ...], str, str], list[str]] = {}
    for one in changes:
        port, _slash, protocol = one.what.rpartition("/")
        joined.setdefault((one.kind, one.where, port, one.how), []).append(protocol)
    return [Change(kind, where, f"{port}/{'+'.join(protocols)}", how)
            for (kind, where, port, how), protocols in joined.items()]  # fmt: skip


def _nodes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for kind, plan, other, word in ((GAINS, new, old, "joins"), (LOSES, old, new, "is no longer planned at")):
        for name in sorted(set(plan["nodes"]) - set(other["nodes"])):
            node = plan["nodes"][name]
            yield Change(kind, (name,), "the fleet", f"{word} site {node['site']}, cluster {node['cluster']}")


def _accesses(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    owners = owners_of(old), owners_of(new)
    for name in sorted(new["nodes"]):
        before, after = (access_of(plan, name) for plan in (old, new))
        for port in dict.fromkeys((*before, *after)):
            yield from _access(name, str(port), before.get(port), after.get(port), owners)


def _access(
    node: str, port: str, before: Access | None, after: Access | None, owners: Sequence[Mapping[str, Sequence[str]]]
) -> Iterator[Change]:
    if before != after:
        gained, lost = _gained(before, after, owners[1]), _lost(before, after, owners)
        if gained:
            yield Change(GAINS, (node,), port, gained)
        if lost:
            yield Change(LOSES, (node,), port, lost)


def _gained(before: Access | None, after: Access | None, owners: Mapping[str, Sequence[str]]) -> str:
    if after is None or (before and before.anyone):
        return ""
    if after.anyone:
        return "anyone"
    more = after.sources - (before.sources if before else frozenset())
    opened = "opens, for nobody but the node itself" if before is None else ""
    return _named(sorted(more), owners) or opened


def _lost(before: Access | None, after: Access | None, owners: Sequence[Mapping[str, Sequence[str]]]) -> str:
    if before is None or (after and after.anyone):
        return ""
    if after is None:
        return f"closes; it was open to {_who(before, owners[0])}"
    if before.anyone:
        return f"anyone but {_named(sorted(after.sources), owners[1])}" if after.sources else "anyone"
    return _named(sorted(before.sources - after.sources), owners[0])


def _who(access: Access, owners: Mapping[str, Sequence[str]]) -> str:
    return "anyone" if access.anyone else _named(sorted(access.sources), owners) or "nobody but the node itself"


def _named(networks: Sequence[str], owners: Mapping[str, Sequence[str]]) -> str:
    return listed([_with_owner(network, owners.get(network, ())) for network in networks], _SHOWN)


def _with_owner(network: str, owners: Sequence[str]) -> str:
    shown = network.removesuffix("/32").removesuffix("/128")
    return f"{shown} ({listed(owners, 3)})" if owners else shown


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(set(old["nodes"]) & set(new["nodes"])):
        before, after = old["nodes"][name], new["nodes"][name]
        for field in _FIELDS:
            if before.get(field) != after.get(field):
                yield _changed(name, field, before.get(field), after.get(field))
        for setting in sorted({*before["settings"], *after["settings"]}):
            values = before["settings"].get(setting), after["settings"].get(setting)
            if values[0] != values[1]:
                yield _changed(name, setting, *values)


def _changed(name: str, what: str, before: Any, after: Any) -> Change:
    return Change(CHANGES, (name,), what, f"{_shown(before)} -> {_shown(after)}")


def _shown(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, Mapping):
        return _mapping_shown(value) if "outside" in value else _shown([item for item in value.values() if item])
    return str(value)


def _mapping_shown(mapping: Mapping[str, Any]) -> str:
    outside, port = mapping["outside"], mapping["outside_port"]
    return f"{Endpoint(outside, port)} to port {mapping['inside_port']}" if port else f"{outside} one-to-one"


def _forwards(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = (_forwarded(plan) for plan in (old, new))
    for kind, these, those in ((GAINS, after, before), (LOSES, before, after)):
        for key in sorted(these.keys() - those.keys()):
            yield Change(kind, (key[0],), f"forward {key[1]}", f"to {these[key]}")
    for key in sorted(before.keys() & after.keys()):
        if before[key] != after[key]:
            yield Change(CHANGES, (key[0],), f"forward {key[1]}", f"to {before[key]} -> to {after[key]}")


def _forwarded(plan: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (one["device"], f"{Endpoint(one['outside'], one['outside_port'])}/{one['protocol']}"): (
            f"{Endpoint(one['inside'], one['inside_port'])} ({one['node']}{', hairpin' if one['hairpin'] else ''})"
        )
        for one in plan["nat_forwards"]
    }


def _findings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = (
        {
            (host, finding["code"], finding["message"]): finding["severity"]
            for finding in plan["findings"]
            for host in finding["hosts"]
        }
        for plan in (old, new)
    )
    for kind, these, those in ((GAINS, after, before), (LOSES, before, after)):
        for key in sorted(these.keys() - those.keys()):
            yield Change(kind, (key[0],), f"{these[key]} {key[1]}", key[2])

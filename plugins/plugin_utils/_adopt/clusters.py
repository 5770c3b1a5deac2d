# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clusters of a fleet: Serf rings, and control planes with their data planes. Pure.

Two nodes are in one cluster if they know the same member. Two clusters are different only if both certainly know all their
members: Serf agents do, and control planes whose Admin API lists data planes, because the list is in the database of the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.links import Match
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import (
    CONTROL_PLANE,
    DATA_PLANE,
    FoundHost,
    Kong,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import find_generation, parse_version
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

_SERF, _HYBRID = "serf", "hybrid"
_Key = tuple[str, Any]


class Cluster(NamedTuple):
    """The name of a cluster, and the evidence for its nodes."""

    name: str
    evidence: str


@dataclass(frozen=True, slots=True)
class _Part:
    """Nodes of one kind that know the same members. ``is_complete`` tells whether they certainly know all nodes of their cluster."""

    kind: str
    nodes: tuple[str, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Clusters:
    """The cluster of each node if there are several, and the nodes whose cluster is unknown."""

    named: Mapping[str, Cluster]
    unknown: frozenset[str]


def find_clusters(nodes: Sequence[FoundHost], matches: Iterable[Match]) -> Clusters:
    """Return the clusters of the nodes, in natural order of their names. A cluster is named after its first node."""
    parts = _join_nodes(nodes, [*matches])
    named: dict[str, Cluster] = {}
    unknown: set[str] = set()
    for kind in (_SERF, _HYBRID):
        of_kind = [part for part in parts if part.kind == kind]
        complete = [part for part in of_kind if part.is_complete]
        if len(of_kind) > 1:
            unknown.update(name for part in of_kind if not part.is_complete for name in part.nodes)
        if len(complete) > 1:
            named.update({name: _name(part) for part in complete for name in part.nodes})
    return Clusters(named, frozenset(unknown))


def _name(part: _Part) -> Cluster:
    members = (
        "members of one Serf cluster" if part.kind == _SERF else "control planes and data planes that know each other"
    )
    return Cluster(f"cluster-{part.nodes[0]}", f"observed: {members}: {', '.join(part.nodes)}. The name is assumed")


def _join_nodes(nodes: Sequence[FoundHost], matches: Sequence[Match]) -> list[_Part]:
    """Return the nodes with a cluster, together with the nodes that know the same members."""
    parts: list[tuple[set[_Key], list[FoundHost]]] = []
    for node in nodes:
        keys = {*_list_keys(node, nodes, matches)}
        same = [part for part in parts if part[0] & keys]
        if keys:
            parts = [part for part in parts if part not in same]
            joined = [host for _keys, hosts in same for host in hosts]
            parts.append((keys.union(*(known for known, _hosts in same)), [*joined, node]))
    return sorted((_make_part(hosts) for _keys, hosts in parts), key=lambda part: make_natural_key(part.nodes[0]))


def _make_part(hosts: Sequence[FoundHost]) -> _Part:
    names = tuple(sorted((host.name for host in hosts), key=make_natural_key))
    kongs = [host.kongs[0] for host in hosts]
    is_complete = any(kong.ring.members or (kong.role == CONTROL_PLANE and kong.data_planes) for kong in kongs)
    return _Part(_find_kind(kongs[0]), names, is_complete)


def _find_kind(kong: Kong) -> str:
    """Return the kind of the cluster, empty for a node without one."""
    if kong.role in (CONTROL_PLANE, DATA_PLANE):
        return _HYBRID
    return _SERF if find_generation(parse_version(kong.version)).advertise else ""


def _list_keys(node: FoundHost, nodes: Sequence[FoundHost], matches: Sequence[Match]) -> Iterator[_Key]:
    """Yield the members that a node knows, itself among them."""
    kong = node.kongs[0]
    kind = _find_kind(kong)
    if not kind:
        return
    yield kind, node.name
    if kind == _SERF:
        yield from ((_SERF, ("member", name)) for name in kong.ring.present)
        return
    yield from ((_HYBRID, ("id", entry.id)) for entry in kong.data_planes)
    yield from ((_HYBRID, match.node) for match in matches if match.caller == node.name)
    if kong.role == DATA_PLANE:
        yield from ((_HYBRID, ("id", number)) for number in _find_ids(kong, nodes))
        yield from ((_HYBRID, name) for name in _list_dialled(kong, nodes))


def _find_ids(kong: Kong, nodes: Iterable[FoundHost]) -> Iterable[str]:
    """Return the id of a data plane: its own, or the only one that control planes have for the name of its host."""
    kongs = [found for node in nodes for found in node.kongs]
    if kong.id or [found.hostname for found in kongs].count(kong.hostname) != 1:
        return {kong.id} - {""}
    found = {entry.id for other in kongs for entry in other.data_planes if entry.hostname == kong.hostname}
    return found if len(found) == 1 else ()


def _list_dialled(kong: Kong, nodes: Iterable[FoundHost]) -> Iterable[str]:
    """Yield the control plane whose own address a data plane dials."""
    stated = kong.settings.get("cluster_control_plane")
    address = stated.value.rpartition(":")[0].strip("[]") if stated else ""
    owners = [node.name for node in nodes if address in node.addresses and node.kongs[0].role == CONTROL_PLANE]
    return owners if len(owners) == 1 else ()

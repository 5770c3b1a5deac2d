# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hybrid mode (Kong 2.0 and later): the address at which each data plane finds a control plane, as seen from its site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route, routes, service_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import (
    Doubtful,
    doubtful_warnings,
    note_doubtful,
    unreachable_reason,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import host_error, host_warning
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.versions import parse_version

# The setting of a data plane, and the listener of a control plane that it names.
CONNECTIONS = {"cluster_control_plane": "cluster", "cluster_telemetry_endpoint": "cluster_telemetry"}


def connect(drafts: Mapping[str, Draft], findings: list[Finding]) -> dict[str, Node]:
    """Return all data planes, each set to connect to a control plane; other nodes are not in the result.

    Among the control planes that take its version, one of the data plane's own site is preferred, then the first by name
    that it has a path to. A data plane without one is an error finding.
    """
    control_planes: dict[str, list[Node]] = {}
    for draft in drafts.values():
        if draft.node.role == "control_plane":
            control_planes.setdefault(draft.node.cluster, []).append(draft.node)
    data_planes = [draft for draft in drafts.values() if draft.node.role == "data_plane" and draft.generation.hybrid]
    doubtful: Doubtful = {}
    connected = {
        draft.node.name: _connected(draft, control_planes.get(draft.node.cluster, []), findings, doubtful)
        for draft in data_planes
    }
    findings.extend(doubtful_warnings(doubtful))
    return connected


def _connected(draft: Draft, control_planes: list[Node], findings: list[Finding], doubtful: Doubtful) -> Node:
    node, settings = draft.node, dict(draft.node.settings)
    nearest = sorted(control_planes, key=lambda other: (not _takes(other, node), other.site != node.site, other.name))
    for setting, listener in CONNECTIONS.items():
        given = draft.given.get(f"kong_{setting}")
        opens = listener == "cluster" or draft.generation.enterprise
        way = _first_way(node.host, nearest, listener) if opens else None
        if given is not None:
            settings[setting] = str(given)
        elif way:
            target, route = way
            settings[setting] = str(route.dialled)
            note_doubtful(doubtful, [([node.host], route)], target)
            if listener == "cluster" and not _takes(target, node):
                findings.append(_refused(node, target))
        if way is None and listener == "cluster" and (given is None or nearest):
            findings.append(_unconnected(node, nearest, given))
    return replace(node, settings=settings)


def _takes(control_plane: Node, data_plane: Node) -> bool:
    """Tell whether a control plane takes data planes of that version: of its own major, and of no newer minor.

    Source: check_kong_version_compatibility in kong/clustering/utils.lua, from 3.2 on kong/clustering/compat.
    """
    own, other = parse_version(control_plane.version), parse_version(data_plane.version)
    from_two_to_three = own.enterprise and own.line == (3, 0) and other.line == (2, 8)
    return from_two_to_three or (own.major == other.major and own.minor >= other.minor)


def _refused(node: Node, control_plane: Node) -> Finding:
    message = (
        f"control plane {control_plane.name} runs Kong {control_plane.version} and refuses data planes of another major or of "
        f"a newer minor version; upgrade control planes first, or give {node.name} one that takes it"
    )
    return host_warning("version-skew", node.name, "kong_version", node.version, message)


def _first_way(caller: Host, control_planes: list[Node], listener: str) -> tuple[Node, Route] | None:
    return next(((other, route) for other in control_planes for route in _routes(caller, other, listener)), None)


def _routes(caller: Host, target: Node, name: str) -> Iterator[Route]:
    for family in FAMILIES:
        for listener in target.listening(name):
            if family in listener.families and not listener.is_loopback:
                yield from routes(caller, target.host, service_of(listener, "tcp"), family)


def _unconnected(node: Node, control_planes: list[Node], given: object) -> Finding:
    """Return an error; a warning where the data plane was told where to connect, which may be by ways unknown here."""
    variable = "kong_cluster_control_plane"
    if not control_planes:
        message = (
            f"cluster {node.cluster!r} has no node with kong_role: control_plane. Give it one, correct kong_cluster, or "
            f"set {variable} to the host:port of a control plane outside this inventory"
        )
        return host_error("control-plane-missing", node.name, variable, None, message)
    other = control_planes[0]
    port = next((listener.port for listener in other.listening("cluster")), 8005)
    ways_out = (
        f"Give {other.name} a kong_nat mapping to port {port} (tcp), or give both a kong_vpn_address, or set "
        "kong_flat_network: true where sites route to each other without NAT"
    )
    listeners = other.listening("cluster")
    message = (
        f"no path from {node.name} (site {node.site}) to the cluster listener of {other.name} (site {other.site}). "
        f"{(listeners and unreachable_reason(node.host, other, listeners)) or ways_out}"
    )
    if other.published is not None and not listeners:
        message = f"{other.name} does not publish its cluster listener. Add its port to kong_published_ports there"
    if given is not None:
        message = f"the control planes of this inventory do not let it in: {message}"
        return host_warning("no-path", node.name, variable, given, message)
    return host_error("no-path", node.name, variable, None, message)

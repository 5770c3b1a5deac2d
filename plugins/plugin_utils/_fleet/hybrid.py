# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hybrid mode (Kong 2.0 and later): the address of a control plane for each data plane, by its site."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from hashlib import sha256

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, Family, find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST, Fault, Finding, name_site
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Route,
    list_dialled_addresses,
    list_route_sources,
    list_routes,
    make_service,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.remedies import (
    Remedy,
    Wanted,
    format_ports,
    list_remedies,
    make_fault,
    write_egress,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import (
    Unverified,
    choose_socket,
    explain_unreachable,
    is_unverified,
    make_reason_fault,
    make_unverified_warnings,
    note_unverified,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    make_host_error,
    make_host_warning,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import classify_address
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener, is_loopback
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.versions import parse_version

# A setting of data planes, and the listener of the control plane to which it refers.
CONNECTIONS = {"cluster_control_plane": "cluster", "cluster_telemetry_endpoint": "cluster_telemetry"}
# The release lines that changed the messages between data planes and control planes. 2.1 compresses the configuration (#5655). Data planes
# of 2.3 and later send their version and plugins, and a control plane sends nothing without them (#6612).
_MESSAGES_CHANGED = ((2, 1), (2, 3))
# A data plane cannot dial an IPv6 address: `connect` in lib/resty/websocket/client.lua matches `^(wss?)://([^:/]+)`.
_DIALLED: tuple[Family, ...] = (4,)


def connect(drafts: Mapping[str, Draft], findings: list[Finding]) -> dict[str, Node]:
    """Return all data planes with the settings for their control planes, without other nodes.

    A control plane that accepts the version of the data plane precedes other control planes, then a control plane of its site,
    then by ``_compute_weight``. The first with a path over IPv4 is chosen. A data plane without a control plane is an error.
    """
    control_planes: dict[str, list[Node]] = {}
    for draft in drafts.values():
        if draft.node.role == "control_plane":
            control_planes.setdefault(draft.node.cluster, []).append(draft.node)
    data_planes = [draft for draft in drafts.values() if draft.node.role == "data_plane" and draft.generation.hybrid]
    unverified: Unverified = {}
    connected = {
        draft.node.name: _connect(draft, control_planes.get(draft.node.cluster, []), findings, unverified)
        for draft in data_planes
    }
    findings.extend(make_unverified_warnings(unverified))
    return connected


def _connect(draft: Draft, control_planes: list[Node], findings: list[Finding], unverified: Unverified) -> Node:
    node, settings = draft.node, dict(draft.node.settings)
    nearest = sorted(control_planes, key=lambda other: (*_compute_distance(node, other), _compute_weight(node, other)))
    for setting, listener in CONNECTIONS.items():
        given = draft.given.get(f"kong_{setting}")
        opens = listener == "cluster" or draft.generation.enterprise
        families = _DIALLED if given is None else FAMILIES
        found = _find_first_route(node.host, nearest, listener, families) if opens else None
        targets: list[Node] = []
        if given is not None:
            settings[setting] = str(given)
            targets = [other for other in nearest if _has_endpoint(node.host, other, listener, str(given))]
        elif found:
            target, route = found
            settings[setting] = str(route.dialled)
            note_unverified(unverified, [([node.host], route)], target)
            targets = [target]
        rejecting = next((target for target in targets if not _accepts(target, node)), None)
        if rejecting and listener == "cluster":
            findings.append(_make_version_skew(node, rejecting))
        if proxied := next(
            (target for target in targets if _is_proxied(node.host, target, listener, settings[setting])), None
        ):
            findings.append(_make_proxied(node, proxied, setting, settings[setting]))
        if found is None and listener == "cluster" and (given is None or nearest):
            findings.append(_make_no_control_plane(node, control_planes, given))
        elif found is None and opens and given is None and settings.get("cluster_control_plane"):
            findings.extend(_find_no_telemetry(node, nearest))
    return replace(node, settings=settings)


def _compute_distance(data_plane: Node, control_plane: Node) -> tuple[bool, bool]:
    return not _accepts(control_plane, data_plane), control_plane.site != data_plane.site


def _compute_weight(data_plane: Node, control_plane: Node) -> bytes:
    """Return the place of a control plane in the order of a data plane, by rendezvous hashing of both names.

    It spreads the data planes evenly on average. A new node, or a node that is removed, changes the choice of no other data plane, except
    if its own control plane is new or removed.
    """
    return sha256(f"{data_plane.name}\0{control_plane.name}".encode()).digest()


def _accepts(control_plane: Node, data_plane: Node) -> bool:
    return _accepts_version(control_plane.version, data_plane.version)


@lru_cache(maxsize=1024)
def _accepts_version(control_plane: str, data_plane: str) -> bool:
    """Tell whether a control plane of a version accepts a data plane of a version.

    Both need the same messages. From 2.3 on a control plane accepts only its own major version, and no newer minor version
    (should_send_config_update in kong/clustering.lua, check_kong_version_compatibility in kong/clustering/utils.lua, from 3.2 on in
    kong/clustering/compat). The older minor versions that only 2.3 and 2.4 reject (#6612 and #6932) have other messages anyway. Data
    planes of 3.1 know only the protocol that 3.2 no longer has (CHANGELOG, #9740 and #9921).
    """
    own, other = parse_version(control_plane), parse_version(data_plane)
    if own.enterprise and own.line == (3, 0) and other.line == (2, 8):
        return True
    if other.line == (3, 1) and (other.patch == 0 or not other.enterprise) and own.line > (3, 1):
        return False
    compares_versions = own.line >= _MESSAGES_CHANGED[-1]
    is_older = own.major == other.major and other.minor <= own.minor
    has_same_messages = bisect(_MESSAGES_CHANGED, own.line) == bisect(_MESSAGES_CHANGED, other.line)
    return has_same_messages and (is_older or not compares_versions)


def _make_version_skew(node: Node, control_plane: Node) -> Finding:
    message = (
        f"a control plane of Kong {control_plane.version} does not configure data planes of this version; upgrade the older of "
        "the two nodes, or give the data plane another control plane"
    )
    finding = make_host_warning("version-skew", node.name, "kong_version", node.version, message)
    return finding.with_detail(f"connects to {control_plane.name}")


def _is_proxied(caller: Host, target: Node, listener: str, endpoint: str) -> bool:
    """Tell whether the endpoint is a target's own address and port, and the listener there expects the PROXY protocol.

    A data plane starts with TLS (`connect` in lib/resty/websocket/client.lua), which nginx then rejects. A balancer may send the PROXY protocol,
    and `kong_nat` may describe a balancer. nginx prefers an entry with the dialled address to an entry for every address.
    """
    dialled = (
        entry
        for entry in sorted(target.select_listeners(listener), key=lambda entry: entry.bound is None)
        for route in _list_entry_routes(caller, target, entry, FAMILIES)
        if route.mapping is None and str(route.dialled) == endpoint
    )
    entry = next(dialled, None)
    return entry is not None and _needs_proxy_protocol(target, entry)


def _needs_proxy_protocol(node: Node, entry: Listener) -> bool:
    """Tell whether an entry of a node has the flag. In a container Kong's own listener has it, not the published port."""
    if node.published is None:
        return "proxy_protocol" in entry.flags
    ports = {
        listener.port
        for listener in node.listeners
        if listener.name == entry.name and "proxy_protocol" in listener.flags
    }
    return entry.own_port in ports


def _make_proxied(node: Node, control_plane: Node, setting: str, endpoint: str) -> Finding:
    message = (
        f"the control plane expects the PROXY protocol there, which a data plane does not send; remove proxy_protocol from its "
        f"kong_{CONNECTIONS[setting]}_listen, or set the address of a balancer that sends it"
    )
    finding = make_host_warning("cluster-proxy-protocol", node.name, f"kong_{setting}", endpoint, message)
    return finding.with_detail(f"connects to {control_plane.name}")


def _find_first_route(
    caller: Host, control_planes: list[Node], listener: str, families: Collection[Family]
) -> tuple[Node, Route] | None:
    found = ((other, route) for other in control_planes for route in _list_routes(caller, other, listener, families))
    return next(found, None)


def _has_endpoint(caller: Host, target: Node, listener: str, endpoint: str) -> bool:
    """Tell whether a caller reaches a listener of the target at HOST:PORT, which may have a virtual address."""
    return any(
        str(route.dialled._replace(address=address)) == endpoint
        for route in _list_routes(caller, target, listener, FAMILIES)
        for address in list_dialled_addresses(route)
    )


def _list_routes(caller: Host, target: Node, name: str, families: Collection[Family]) -> Iterator[Route]:
    """Yield the routes to a listener of a control plane. Entries that expect the PROXY protocol are last."""
    entries = sorted(target.select_listeners(name), key=lambda entry: _needs_proxy_protocol(target, entry))
    for family in families:
        for entry in entries:
            yield from _list_entry_routes(caller, target, entry, (family,))


def _list_entry_routes(caller: Host, target: Node, entry: Listener, families: Collection[Family]) -> Iterator[Route]:
    for family in families:
        if family in entry.families and not entry.is_loopback:
            yield from list_routes(caller, target.host, make_service(entry, "tcp"), family)


def _make_no_control_plane(node: Node, control_planes: list[Node], given: object) -> Finding:
    """Return an error, or a warning if the address is given, because it may use a route that the inventory does not have."""
    variable = "kong_cluster_control_plane"
    if not control_planes:
        message = (
            f"cluster {node.cluster!r} has no node with kong_role: control_plane. Give it one, correct kong_cluster, or "
            f"set {variable} to the host:port of a control plane outside this inventory"
        )
        return make_host_error("control-plane-missing", node.name, variable, None, message)
    other = min(control_planes, key=lambda other: _compute_distance(node, other))
    detail = f"is in {name_site(node.site)}"
    if given is not None:
        start = "according to the inventory, "
        fault = _explain_no_path(node, other, "cluster", _list_dialled_families(str(given)), start)
        return make_host_warning("no-path", node.name, variable, given, fault).with_detail(detail)
    fault = _explain_no_path(node, other, "cluster", _DIALLED)
    return make_host_error("no-path", node.name, variable, None, fault).with_detail(detail)


def _find_no_telemetry(node: Node, nearest: Sequence[Node]) -> Iterator[Finding]:
    """Yield a warning if a control plane opens a listener for telemetry to which a data plane has no path."""
    name = "cluster_telemetry"
    opening = [other for other in nearest if any(entry.name == name for entry in other.listeners)]
    if opening:
        fault = _explain_no_path(node, opening[0], name, _DIALLED)
        warning = make_host_warning("no-path", node.name, "kong_cluster_telemetry_endpoint", None, fault)
        yield warning.with_detail(f"is in {name_site(node.site)}")


def _list_dialled_families(given: str) -> Collection[Family]:
    """Return the families in which a given address may lead to a control plane. A name may have an address of each.

    A program on a loopback address dials the control plane itself.
    """
    host = given.rpartition(":")[0]
    return FAMILIES if classify_address(host) != "ipv4" or is_loopback(host) else _DIALLED


def _explain_no_path(
    node: Node, control_plane: Node, listener: str, families: Collection[Family], start: str = ""
) -> Fault:
    """Return the fault with its remedies over one of the families. ``start`` precedes its text."""
    name, listeners = control_plane.name, control_plane.select_listeners(listener)
    if not listeners:
        return Fault(
            f"{start}{name} does not publish its {listener} listener. Add the port to its kong_published_ports"
        )
    text = f"{start}no path from {THIS_HOST} to the {listener} listener of {name} ({name_site(control_plane.site)})."
    short = f"no path from {THIS_HOST} to {format_ports([choose_socket(listeners, families).port])} of {name}."
    list_changes = partial(_list_changes, listener, families)
    if reason := explain_unreachable([node.host], control_plane, listeners, node.name, families=families):
        return make_reason_fault(text, short, reason, control_plane, [node.host], list_changes)
    return make_fault(text, [short], list_changes(control_plane, [node.host]) or ())


def _list_changes(
    listener: str, families: Collection[Family], control_plane: Node, callers: Sequence[Host]
) -> list[Remedy] | None:
    """Return the remedies with which a data plane, the only caller, reaches a control plane; None if it reaches it already.

    If it reaches it, but its source is unverified, the remedy is its egress.
    """
    socket = choose_socket(control_plane.select_listeners(listener), families)
    wanted = Wanted([socket.port], callers[0].name, ("tcp",))

    def works(target: Host, others: Sequence[Host]) -> bool:
        return _find_first_route(others[0], [replace(control_plane, host=target)], listener, families) is not None

    [caller] = callers
    route = next(_list_routes(caller, control_plane, listener, families), None)
    if route is None:
        return [*list_remedies(control_plane.host, callers, wanted, works)]
    sources = list_route_sources(route, caller, control_plane.host)
    if not is_unverified(route.via, route.dialled.address, sources):
        return None
    return [write_egress(control_plane.host, caller, wanted, find_family(route.dialled.address))]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gossip clusters (Kong 0.6 to 0.10): the address:port that each node advertises to all its peers.

It is always set, because Serf would advertise the first private address of the host, or loopback.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import Family, explain_unusable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import THIS_HOST, Finding, name_site
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import Group, list_named_sites
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route, Service, dial, find_route
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.remedies import (
    Remedy,
    Wanted,
    has_shared_address,
    list_remedies,
    make_fault,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unfit import is_placed
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import (
    Reason,
    choose_socket,
    explain_unreachable,
    make_reason_fault,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import PROTOCOLS, Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import VARIABLE as PUBLISHED_PORTS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import get_bind_variable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import parse_advertise
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

_ADVERTISE = "kong_cluster_advertise"
_SHOWN_FAILURES = 3
# Serf reads IPv4 addresses only.
_DIALLED: tuple[Family, ...] = (4,)


def advertise(drafts: Mapping[str, Draft], findings: list[Finding]) -> dict[str, Node]:
    """Return the nodes of all gossip clusters with the endpoints that they advertise, without other nodes.

    A node without an endpoint that all peers can reach is an error.
    """
    clusters: dict[str, list[Draft]] = {}
    for draft in drafts.values():
        if draft.generation.gossip and any(listener.name == "cluster" for listener in draft.node.listeners):
            clusters.setdefault(draft.node.cluster, []).append(draft)
    nodes: dict[str, Node] = {}
    for cluster in clusters.values():
        members = [draft for draft in cluster if draft.node.select_listeners("cluster")]
        for draft in cluster:
            if not draft.node.select_listeners("cluster"):
                _check_not_published(draft, findings, is_alone=len(cluster) == 1)
        hosts = [draft.node.host for draft in members]
        callers = Group(hosts, list_named_sites(hosts))
        wanted = Wanted((), "", everyone="the cluster", mutual=True, overlaps=has_shared_address(hosts))
        advertised = [_choose_endpoint(draft, callers, wanted, findings) for draft in members]
        findings.extend(_find_duplicates(advertised))
        findings.extend(_find_unexpected_senders(advertised))
        nodes.update({node.name: node for node in advertised})
    return nodes


def _choose_endpoint(draft: Draft, callers: Group, wanted: Wanted, findings: list[Finding]) -> Node:
    node, peers = draft.node, callers.choose_representatives(draft.node.host)
    listener = _choose_listener(node)
    service = Service("tcp", listener.port, listener.bound if is_placed(draft) else None)
    given = draft.given.get(_ADVERTISE)
    reason = explain_unreachable(peers[:1], node, [listener], node.name, families=_DIALLED) if peers else None
    if reason:
        examples = callers.for_changes.choose_representatives(node.host)
        findings.append(_make_no_path(node, reason, examples, wanted))
        return node
    if given is not None:
        endpoint = _read_given_endpoint(draft, given, findings)
        candidates = [endpoint] if endpoint else []
    else:
        candidates = list(_list_candidates(node.host, service, peers))
    common = _find_common(node.host, service, peers, candidates)
    if common:
        return _complete(draft, common, _find_route(peers[0], node.host, service, common) if peers else None)
    if candidates:
        examples = callers.for_changes.choose_representatives(node.host)
        findings.append(_make_no_common_endpoint(draft, service, candidates, examples, wanted))
    return node


def _choose_listener(node: Node) -> Listener:
    """Return the socket that peers dial. A container may have further sockets, such as a socket that is published for IPv6."""
    return choose_socket(node.select_listeners("cluster"), _DIALLED)


def _check_not_published(draft: Draft, findings: list[Finding], *, is_alone: bool) -> None:
    """Check a node whose container does not publish the cluster listener. Only a node without peers needs no published port."""
    if not is_alone:
        findings.append(_make_not_published(draft.node))
    if _ADVERTISE in draft.given:
        _read_given_endpoint(draft, draft.given[_ADVERTISE], findings)


def _make_not_published(node: Node) -> Finding:
    message = (
        "the port of the cluster listener is missing, so no peer could reach the node; publish port "
        f"{node.settings.get('cluster_listen', ':7946').rpartition(':')[2]} over tcp and udp"
    )
    return make_host_error("no-path", node.name, PUBLISHED_PORTS, None, message)


def _make_no_path(node: Node, reason: Reason, peers: Sequence[Host], wanted: Wanted) -> Finding:
    service, peer = Service("tcp", _choose_listener(node).port), peers[0]

    def list_changes(target: Node, others: Sequence[Host]) -> list[Remedy] | None:
        if _has_endpoint(service, None, target.host, others):
            return None
        return [*_list_remedies(target, service, others, wanted, None)]

    text = f"no path from {peer.name} ({name_site(peer.site)}) to this cluster listener."
    short = f"no path from {peer.name} to this cluster listener."
    fault = make_reason_fault(text, short, reason, node, peers, list_changes)
    detail = f"is in {name_site(node.site)}"
    if node.published is not None:
        return make_host_error("no-path", node.name, PUBLISHED_PORTS, None, fault).with_detail(detail)
    value = node.settings["cluster_listen"]
    return make_host_error("no-path", node.name, "kong_cluster_listen", value, fault).with_detail(detail)


def _list_candidates(host: Host, service: Service, peers: Sequence[Host]) -> Iterator[Endpoint]:
    """Yield the endpoints that a node could advertise: local, VPN, then the outside endpoints of its NAT mappings.

    The VPN is first if a peer of another site is on it. Then sites use the VPN, and neither NAT nor a flat network.
    """
    found = (find_route(peer, host, service, 4) for peer in peers)
    vpn_first = any(route.via == "vpn" for route in found if route)
    local_and_vpn = (service.bound or host.address.ipv4, host.vpn.ipv4)
    for address in reversed(local_and_vpn) if vpn_first else local_and_vpn:
        if address:
            yield Endpoint(address, service.port)
    for mapping in host.nat:
        if mapping.family == 4 and (outside_port := mapping.find_outside_port("tcp", service.port)):
            yield Endpoint(mapping.outside, outside_port)


def _find_common(
    host: Host, service: Service, peers: Sequence[Host], candidates: Iterable[Endpoint]
) -> Endpoint | None:
    """Return the first endpoint that all peers reach, or None."""
    reached = (endpoint for endpoint in candidates if all(_find_route(peer, host, service, endpoint) for peer in peers))
    return next(reached, None)


def _find_route(peer: Host, target: Host, service: Service, endpoint: Endpoint) -> Route | None:
    """Return the route on which a peer reaches the endpoint over both tcp and udp, or None."""
    both = [dial(peer, target, Service(protocol, service.port, service.bound), endpoint) for protocol in PROTOCOLS]
    return both[0] if all(both) else None


def _read_given_endpoint(draft: Draft, value: object, findings: list[Finding]) -> Endpoint | None:
    """Read kong_cluster_advertise in the grammar of the node's version. It must be an address that peers can dial."""
    try:
        entry = parse_advertise(value, draft.generation)
    except ListenError as exc:
        findings.append(_make_bad_endpoint(draft.node, value, exc.code, exc.reason))
        return None
    if reason := explain_unusable(entry.address):
        findings.append(_make_bad_endpoint(draft.node, value, "advertise-invalid", f"no peer can dial {reason}"))
        return None
    return Endpoint(entry.address, entry.port)


def _make_bad_endpoint(node: Node, value: object, code: str, reason: str) -> Finding:
    message = f"{reason}. Give IPv4:PORT, such as 192.168.10.5:9000, or remove it; then it is computed"
    return make_host_error(code, node.name, _ADVERTISE, value, message)


def _complete(draft: Draft, endpoint: Endpoint, route: Route | None) -> Node:
    """Return the node with its endpoint. Without a given bind address, it binds the address at which packets arrive."""
    node = draft.node
    lands = route.lands if route else node.host.address.ipv4
    listeners, settings = node.listeners, dict(node.settings)
    if not is_placed(draft) and lands:
        listeners = tuple(
            replace(listener, address=lands) if listener.name == "cluster" else listener for listener in listeners
        )
        settings["cluster_listen"] = f"{lands}:{_choose_listener(node).port}"
    settings[str(draft.generation.advertise)] = str(endpoint)
    return replace(node, advertised=endpoint, listeners=listeners, settings=settings)


def _make_no_common_endpoint(
    draft: Draft, service: Service, candidates: list[Endpoint], peers: list[Host], wanted: Wanted
) -> Finding:
    """Return an error that names for each candidate a peer that cannot reach it."""
    node = draft.node
    failing = {
        candidate: next(peer for peer in peers if not _find_route(peer, node.host, service, candidate))
        for candidate in candidates
    }
    given = draft.given.get(_ADVERTISE)
    reasons = [f"{peer.name} ({name_site(peer.site)}) cannot reach {candidate}" for candidate, peer in failing.items()]
    unreachable = next((peer for peer in peers if not _reaches_any(peer, node.host, service, candidates)), None)
    details = [f"is in {name_site(node.site)}"]
    port = f"port {service.port} of {THIS_HOST}"
    if given is not None:
        code = "advertise-unreachable"
        reason = f"according to the inventory {reasons[0]} over tcp and udp, to {port}"
        short = f"{failing[candidates[0]].name} cannot reach it, to {port}"
    elif unreachable:
        code = "no-path"
        reason = f"no path from {unreachable.name} ({name_site(unreachable.site)}) to this cluster listener"
        short = f"no path from {unreachable.name} to {port}"
    else:
        code = "advertise-not-single"
        reason = f"no single address of {THIS_HOST} is reachable from all its peers"
        short = f"its peers reach no single address for {port}"
        details += reasons[:_SHOWN_FAILURES]
    computed = (
        _find_common(node.host, service, peers, _list_candidates(node.host, service, peers))
        if given is not None
        else None
    )
    if computed:
        details.append(f"would advertise {computed} without it")
    remedies = [*_list_remedies(node, service, peers, wanted, candidates[0] if given is not None else None)]
    if computed:
        remedies.append(Remedy(f"remove {_ADVERTISE} to advertise an address that works", "remove the variable"))
    finding = make_host_error(code, node.name, _ADVERTISE, given, make_fault(f"{reason}.", [f"{short}."], remedies))
    return finding.with_detail("; ".join(details))


def _list_remedies(
    node: Node, service: Service, peers: Sequence[Host], wanted: Wanted, given: Endpoint | None
) -> Iterator[Remedy]:
    """Yield the remedies after which all peers reach one endpoint: the given endpoint, or any if none is given."""
    if service.bound and _has_endpoint(service._replace(bound=None), given, node.host, peers):
        # Only the bind address prevents the path. After another remedy, peers would not expect it as the source of gossip.
        text = f"bind 0.0.0.0 in {get_bind_variable(_choose_listener(node))} on the cluster"
        yield Remedy(text, text)
    else:
        wanted = wanted._replace(own=node.name, ports=(service.port,), outside=given)
        yield from list_remedies(node.host, peers, wanted, partial(_has_endpoint, service, given))


def _has_endpoint(service: Service, given: Endpoint | None, target: Host, callers: Sequence[Host]) -> bool:
    """Tell whether all callers reach one endpoint of the target: the given endpoint, or any if none is given."""
    candidates = [given] if given else _list_candidates(target, service, callers)
    return _find_common(target, service, callers, candidates) is not None


def _reaches_any(peer: Host, target: Host, service: Service, candidates: list[Endpoint]) -> bool:
    return any(_find_route(peer, target, service, candidate) for candidate in candidates)


def _find_duplicates(nodes: list[Node]) -> Iterator[Finding]:
    """Yield an error for each node that advertises the same endpoint as another node of its cluster."""
    first: dict[Endpoint, Node] = {}
    for node in nodes:
        if node.advertised is None:
            continue
        other = first.setdefault(node.advertised, node)
        if other is not node:
            message = (
                f"{other.name} of the same cluster advertises the same endpoint, so peers cannot distinguish them. Give "
                "each node its own outside port"
            )
            value = str(node.advertised)
            yield make_host_error("advertise-duplicate", node.name, _ADVERTISE, value, message)


def _find_unexpected_senders(nodes: list[Node]) -> Iterator[Finding]:
    """Yield an error for each node whose gossip would have a source address that its peers do not expect.

    Serf sends udp from the socket on which it listens, so from the address that it binds, on any route (its library,
    memberlist of December 2015).
    """
    on_vpn = {node.name: node.advertised.address == node.host.vpn.ipv4 for node in nodes if node.advertised}
    counts: Counter[bool | None] = Counter(on_vpn.values())
    for node in nodes:
        bound = _choose_listener(node).bound
        counts_of_peers = counts - Counter([on_vpn.get(node.name)])
        expected = sorted(
            {str(node.host.vpn.ipv4 if vpn else node.host.address.ipv4) for vpn in counts_of_peers},
            key=make_natural_key,
        )
        if node.advertised and bound and set(expected) - {bound}:
            fixes = "Remove kong_cluster_listen, or bind 0.0.0.0"
            if bound not in node.host.virtual:
                fixes = "Remove kong_cluster_listen, bind 0.0.0.0, or set kong_address to the address that it binds"
            message = (
                f"{THIS_HOST} sends its gossip from the address that it binds, but its peers expect another address and would drop it. "
                f"{fixes}"
            )
            yield make_host_error(
                "gossip-bind", node.name, "kong_cluster_listen", node.settings["cluster_listen"], message
            ).with_detail(f"is expected at {' and '.join(expected)}")

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gossip clusters (Kong 0.6 to 0.10): the one address:port that each node gives to all its peers.

Serf, left alone, advertises the first private address it finds, or loopback; which is why this is never left to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import unusable_reason
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.callers import Classes, classify, representatives
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route, Service, dial, find_route
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import unreachable_reason
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import PROTOCOLS, Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import VARIABLE as PUBLISHED_PORTS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import host_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import parse_advertise
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError

_THREE_WAYS_OUT = (
    "Give {target} a kong_nat mapping to port {port} (tcp and udp), or give both a kong_vpn_address, or set "
    "kong_flat_network: true where sites route to each other without NAT"
)


def advertise(drafts: Mapping[str, Draft], findings: list[Finding]) -> dict[str, Node]:
    """Return the nodes of all gossip clusters, each with the endpoint it advertises; other nodes are not in the result.

    A node that its peers cannot all reach at one address is an error finding.
    """
    clusters: dict[str, list[Draft]] = {}
    for draft in drafts.values():
        if draft.generation.gossip and any(listener.name == "cluster" for listener in draft.node.listeners):
            clusters.setdefault(draft.node.cluster, []).append(draft)
    nodes: dict[str, Node] = {}
    for cluster in clusters.values():
        members = [draft for draft in cluster if draft.node.listening("cluster")]
        if len(cluster) > 1:
            findings.extend(_unpublished(draft.node) for draft in cluster if draft not in members)
        classes = classify(draft.node.host for draft in members)
        advertised = [_advertised(draft, classes, findings) for draft in members]
        findings.extend(_duplicates(advertised))
        findings.extend(_unexpected_senders(advertised))
        nodes.update({node.name: node for node in advertised})
    return nodes


def _advertised(draft: Draft, classes: Classes, findings: list[Finding]) -> Node:
    node, peers = draft.node, representatives(classes, draft.node.host)
    listener = node.listening("cluster")[0]
    service = Service("tcp", listener.port, listener.bound if _is_placed(draft) else None)
    given = draft.given.get("kong_cluster_advertise")
    if peers and (reason := unreachable_reason(peers[0], node, [listener])):
        findings.append(_hindered(peers[0], node, reason))
        return node
    if given is not None:
        endpoint = _given_endpoint(draft, given, findings)
        candidates = [endpoint] if endpoint else []
    else:
        candidates = list(_candidates(node.host, service, peers))
    for candidate in candidates:
        if all(_route(peer, node.host, service, candidate) for peer in peers):
            route = _route(peers[0], node.host, service, candidate) if peers else None
            return _complete(draft, candidate, route)
    if candidates:
        findings.append(_no_common_endpoint(draft, service, candidates, peers))
    return node


def _is_placed(draft: Draft) -> bool:
    """Tell whether the address at which peers come to the node is settled: by its inventory, or as a port is published."""
    return "kong_cluster_listen" in draft.given or draft.node.published is not None


def _unpublished(node: Node) -> Finding:
    message = (
        "it lacks the port of the cluster listener, so no peer could reach the node; publish it over tcp and udp, such "
        f"as {node.settings.get('cluster_listen', ':7946').rpartition(':')[2]} for both"
    )
    return host_error("no-path", node.name, PUBLISHED_PORTS, None, message)


def _hindered(peer: Host, node: Node, reason: str) -> Finding:
    message = f"no path from {peer.name} (site {peer.site}) to the cluster listener of {node.name} (site {node.site}). {reason}"
    if node.published is not None:
        return host_error("no-path", node.name, PUBLISHED_PORTS, None, message)
    return host_error("no-path", node.name, "kong_cluster_listen", node.settings["cluster_listen"], message)


def _candidates(host: Host, service: Service, peers: list[Host]) -> Iterator[Endpoint]:
    """Yield the endpoints a node could advertise: local, VPN, then what its NAT mappings forward to the port.

    VPN comes first where a peer of another site is on it: then sites use it, and neither NAT nor a flat network.
    """
    found = (find_route(peer, host, service, 4) for peer in peers)
    vpn_first = any(route.via == "vpn" for route in found if route)
    local_and_vpn = (service.bound or host.address.ipv4, host.vpn.ipv4)
    for address in reversed(local_and_vpn) if vpn_first else local_and_vpn:
        if address:
            yield Endpoint(address, service.port)
    for mapping in host.nat:
        if mapping.family == 4 and (outside_port := mapping.outside_port_of("tcp", service.port)):
            yield Endpoint(mapping.outside, outside_port)


def _route(peer: Host, target: Host, service: Service, endpoint: Endpoint) -> Route | None:
    """Return the route by which a peer reaches the endpoint over tcp and udp alike, or None."""
    both = [dial(peer, target, Service(protocol, service.port, service.bound), endpoint) for protocol in PROTOCOLS]
    return both[0] if all(both) else None


def _given_endpoint(draft: Draft, value: object, findings: list[Finding]) -> Endpoint | None:
    """Read kong_cluster_advertise as the node's version would; it must be an address that peers can dial."""
    try:
        entry = parse_advertise(value, draft.generation)
    except ListenError as exc:
        findings.append(_bad_endpoint(draft.node, value, exc.code, exc.reason))
        return None
    if reason := unusable_reason(entry.address):
        findings.append(_bad_endpoint(draft.node, value, "advertise-invalid", f"no peer can dial {reason}"))
        return None
    return Endpoint(entry.address, entry.port)


def _bad_endpoint(node: Node, value: object, code: str, reason: str) -> Finding:
    message = f"{reason}. Give IPv4:PORT, such as 192.168.10.5:9000, or leave it out and let it be computed"
    return host_error(code, node.name, "kong_cluster_advertise", value, message)


def _complete(draft: Draft, endpoint: Endpoint, route: Route | None) -> Node:
    """Return the node with its endpoint; a bind address that nobody gave follows to where the packets arrive."""
    node = draft.node
    lands = route.lands if route else node.host.address.ipv4
    listeners, settings = node.listeners, dict(node.settings)
    if not _is_placed(draft) and lands:
        listeners = tuple(replace(one, address=lands) if one.name == "cluster" else one for one in listeners)
        settings["cluster_listen"] = f"{lands}:{node.listening('cluster')[0].port}"
    settings[str(draft.generation.advertise)] = str(endpoint)
    return replace(node, advertised=endpoint, listeners=listeners, settings=settings)


def _no_common_endpoint(draft: Draft, service: Service, candidates: list[Endpoint], peers: list[Host]) -> Finding:
    """Say which peer keeps each candidate from being the one address for all."""
    node = draft.node
    failing = {
        candidate: next(peer for peer in peers if not _route(peer, node.host, service, candidate))
        for candidate in candidates
    }
    given = draft.given.get("kong_cluster_advertise")
    hindrances = "; ".join(
        f"{peer.name} (site {peer.site}) cannot reach {candidate}" for candidate, peer in failing.items()
    )
    stranded = next((peer for peer in peers if not _reaches_any(peer, node.host, service, candidates)), None)
    where = f"{node.name} (site {node.site})"
    if given is not None:
        code, what = "advertise-unreachable", f"as far as the inventory says {hindrances}, with tcp and udp to port"
        what = f"{what} {service.port} of {where}"
    elif stranded:
        code, what = (
            "no-path",
            f"no path from {stranded.name} (site {stranded.site}) to the cluster listener of {where}",
        )
    else:
        code, what = "advertise-not-single", f"no single address of {where} serves all its peers: {hindrances}"
    message = f"{what}. {_THREE_WAYS_OUT.format(target=node.name, port=service.port)}"
    return host_error(code, node.name, "kong_cluster_advertise", given, message)


def _reaches_any(peer: Host, target: Host, service: Service, candidates: list[Endpoint]) -> bool:
    return any(_route(peer, target, service, candidate) for candidate in candidates)


def _duplicates(nodes: list[Node]) -> Iterator[Finding]:
    """Yield an error for each node that advertises what another of its cluster advertises."""
    first: dict[Endpoint, Node] = {}
    for node in nodes:
        if node.advertised is None:
            continue
        other = first.setdefault(node.advertised, node)
        if other is not node:
            message = (
                f"{other.name} of the same cluster advertises this too, and peers could not tell them apart. Give each "
                "node an outside port of its own"
            )
            value = str(node.advertised)
            yield host_error("advertise-duplicate", node.name, "kong_cluster_advertise", value, message)


def _unexpected_senders(nodes: list[Node]) -> Iterator[Finding]:
    """Yield an error for each node whose gossip would leave from an address that its peers do not expect.

    Serf sends udp from the socket it listens on, so from the address it binds, whatever way it takes
    (its library, memberlist of December 2015).
    """
    on_vpn = {node.name: node.advertised.address == node.host.vpn.ipv4 for node in nodes if node.advertised}
    ways: Counter[bool | None] = Counter(on_vpn.values())
    for node in nodes:
        bound = node.listening("cluster")[0].bound
        ways_of_peers = ways - Counter([on_vpn.get(node.name)])
        expected = sorted({str(node.host.vpn.ipv4 if vpn else node.host.address.ipv4) for vpn in ways_of_peers})
        if node.advertised and bound and set(expected) - {bound}:
            message = (
                f"{node.name} sends its gossip from the address that it binds, and its peers expect it from "
                f"{' and '.join(expected)}, so they would refuse it. Leave kong_cluster_listen out, bind 0.0.0.0, or set "
                "kong_address to the address that it binds"
            )
            yield host_error("gossip-bind", node.name, "kong_cluster_listen", node.settings["cluster_listen"], message)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Given addresses of control planes at which none listens, by the inventory, and addresses that a data plane cannot dial."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import contains, find_family, is_private
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import (
    ERROR,
    THIS_HOST,
    WARNING,
    Finding,
    make_host_finding,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.hybrid import CONNECTIONS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import is_flat
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, NatMapping, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import classify_address
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import LOCALHOST, Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first

_CODE = "control-plane-invalid"
_LOOPBACK = ("127.0.0.0/8", "::1/128")
_GIVE = "Give the address of a control plane, or remove it; then it is computed"


def check_pinned(drafts: Collection[Draft]) -> Iterator[Finding]:
    """Yield a finding for each given address that is IPv6, or at which no control plane of the data plane's cluster listens.

    It is an error if Kong cannot connect, and a warning if a program or device outside the inventory may forward to a control
    plane. Names and addresses that the inventory does not have are not checked.
    """
    nodes = [draft.node for draft in drafts]
    for draft in drafts:
        for setting, listener in CONNECTIONS.items():
            variable = f"kong_{setting}"
            given = draft.given.get(variable)
            if given is None or draft.node.role != "data_plane":
                continue
            host, _colon, port = str(given).rpartition(":")
            if fault := _find_fault(draft, nodes, listener, host.strip("[]"), int(port)) or _find_undialled(host):
                severity, message = fault
                yield make_host_finding(severity, _CODE, draft.node.name, variable, given, message)


def _find_fault(draft: Draft, nodes: Sequence[Node], listener: str, address: str, port: int) -> tuple[str, str] | None:
    """Return the severity and the message of the fault of a given address, None without a fault."""
    node = draft.node
    if address == LOCALHOST or _is_loopback(address):
        message = (
            "this is a loopback address, and a data plane is no control plane. It works only if a program on "
            f"{THIS_HOST} forwards to a control plane. {_GIVE}"
        )
        return WARNING, message
    if classify_address(address) == "name":
        return None
    if address in draft.own_addresses and address not in node.host.virtual:
        return ERROR, f"this is an address of {THIS_HOST}, and a data plane is no control plane. {_GIVE}"
    holders = [other for other in nodes if other is not node and _has_address(node.host, other.host, address)]
    if control_planes := [other for other in holders if _is_control_plane(other, node)]:
        return _find_wrong_port(control_planes, listener, address, port)
    if holders:
        return (
            ERROR,
            f"{holders[0].name} has this address, and it is no control plane of cluster {node.cluster!r}. {_GIVE}",
        )
    return _find_missing_mapping([other for other in nodes if _is_control_plane(other, node)], listener, address, port)


def _find_wrong_port(control_planes: Sequence[Node], listener: str, address: str, port: int) -> tuple[str, str] | None:
    listeners = [found for other in control_planes for found in other.select_listeners(listener)]
    if any(_is_at(found, address, port) for found in listeners):
        return None
    ports = list_first([str(found.port) for found in listeners], 3) or "none"
    name = control_planes[0].name
    return (
        ERROR,
        f"{name} has no {listener} listener at this address and port (port of its {listener} listener: {ports}). {_GIVE}",
    )


def _find_missing_mapping(
    control_planes: Sequence[Node], listener: str, address: str, port: int
) -> tuple[str, str] | None:
    mapped = [(other, mapping) for other in control_planes for mapping in other.host.nat if mapping.outside == address]
    if not mapped or any(_is_forwarded(other, mapping, listener, port) for other, mapping in mapped):
        return None
    message = (
        f"no kong_nat mapping of {mapped[0][0].name} leads from this port to its {listener} listener. Add the mapping, "
        "or remove this variable; then it is computed"
    )
    return WARNING, message


def _find_undialled(host: str) -> tuple[str, str] | None:
    """Return the fault of an IPv6 address: `connect` in lib/resty/websocket/client.lua matches `^(wss?)://([^:/]+)`."""
    if not host.startswith("["):
        return None
    message = (
        "a data plane cannot dial an IPv6 address, because its client ends the host at the first colon. Give an IPv4 "
        "address, or a host name with an AAAA record, and AAAA in dns_order (Kong 2.6 and later)"
    )
    return WARNING, message


def _is_loopback(address: str) -> bool:
    return classify_address(address) != "name" and any(contains(network, address) for network in _LOOPBACK)


def _is_control_plane(other: Node, node: Node) -> bool:
    return other.role == "control_plane" and other.cluster == node.cluster


def _has_address(caller: Host, other: Host, address: str) -> bool:
    """Tell whether an address that a caller dials is an address of the other host: sites may have the same private addresses."""
    if address in other.vpn.list_all():
        return bool(caller.vpn)
    is_same_network = other.site == caller.site or is_flat(caller, other) or not is_private(address)
    return is_same_network and address in (*other.address.list_all(), *other.virtual)


def _is_at(listener: Listener, address: str, port: int) -> bool:
    is_everywhere = listener.bound is None and find_family(address) in listener.families
    return listener.port == port and (is_everywhere or listener.bound == address)


def _is_forwarded(node: Node, mapping: NatMapping, listener: str, port: int) -> bool:
    """Tell whether a mapping forwards the port of its outside address to a listener of the node."""
    return any(mapping.find_outside_port("tcp", found.port) == port for found in node.select_listeners(listener))

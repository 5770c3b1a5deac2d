# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ends that hosts dial to measure NAT devices, and the connections that both ends show. Pure.

Outside ports cannot be guessed, so only ends that a node advertises or a data plane dials are tried.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.links import Match, match_ends
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import FoundHost, Link

# The results of the measurement by host.
Measured = Mapping[str, Mapping[str, Any]]


def list_ends(host: FoundHost, hosts: Sequence[FoundHost]) -> list[tuple[str, int]]:
    """Return the addresses and ports that a host dials: ports of the other nodes, and outside ends of NAT devices."""
    found: dict[tuple[str, int], None] = {}
    for other in hosts:
        for kong in other.kongs:
            if other.address:
                ports = [access.port for access in kong.access if access.protocol == "tcp" and not access.inside]
                found.update(dict.fromkeys((other.address, port) for port in ports))
            if kong.ring.own:
                found[kong.ring.own.address, kong.ring.own.port] = None
            found.update(dict.fromkeys((link.peer, link.peer_port) for link in kong.links if kong.role == "data_plane"))
    return [end for end in found if end[0] not in host.addresses]


def match_measured(hosts: Iterable[FoundHost], measured: Measured) -> list[Match]:
    """Return the measured connections between different hosts of which both ends are known without doubt."""
    known = [*hosts]
    sent = [(host, link) for host in known for link in _read_links(measured, host.name, "sent")]
    received = [(host, link) for host in known for link in _read_links(measured, host.name, "received")]
    return [match for match in match_ends(sent, received, is_measured=True) if match.caller != match.node]


def _read_links(measured: Measured, name: str, key: str) -> Iterator[Link]:
    """Yield the connections of a host. The texts of its answer were not escaped, so only addresses and ports are accepted."""
    for entry in (measured.get(name) or {}).get(key) or ():
        with suppress(ValueError, KeyError, TypeError):
            own, peer = (str(ipaddress.ip_address(entry[end])) for end in ("address", "peer"))
            yield Link(own, int(entry["port"]), peer, int(entry["peer_port"]))

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Serf agent of Kong 0.6 to 0.10: its own name, and the members of its cluster with their advertised addresses.

`serf members` and `serf info` ask the agent and change nothing. The command line of the agent can have the key of the cluster, so it
is not read. Measured with Kong 0.10.4 and Serf 0.8.2: a member of a Kong has the name HOST_LISTEN_ID, and `status` is also `alive`
for a member that this host cannot reach.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import ANY4, ANY6, Socket

_PROGRAM = "serf"
_SECONDS = 10
_LOOPBACK = {ANY4: "127.0.0.1", ANY6: "[::1]"}


@dataclass(frozen=True)
class Member:
    """A member of a Serf cluster: its name, its advertised address and port, and its status: `alive`, `failed` or `left`."""

    name: str
    address: str
    port: int
    status: str


@dataclass(frozen=True)
class Ring:
    """The name of this host's agent, and all members that it knows; empty if there is no agent or if it does not answer."""

    name: str = ""
    members: t.Tuple[Member, ...] = ()


def read_ring(host: Host, sockets: Iterable[Socket], rpc: str) -> Ring:
    """Return the members that the agent with one of these sockets knows. `rpc` is the address at which it answers programs."""
    port = rpc.rpartition(":")[2]
    places = [
        sock for sock in sockets if sock.process == _PROGRAM and sock.protocol == "tcp" and str(sock.port) == port
    ]
    if not places or host.which(_PROGRAM) is None:
        return Ring()
    options = f"-rpc-addr={_LOOPBACK.get(places[0].address, _format_address(places[0].address))}:{port}", "-format=json"
    with suppress(HostError, ValueError, KeyError, TypeError, AttributeError):
        members = json.loads(host.run(_PROGRAM, "members", *options, seconds=_SECONDS))["members"]
        name = json.loads(host.run(_PROGRAM, "info", *options, seconds=_SECONDS))["agent"]["name"]
        return Ring(str(name), tuple(_parse_members(members)))
    return Ring()


def _parse_members(members: Iterable[Mapping[str, t.Any]]) -> Iterator[Member]:
    for member in members:
        address, _colon, port = str(member["addr"]).rpartition(":")
        yield Member(str(member["name"]), address.strip("[]"), int(port), str(member["status"]))


def _format_address(address: str) -> str:
    return f"[{address}]" if ":" in address else address

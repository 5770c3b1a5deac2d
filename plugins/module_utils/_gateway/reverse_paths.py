# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strict reverse path filters (rp_filter) of the kernel, which drop packets whose source has its route through another interface."""

from __future__ import annotations

import ipaddress
import typing as t
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import Forward, Nat
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._host.routes import find_route_interfaces
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict

_STRICT = 1
_FILTER = "/proc/sys/net/ipv4/conf/{}/rp_filter"
_OWN = "lo"


def find_strict_filters(host: Host, nat: Nat, interfaces: t.Mapping[str, str]) -> Iterator[Conflict]:
    """Yield a warning for each interface whose strict filter drops packets to forwards if they arrive there.

    `interfaces` has the interface of each outside address. Only packets can tell through which interface they arrive.
    """
    forwards: dict[str, list[Forward]] = {}
    for forward in nat.forwards:
        if forward.family == "ipv4" and not forward.is_routed:
            forwards.setdefault(interfaces[forward.outside], []).append(forward)
    for interface, concerned in forwards.items():
        if host.call(_read_filter, interface) != _STRICT:
            continue
        sources = {source: None for forward in concerned for source in _list_sources(nat, forward)}
        routes = host.call(find_route_interfaces, sources)
        others = {source: found for source, found in routes.items() if found not in (interface, _OWN)}
        if others:
            (source, found), *_more = others.items()
            yield Conflict(
                certain=False,
                where=f"net.ipv4.conf.{interface}.rp_filter",
                reason=f"it is strict, and the route to {source} leaves through {found}",
                ports=tuple(
                    str(forward.service) for forward in concerned if others.keys() & _list_sources(nat, forward)
                ),
                advice=f"If packets from there arrive through {interface}, set it to 2, or correct the route",
            )


def _read_filter(interface: str) -> int:
    """Return the mode of an interface's filter: the larger value of the interface and of all interfaces."""
    values = [0]
    for name in ("all", interface):
        with suppress(OSError, ValueError):
            values.append(int(Path(_FILTER.format(name)).read_text(encoding="ascii")))
    return max(values)


def _list_sources(nat: Nat, forward: Forward) -> list[str]:
    """Return the first address of each network in the sets of a forward."""
    names = {*forward.allow.set_names}
    networks = [network for found in nat.sets if found.name in names for network in found.ipv4.format()]
    return [str(ipaddress.ip_network(network).network_address) for network in networks]

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clients of a node's listeners, each with the places where it was found. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import FoundHost
from ansible_collections.gatehouse.kong.plugins.plugin_utils._files import FileError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import parse_version
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

# By listener and address: the places where the client was found, sorted.
Clients = Mapping[str, Mapping[str, Sequence[str]]]

OBSERVED = "observed.yml"
_ADMIN, _LOGGED = "admin", "logged"
_PLACES = {
    "connected": "connected",
    _LOGGED: "in the access log of the Admin API",
    "tracked": "tracked by the kernel",
}
# Up to 0.10 Kong logs the address of the header X-Forwarded-For, which any caller can set (0.10.4:kong/templates/nginx_kong.lua).
_TRUE_LOG = (0, 11)


def find_clients(host: FoundHost, ports: Mapping[str, Collection[int]], earlier: Clients) -> Clients:
    """Return the clients of each listener with these ports: the clients of earlier runs, and of this run.

    Addresses of the host itself are left out.
    """
    kong = host.kongs[0]
    found = [(listener, address, place) for listener, of in earlier.items() for address in of for place in of[address]]
    found += [
        (name, client.source, client.found)
        for name, of in ports.items()
        for client in kong.clients
        if client.port in of
    ]
    if parse_version(kong.version).line >= _TRUE_LOG:
        found += [(_ADMIN, address, _LOGGED) for address in kong.logged]
    places: dict[str, dict[str, set[str]]] = {listener: {} for listener in ports}
    for listener, address, place in found:
        if listener in ports and address not in host.addresses:
            places[listener].setdefault(address, set()).add(place)
    return {
        listener: {address: sorted(of[address], key=make_natural_key) for address in sorted(of, key=make_natural_key)}
        for listener, of in places.items()
    }


def describe_clients(places: Mapping[str, Sequence[str]]) -> str:
    """Return the names of clients by place, for people; ``places`` has the places of each name."""
    texts = [
        f"{text}: {', '.join(name for name in places if place in places[name])}"
        for place, text in _PLACES.items()
        if any(place in of for of in places.values())
    ]
    return "; ".join(texts)


def parse_observed(text: str) -> dict[str, Clients]:
    """Return the clients that earlier runs found, by host, from the text of their file. Raises FileError."""
    try:
        found = yaml.safe_load(text) or {}
        return {str(host): _read_clients(clients) for host, clients in found.items()}
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as exc:
        raise FileError(
            f"{OBSERVED} is damaged; restore it, or delete it and lose the clients of earlier runs"
        ) from exc


def _read_clients(clients: Any) -> Clients:
    read = {
        str(listener): {str(address): [*places] for address, places in of.items()} for listener, of in clients.items()
    }
    if not {place for of in read.values() for places in of.values() for place in places} <= {*_PLACES}:
        raise ValueError
    return read

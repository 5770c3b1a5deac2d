# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports that a host publishes for a Kong in a container: what others dial there, and what of it leads to which listener.

The grammar is that of Docker and podman (docker-run(1), podman-run(1), option --publish), without what they would choose
by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonical_address,
    parse_port,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import PROTOCOLS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

VARIABLE = "kong_published_ports"

_GRAMMAR = re.compile(
    r"(?:(?:\[(?P<ipv6>[^]]+)\]|(?P<ipv4>[0-9.]+)):)?(?P<port>[0-9]{1,5}):(?P<inside>[0-9]{1,5})(?:/(?P<protocol>tcp|udp))?"
)
_FORM = "give [ADDRESS:]PORT:CONTAINER_PORT[/PROTOCOL], such as 80:8000, 192.0.2.1:8001:8001 or 7946:7946/udp"


class Publication(NamedTuple):
    """One item: a port of the host, at one address (None: every one), and the port in the container that it leads to."""

    address: str | None
    port: int
    inside: int
    protocol: str

    def __str__(self) -> str:
        address = f"[{self.address}]:" if ":" in (self.address or "") else f"{self.address}:" if self.address else ""
        return f"{address}{self.port}:{self.inside}/{self.protocol}"


def read_published(variables: HostVariables, listeners: Sequence[Listener]) -> tuple[Listener, ...] | None:
    """Read the published ports as listeners that others can dial; what is wrong is added to the findings of ``variables``.

    None where Kong listens on the host itself.
    """
    if variables.value(VARIABLE) is None:
        return None
    found = [publication for item in variables.items(VARIABLE) if (publication := _read(variables, item))]
    for first, second in combinations(found, 2):
        if _overlap(first, second):
            message = f"{first} takes this port of the host already; publish each at a port of its own"
            variables.error("published-duplicate", VARIABLE, str(second), message)
    faces = tuple(_faces(variables, found, listeners))
    for listener in faces:
        _check_protocols(variables, listener, listeners)
    return faces


def published_as(name: str, setting: str, address: str | None, port: int, container_port: int,
                 protocols: Iterable[str]) -> Listener:  # fmt: skip
    """Return a published port as a listener; an address of None is every address of the host, of both families."""
    taken = tuple(protocol for protocol in PROTOCOLS if protocol in protocols)
    bound, flags = (address, ()) if address else ("::", ("ipv6only=off",))
    return Listener(name, setting, bound, port, taken, flags, container_port)


def published_address(listener: Listener) -> str | None:
    """Return the address that ``published_as`` was given."""
    return None if len(listener.families) > 1 else listener.address


def _read(variables: HostVariables, item: object) -> Publication | None:
    match = _GRAMMAR.fullmatch(str(item).strip())
    if match is None:
        variables.error("published-invalid", VARIABLE, item, f"{_FORM}; a range is written port by port")
        return None
    try:
        address = canonical_address(match["ipv6"] or match["ipv4"]) if match["ipv6"] or match["ipv4"] else None
    except AddressError as exc:
        variables.error("published-invalid", VARIABLE, item, f"{exc}; {_FORM}")
        return None
    port, inside = parse_port(match["port"]), parse_port(match["inside"])
    if port is None or inside is None:
        variables.error("published-invalid", VARIABLE, item, "ports are numbers from 1 to 65535")
        return None
    return Publication(address, port, inside, match["protocol"] or "tcp")


def _overlap(first: Publication, second: Publication) -> bool:
    if (first.port, first.protocol) != (second.port, second.protocol):
        return False
    addresses = {first.address, second.address}
    families = {":" in address for address in addresses if address}
    wildcard = not addresses.isdisjoint({None, "0.0.0.0", "::"})
    return len(addresses) == 1 or None in addresses or (wildcard and len(families) == 1)


def _faces(
    variables: HostVariables, publications: Sequence[Publication], listeners: Sequence[Listener]
) -> Iterator[Listener]:
    """Yield one listener for each port of the host, with all protocols that are published there."""
    faces: dict[tuple[str | None, int, int, str], tuple[Listener, list[str]]] = {}
    for one in publications:
        hearing = [each for each in listeners if each.port == one.inside and one.protocol in each.protocols]
        reachable = [listener for listener in hearing if not listener.is_loopback]
        if not reachable:
            variables.error("published-no-listener", VARIABLE, str(one), _nobody_hears(one, hearing, listeners))
            continue
        key = (one.address, one.port, one.inside, reachable[0].name)
        faces.setdefault(key, (reachable[0], []))[1].append(one.protocol)
    for (address, port, inside, name), (listener, protocols) in faces.items():
        yield published_as(name, listener.setting, address, port, inside, protocols)


def _nobody_hears(one: Publication, hearing: Sequence[Listener], listeners: Sequence[Listener]) -> str:
    if hearing:
        setting, address = hearing[0].setting, hearing[0].address
        return f"in the container {setting} binds {address}, where no packet from outside comes to; set kong_{setting}"
    opened = ", ".join(dict.fromkeys(f"{listener.name} {listener.port}" for listener in listeners)) or "nothing"
    return (
        f"nothing of Kong listens on port {one.inside} {one.protocol} in the container; it opens {opened}. The first port "
        "is the host's, the second the container's"
    )


def _check_protocols(variables: HostVariables, face: Listener, listeners: Sequence[Listener]) -> None:
    """Refuse to publish half of gossip: joins go over tcp, gossip over udp."""
    needed = next(one.protocols for one in listeners if (one.name, one.port) == (face.name, face.own_port))
    missing = [protocol for protocol in needed if protocol not in face.protocols]
    if missing:
        shown = f"{face.port}:{face.own_port}/{face.protocols[0]}"
        message = (
            f"{face.setting} {face.own_port} needs {' and '.join(needed)}; publish {' and '.join(missing)} as well"
        )
        variables.error("published-protocol", VARIABLE, shown, message)

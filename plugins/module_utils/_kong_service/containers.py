# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a container, as `podman inspect` and `docker inspect` print it: environment, published ports and file of Kong.

The whole record has secrets, so only these parts leave this module. Measured with podman 4.3; Docker has the same names, and
lists a port of all addresses for IPv4 and IPv6 (docs.docker.com, "docker container inspect").
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Container
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.start import split_at_kong

Record = t.Mapping[str, t.Any]
_OF_FILE = ("-c", "--conf")
_EVERY = "0.0.0.0", "::"
_OF_CONTAINER = "container:"  # the network mode of a container that uses the network of another


@dataclass(frozen=True)
class Published:
    """A published port: a port of the host, its address (empty: every address), and the port in the container."""

    address: str
    port: int
    inside: int
    protocol: str


def inspect_container(host: Host, container: Container) -> Record | None:
    """Return the record of a container; None if its engine does not know it, such as a container of another user.

    A container can use the network of another container, as in a pod. The record then has the network of that container.
    """
    record = _inspect(host, container.engine, container.number)
    mode = str(((record or {}).get("HostConfig") or {}).get("NetworkMode") or "")
    other = _inspect(host, container.engine, mode[len(_OF_CONTAINER) :]) if mode.startswith(_OF_CONTAINER) else None
    return {**record, "NetworkSettings": other.get("NetworkSettings")} if record and other else record


def _inspect(host: Host, engine: str, number: str) -> Record | None:
    if host.which(engine):
        with suppress(HostError, ValueError, IndexError):
            return t.cast(Record, json.loads(host.run(engine, "inspect", number))[0])
    return None


def read_environment(record: Record) -> dict[str, str]:
    """Return the `KONG_…` variables of a container by name."""
    words = (record.get("Config") or {}).get("Env") or ()
    return dict(word.partition("=")[::2] for word in words if word.startswith("KONG_"))


def list_published(record: Record) -> list[Published]:
    """Return the published ports of a container. A port at every address of IPv4 and of IPv6 has an empty address."""
    ports = (record.get("NetworkSettings") or {}).get("Ports") or {}
    found = {_make_published(place, binding) for place, bindings in ports.items() for binding in bindings or ()}
    wide = {item for item in found if {replace(item, address=address) for address in _EVERY} <= found}
    found = {replace(item, address="") if item in wide and item.address in _EVERY else item for item in found}
    return sorted(found, key=lambda item: (item.inside, item.protocol, item.port, item.address))


def _make_published(place: str, binding: Mapping[str, str]) -> Published:
    inside, _slash, protocol = place.partition("/")
    return Published(binding.get("HostIp") or "", int(binding["HostPort"]), int(inside), protocol or "tcp")


def list_own_addresses(record: Record) -> list[str]:
    """Return the addresses of a container on its networks."""
    settings = record.get("NetworkSettings") or {}
    networks = [settings, *(settings.get("Networks") or {}).values()]
    found = (network.get(name) for network in networks for name in ("IPAddress", "GlobalIPv6Address") if network)
    return [*dict.fromkeys(address for address in found if address)]


def find_command(record: Record) -> str:
    """Return the path of the kong.conf that the command of a container names, empty if it names none."""
    config = record.get("Config") or {}
    command = (*_list_words(config.get("Entrypoint")), *_list_words(config.get("Cmd")))
    for _before, after in split_at_kong([command]):
        for option, value in zip(after, after[1:]):
            if option in _OF_FILE:
                return value
    return ""


def _list_words(command: t.Any) -> list[str]:
    """Return the words of a command. podman 4 has the entrypoint as text."""
    return command.split() if isinstance(command, str) else [*(command or ())]


def find_source(record: Record, path: str) -> str:
    """Return the file of the host that a container has mounted at a path, empty if there is none."""
    for mount in record.get("Mounts") or ():
        target, source = (str(mount.get(name) or "").rstrip("/") for name in ("Destination", "Source"))
        if path == target or path.startswith(f"{target}/"):
            return f"{source}{path[len(target) :]}" if mount.get("Type") == "bind" else ""
    return ""

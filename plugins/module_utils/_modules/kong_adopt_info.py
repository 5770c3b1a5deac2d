# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module kong_adopt_info."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from socket import gethostname

from ansible.module_utils.basic import AnsibleModule  # type: ignore[import-untyped]

from ansible_collections.gatehouse.kong.plugins.module_utils._host.addresses import list_addresses
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError, require_root
from ansible_collections.gatehouse.kong.plugins.module_utils._host.masters import Master, list_kongs
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import subtract
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.secrets import HIDDEN, is_secret
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.access_log import DEFAULT_LOG, list_logged
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.admin_api import ask_admin_api
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.connections import (
    Client,
    Link,
    list_clients,
    list_container_clients,
    list_links,
    list_proxied_clients,
    make_key,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.container_networks import (
    make_container_finder,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.containers import (
    Record,
    find_command,
    find_source,
    inspect_container,
    list_own_addresses,
    list_published,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.effective import (
    Sources,
    find_effective,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.measure import hold_connections
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.running import (
    KongFile,
    Running,
    find_conf,
    find_running,
    find_starter,
    read_sources,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.serf import read_ring
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.socket_drift import find_kong_sockets
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.sockets import (
    Socket,
    read_sockets,
    socket_to_data,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.start import Start, find_start
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.stated_secrets import list_secrets
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit import read_commands
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.version import read_id, read_version
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.access import Access, find_access, make_unknown
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.live_rules import read_live_rules
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.packet import list_unicast
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.published_access import find_published_access
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import PROTOCOLS, Service

Result = t.Dict[str, t.Any]
_ADMIN_LOG = "admin_access_log"
_ADMIN_LISTEN, _DEFAULT_ADMIN = ("admin_listen", "admin_api_listen"), "127.0.0.1:8001"
_RPC_LISTEN, _DEFAULT_RPC = "cluster_listen_rpc", "127.0.0.1:7373"
_PORT = re.compile(r":(\d{1,5})(?![\d:\]])")
_CONTROL_PLANE, _DATA_PLANE = "control_plane", "data_plane"
_OLD_FILE = "/etc/kong/kong.yml"  # of Kong 0.6 to 0.8


def inspect_kongs(host: Host, service: str, settings: Collection[str]) -> list[Result]:
    """Return each Kong that runs on the host as plain data. Raises HostError or OSError."""
    return [_inspect(host, master, service, settings) for master in list_kongs()]


def _inspect(host: Host, master: Master, service: str, settings: Collection[str]) -> Result:
    running = find_running(host, service, master.prefix, in_container=not master.shares_network)
    record = inspect_container(host, master.container) if master.container else None
    # A container has its own files.
    files = Host(master.root) if master.container else host
    file = _find_file(host, files, running, record)
    sources = read_sources(host, running, file, [*settings, _ADMIN_LOG], files=files)
    own = find_kong_sockets(read_sockets(running.unit, master.prefix)) if master.shares_network else ()
    described = {name: found for name in settings if (found := _describe_setting(name, sources))}
    values = {name: found["value"] for name, found in described.items()}
    answer = ask_admin_api(own, _list_admin_ports(values))
    return {
        "version": answer.version or read_version(master.root),
        "answers": bool(answer.version),
        "hostname": gethostname(),
        "id": read_id(master.root, master.prefix),
        "data_planes": [*map(asdict, answer.data_planes)],
        "prefix": master.prefix,
        "unit": running.unit,
        "container": master.container.number[:12] if master.container else "",
        "shares_network": master.shares_network,
        "starter": find_starter(running),
        "path": file.path,
        "mounted": find_source(record, file.path) if record and file.path else "",
        "published": [*map(asdict, list_published(record))] if record and not master.shares_network else None,
        "format": file.form,
        "settings": described,
        "secrets": [*map(asdict, list_secrets(file.path, file.form, _read_text(files, file), sources.variables))],
        "sockets": [*map(socket_to_data, own)],
        "access": [*(_list_access(host, own) if master.shares_network else _list_published_access(host, record))],
        "clients": [*map(asdict, _list_clients(host, master, own, record))],
        "links": [*map(asdict, _list_links(values, own))],
        "ring": asdict(read_ring(host, own, values.get(_RPC_LISTEN, _DEFAULT_RPC))),
        "logged": list_logged(master.root, master.prefix, find_effective(_ADMIN_LOG, sources).value or DEFAULT_LOG),
    }


def _find_file(host: Host, files: Host, running: Running, record: Record | None) -> KongFile:
    """Return Kong's file, whose path is empty if there is none.

    Without a start that can be read, it is the file that Kong would find. Its values count only if Kong uses them.
    """
    start = find_start(read_commands(host, running.unit, "ExecStartPre", "ExecStart")) or Start(())
    conf = (find_command(record) if record else "") or find_conf(files, start)
    old = not conf and files.locate(_OLD_FILE).exists()
    return KongFile(_OLD_FILE if old else conf or "", "yaml" if old else "conf", {})


def _read_text(files: Host, file: KongFile) -> str:
    return (files.read(file.path) if file.path else None) or ""


def _list_clients(host: Host, master: Master, own: Sequence[Socket], record: Record | None) -> list[Client]:
    """Return the clients of Kong's sockets, or of the published ports of a container, as ports in the container."""
    if master.shares_network:
        return list_clients({sock.port for sock in own}, host.call(list_addresses))
    published = list_published(record) if record else []
    if not record or not published:
        return []
    found = list_container_clients({item.inside for item in published}, list_own_addresses(record), master.process)
    # Of a program of the container's engine that receives the connections on the host.
    ports = [(item.address, item.port, item.inside) for item in published]
    return sorted({*found, *list_proxied_clients(ports, host.call(list_addresses))}, key=make_key)


def _list_admin_ports(settings: Mapping[str, str]) -> set[int]:
    """Return the ports of the Admin API, by default those of Kong. The setting is `admin_api_listen` up to 0.8."""
    texts = [value for name, value in settings.items() if name in _ADMIN_LISTEN] or [_DEFAULT_ADMIN]
    return {int(port) for text in texts for port in _PORT.findall(text)}


def _list_links(settings: Mapping[str, str], sockets: Sequence[Socket]) -> list[Link]:
    """Return the connections between control planes and data planes that have an end at this host."""
    role = settings.get("role")
    ports = {sock.port for sock in sockets} if role == _CONTROL_PLANE else ()
    port = settings.get("cluster_control_plane", "").rpartition(":")[2]
    dialled = {int(port)} if role == _DATA_PLANE and port.isdecimal() else ()
    return list_links(ports, dialled) if ports or dialled else []


def _list_access(host: Host, sockets: Sequence[Socket]) -> Iterator[Result]:
    """Yield the sources of each family that the host's rules allow to each port that other hosts can reach."""
    services = {
        (family, service): None for sock in sockets if not sock.is_loopback for family, service in _list_services(sock)
    }
    if not services:
        return
    try:
        rules = read_live_rules(host)
    except HostError as error:
        yield from (_describe_access(family, make_unknown(family, service, str(error))) for family, service in services)
        return
    for family, service in services:
        yield _describe_access(family, find_access(rules.tables, service, family, rules.networks[family]))


def _list_published_access(host: Host, record: Record | None) -> Iterator[Result]:
    """Yield the sources of each family that the host's rules allow to each published port that other hosts can reach."""
    published = [item for item in (list_published(record) if record else ()) if item.protocol in PROTOCOLS]
    outer = [item for item in published if not item.address or not ipaddress.ip_address(item.address).is_loopback]
    if not record or not outer:
        return
    services = [(item, Service(item.protocol, item.port, item.address or None)) for item in outer]
    places = [(item.inside, family, service) for item, service in services for family in service.families]
    try:
        rules = read_live_rules(host)
    except HostError as error:
        yield from (
            {**_describe_access(family, make_unknown(family, service, str(error))), "inside": inside}
            for inside, family, service in places
        )
        return
    find_container = make_container_finder(host, list_own_addresses(record))
    for inside, family, service in places:
        container = find_container(service, family, inside)
        if not container.interfaces and not container.has_listener:
            continue  # no packet of this family reaches the container
        access = find_published_access(rules.tables, service, family, rules.networks[family], container)
        yield {**_describe_access(family, access), "inside": inside}


def _list_services(sock: Socket) -> Iterator[tuple[str, Service]]:
    """Return the families of a socket's packets, each with the destination of the packets."""
    service = Service(sock.protocol, sock.port, None if sock.has_both_families else sock.address)
    return ((family, service) for family in service.families)


def _describe_access(family: str, access: Access) -> Result:
    """Return the sources as plain data: networks, exceptions from them, and those for which `reason` leaves it unknown."""
    everything = list_unicast(family)
    denied = subtract(everything, access.allowed)
    is_exception = not access.reason and len(denied.members) < len(access.allowed.members)
    return {
        "protocol": access.service.protocol,
        "port": access.service.port,
        "family": family,
        "sources": ["any"] if is_exception else access.allowed.format(),
        "except": denied.format() if is_exception else [],
        "unknown": ["any"] if access.undecided == everything else access.undecided.format(),
        "reason": access.reason,
    }


def _describe_setting(name: str, sources: Sources) -> Result | None:
    """Return the effective value of a setting with its origin, None if it is unknown. Values of secrets stay on the host."""
    found = find_effective(name, sources)
    if found.value is None:
        return None
    return {"value": HIDDEN if is_secret(name) else found.value, "origin": found.origin, "place": found.place}


def measure(host: Host, ends: Sequence[Mapping[str, t.Any]], seconds: float) -> Result:
    """Return the connections to ends, and the connections of other hosts to the ports of the host's Kongs, as plain data."""
    masters = [master for master in list_kongs() if master.shares_network]
    units = [(find_running(host, "kong", master.prefix).unit, master.prefix) for master in masters]
    ports = {sock.port for place in units for sock in find_kong_sockets(read_sockets(*place)) if sock.protocol == "tcp"}
    sent, received = hold_connections([(end["address"], end["port"]) for end in ends], ports, seconds)
    return {"sent": [*map(asdict, sent)], "received": [*map(asdict, received)]}


def run(module: AnsibleModule) -> None:
    """Inspect the Kongs of the host, or measure connections, and exit with the result."""
    try:
        require_root("kong_adopt_info")
        if module.params["seconds"]:
            module.exit_json(changed=False, **measure(Host(), module.params["ends"], module.params["seconds"]))
        found = inspect_kongs(Host(), module.params["service"], module.params["settings"])
    except HostError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"the processes and files of Kong cannot be read: {error}")
    module.exit_json(changed=False, kongs=found)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proposes the variables of each node, each with its evidence, and lists the questions that only a person can answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.clients import Clients
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.clusters import Clusters, find_clusters
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.gossip import (
    find_advertised,
    list_missing,
    list_neighbours,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.links import (
    Match,
    list_egress,
    list_mappings,
    list_unmatched,
    match_links,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.measure import Measured, match_measured
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.model import (
    ANY,
    DATA_PLANE,
    TRADITIONAL,
    FoundHost,
    Kong,
    Published,
    Secret,
    Stated,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.sources import SourceFinder
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.sources import DEFAULT_SOURCES, NOBODY
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    Generation,
    Setting,
    VersionError,
    find_generation,
    parse_version,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import (
    parse_advertise,
    parse_listen,
    render_entries,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import is_loopback
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.values import SWITCH_VALUES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import make_natural_key

_WITHOUT_FOURTH = re.compile(r"\d+\.\d+\.\d+-enterprise-edition")
_UNIT, _PREFIX = "kong.service", "/usr/local/kong"
_SECRET_NAME, _NO_WORD = re.compile(r"[a-z][a-z0-9_.-]*"), re.compile(r"[.-]")
_OF_SECRETS = (
    "Each value stays in the node's own file or environment, and is not in this inventory. To manage a secret here, define its variable "
    "with Ansible Vault, and remove the '#' of its line and of kong_config"
)
_EVERY = "0.0.0.0"
# Listeners without a default source. admin_gui has the sources of admin.
_CLOSED = {"admin_gui", *(listener for listener, default in DEFAULT_SOURCES.items() if default == (NOBODY,))}


# Listeners whose default is any source.
_WIDE = {listener for listener, default in DEFAULT_SOURCES.items() if default == (ANY,)}


class Line(NamedTuple):
    """A variable, its value, and its evidence, which begins with ``observed:`` or ``assumed:``.

    With ``is_comment`` the variable is written as a comment, which sets nothing.
    """

    variable: str
    value: Any
    evidence: str
    is_comment: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """The proposed variables by node, the variables of other hosts that are sources, and the open questions by host.

    ``left_out`` has the reason for each host that is no node, ``observed`` the clients that this and earlier runs found on each
    node.
    """

    nodes: Mapping[str, tuple[Line, ...]]
    sources: Mapping[str, tuple[Line, ...]]
    questions: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, str]
    observed: Mapping[str, Clients]


def propose(hosts: Sequence[FoundHost], earlier: Mapping[str, Clients], measured: Measured | None = None) -> Proposal:
    """Return the proposal for all hosts of an inventory, in natural order of their names.

    ``earlier`` are the clients that earlier runs found, by host. ``measured`` are connections that hosts opened to each other.
    """
    ordered = sorted(hosts, key=lambda host: make_natural_key(host.name))
    left_out = {host.name: reason for host in ordered if (reason := _explain_left_out(host))}
    nodes = [host for host in ordered if host.name not in left_out]
    sites = _name_sites(nodes)
    links = match_links(nodes)
    clusters = find_clusters(nodes, links)
    matches = [*links, *match_measured(nodes, measured or {})]
    drafts = {host.name: _Draft(host, hosts, sites, earlier.get(host.name, {}), matches, clusters) for host in nodes}
    named = {name for draft in drafts.values() for name in draft.sources.find_names()}
    return Proposal(
        {
            name: tuple(line for line in draft.list_lines() if line.is_comment or not _is_template(line.value))
            for name, draft in drafts.items()
        },
        {
            host.name: tuple(_list_place(host, sites))
            for host in ordered
            if host.name in left_out and host.name in named
        },
        {name: tuple(draft.list_questions()) for name, draft in drafts.items()},
        left_out,
        {name: draft.sources.clients for name, draft in drafts.items()},
    )


def _is_template(value: Any) -> bool:
    """Tell whether Ansible would compute a value. A host must not be able to run templates on the controller."""
    if isinstance(value, (list, tuple)):
        return any(map(_is_template, value))
    if isinstance(value, dict):
        return any(map(_is_template, value.values()))
    return isinstance(value, str) and any(sign in value for sign in ("{{", "{%", "{#", "#jinja2:"))


def _explain_left_out(host: FoundHost) -> str:
    """Return why a host is no node of the proposal, empty if it is one."""
    if host.error:
        return f"not read: {host.error}"
    if len(host.kongs) != 1:
        prefixes = " and ".join(kong.prefix for kong in host.kongs)
        return (
            f"several Kongs run here ({prefixes}); a node of the collection has one"
            if prefixes
            else "no Kong runs here"
        )
    return _explain_unreadable(host.kongs[0])


def _explain_unreadable(kong: Kong) -> str:
    """Return why the variables of a Kong cannot be proposed, empty if they can."""
    if not kong.shares_network and kong.published is None:
        return (
            f"Kong runs in {kong.start} with a network of its own, and podman and docker of root do not know this container; write its "
            "kong_published_ports by hand"
        )
    if not kong.version:
        return "its version is unknown, because Kong's files meta.lua and constants.lua do not have it; write kong_version and its settings by hand"
    try:
        parse_version(kong.version)
    except VersionError as exc:
        return f"Kong {kong.version}: {exc}"
    return ""


def _name_sites(nodes: Sequence[FoundHost]) -> dict[str, str]:
    """Return the name of the site of each network, empty if all nodes are on one."""
    networks = sorted({node.network for node in nodes} - {""}, key=make_natural_key)
    several = len(networks) > 1
    return {
        network: "net-" + network.replace(".", "-").replace(":", "-").replace("/", "-")
        for network in networks
        if several
    }


def _list_place(host: FoundHost, sites: Mapping[str, str]) -> Iterator[Line]:
    """Yield the address and the site of a host."""
    if host.address:
        yield Line(
            "kong_address", host.address, "assumed: its only address, or that on the network of its default route"
        )
    if site := sites.get(host.network):
        yield Line("kong_site", site, f"assumed: its network is {host.network}")


def _list_placeholders(secrets: Iterable[Secret]) -> Iterator[Line]:
    """Yield ``kong_config`` with a variable for each secret, as a comment: without a vault it would be an error of the plan."""
    places: dict[str, list[str]] = {}
    # The template of a placeholder has only the name, which must not be able to add to it.
    for secret in [secret for secret in secrets if _SECRET_NAME.fullmatch(secret.name)]:
        places.setdefault(secret.place, []).append(secret.name)
    names = [name for of in places.values() for name in of]
    if names:
        found = "; ".join(f"{', '.join(of)} in {place}" for place, of in places.items())
        config = {name: f"{{{{ vault_kong_{_NO_WORD.sub('_', name)} }}}}" for name in names}
        yield Line("kong_config", config, f"observed: {found}. {_OF_SECRETS}", is_comment=True)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A node, all hosts, the names of the sites by network, its clients of earlier runs, matched connections, and the clusters."""

    host: FoundHost
    hosts: Sequence[FoundHost]
    sites: Mapping[str, str]
    earlier: Clients
    matches: Sequence[Match]
    clusters: Clusters

    @property
    def kong(self) -> Kong:
        return self.host.kongs[0]

    @property
    def generation(self) -> Generation:
        return find_generation(parse_version(self.kong.version))

    @property
    def sources(self) -> SourceFinder:
        """The sources of each listener that other hosts can reach."""
        ports, wide = (self._list_ports(listeners) for listeners in (_CLOSED, _WIDE))
        return SourceFinder(self.host, self.hosts, ports, wide, self.earlier)

    @property
    def settings(self) -> Iterator[tuple[Setting, Stated]]:
        """The listen settings of the node that do not have Kong's default."""
        for setting in self.generation.settings:
            stated = self.kong.settings.get(setting.name)
            if stated and self.kong.role in setting.roles and not self._is_default(setting, stated):
                yield setting, stated

    @property
    def env_file(self) -> str:
        """The file with variables that the unit reads, if it has all settings of Kong that are not Kong's defaults; else empty.

        A variable of ``Environment=`` has a place that names the unit or a drop-in, and not only a file.
        """
        has_own = [stated for stated in self.kong.settings.values() if stated.origin not in ("default", "unknown")]
        places = {stated.place if stated.origin == "environment" else "" for stated in has_own}
        place = places.pop() if len(places) == 1 else ""
        return place if place.startswith("/") and not self.kong.container else ""

    def list_lines(self) -> Iterator[Line]:
        """Yield the variables of the node."""
        place = "observed: the Admin API" if self.kong.answers else f"observed: the files of Kong at {self.kong.prefix}"
        yield Line("kong_version", self.kong.version, place)
        yield from _list_place(self.host, self.sites)
        if cluster := self.clusters.named.get(self.host.name):
            yield Line("kong_cluster", *cluster)
        if self.kong.role != TRADITIONAL:
            yield Line("kong_role", self.kong.role, _describe(self.kong.settings["role"], self.kong))
        if self.kong.unit not in ("", _UNIT):
            yield Line("kong_listen_service", self.kong.unit, "observed: the unit of its nginx")
        yield from self._list_file_lines()
        if self.kong.published is not None:
            place = f"observed: the published ports of {self.kong.start}"
            yield Line("kong_published_ports", [str(item) for item in self._list_kongs_ports()], place)
        for setting, stated in self.settings:
            yield Line(f"kong_{setting.name}", self._render(setting, stated), _describe(stated, self.kong))
        yield from self._list_switches()
        yield from self._list_cluster_lines()
        for listener, names, evidence in (*self.sources.list_sources(), *self.sources.list_limits()):
            yield Line(f"kong_{listener}_sources", names, evidence)
        yield from _list_placeholders(self.kong.secrets)

    def list_questions(self) -> Iterator[str]:
        """Yield what a person has to check or to add."""
        yield from self._list_unread()
        for name, stated in self.kong.settings.items():
            if stated.origin in ("environment", "started") and stated.place != self.env_file:
                yield f"{name} comes from {stated.place}, which overrides {self.kong.path or 'its file'}; site reports it until it is removed"
        for line in self.list_lines():
            if not line.is_comment and _is_template(line.value):
                yield f"the value of {line.variable} is a template for Ansible, so it was left out; write it by hand"
        if self._read_switch("portal") == "on":
            yield "its developer portal is on, which only kong_config tells the plan; write `portal: on` in kong_config"
        yield from self._list_container_questions()
        yield from self._list_cluster_questions()
        for address, port in list_unmatched(self.host, self.hosts, self.matches):
            yield (
                f"it is connected to {address} port {port}; no host of the inventory has this address, and no control plane shows this "
                f"connection; write kong_nat of the control plane behind it, and kong_nat_egress of this host if it is behind NAT"
            )
        yield from self.sources.list_questions()

    def _list_unread(self) -> Iterator[str]:
        """Yield the questions about properties of the node that could not be read."""
        if not self.host.address:
            yield "its address is unknown, because it has several and no default route; write kong_address"
        if _WITHOUT_FOURTH.fullmatch(self.kong.version):
            yield f"it runs Kong Enterprise, and the fourth number of its version {self.kong.version} is unknown; write it in kong_version"
        if not self.kong.unit and not self.kong.container:
            yield "Kong was started by hand; where its file and its variables are kept cannot be read"
        if not self.kong.unit and self.kong.prefix != _PREFIX:
            name = "nginx_working_dir" if self.generation.format == "yaml" else "prefix"
            yield f"its prefix is {self.kong.prefix}, and without a unit site searches {_PREFIX}; write {name} in kong_config"

    def _is_default(self, setting: Setting, stated: Stated) -> bool:
        default = Stated(setting.default, "", "")
        # The plan has another default for gossip: the node's own address.
        return setting.listener != "cluster" and self._render(setting, stated) == self._render(setting, default)

    def _render(self, setting: Setting, stated: Stated) -> str:
        try:
            return render_entries(parse_listen(stated.value, self.generation, setting))
        except ListenError:
            return stated.value  # the plan explains the error

    def _list_file_lines(self) -> Iterator[Line]:
        if self.env_file:
            evidence = f"observed: {self.kong.start} reads its variables, and no other place has a setting"
            yield Line("kong_listen_target", "env", evidence)
            yield Line("kong_listen_file", self.env_file, evidence)
        elif self.kong.mounted:
            evidence = f"observed: {self.kong.start} has it as {self.kong.path}"
            yield Line("kong_listen_file", self.kong.mounted, evidence)
        elif not self.kong.container and self.kong.path not in ("", self.generation.path):
            evidence = (
                f"observed: {self.kong.unit} starts Kong with this file"
                if self.kong.unit
                else "assumed: Kong searches this file, and the command that started it by hand can have named another"
            )
            yield Line("kong_listen_file", self.kong.path, evidence)

    def _list_switches(self) -> Iterator[Line]:
        """Yield the switches of TLS ports of Kong 0.9 to 0.12 that do not have Kong's default."""
        for setting in self.generation.settings:
            for switch, default in ((setting.switch, "on"), (setting.http2_switch, "off")):
                value = self._read_switch(switch)
                if value not in ("", default):
                    yield Line(f"kong_{switch}", value, _describe(self.kong.settings[switch], self.kong))

    def _read_switch(self, name: str) -> str:
        """Return `on` or `off`, empty for a switch that was not found."""
        stated = self.kong.settings.get(name)
        return SWITCH_VALUES.get(stated.value.lower(), "") if stated else ""

    def _list_kongs_ports(self) -> list[Published]:
        """Return the published ports of the container behind which Kong listens for other hosts."""
        stated = {setting: self._find_stated(setting) for setting in self.generation.settings}
        open_ports = {
            port
            for setting in stated
            if self.kong.role in setting.roles
            for port in self._list_open_ports(setting, stated[setting])
        }
        return [item for item in self.kong.published or () if item.inside in open_ports]

    def _list_container_questions(self) -> Iterator[str]:
        if not self.kong.container:
            return
        if not self.kong.mounted:
            yield (
                f"{self.kong.start} has no file of this host as Kong's file, so site could not change its settings; mount the file that "
                "kong_listen_file names, or set kong_listen_target to env and start the container with that file"
            )
        yield f"site restarts {self.kong.start} only with the command in kong_listen_restart_command; write it"
        if self.kong.published is not None and not self.kong.published:
            yield (
                f"{self.kong.start} publishes no port, so the plan opens none; how do clients reach it? Write kong_published_ports if another "
                "program, such as a proxy in a container, forwards them, or a network like macvlan gives the container its own address"
            )
        for item in self.kong.published or ():
            if item not in self._list_kongs_ports():
                yield (
                    f"{self.kong.start} publishes {item}, but no known listener of Kong is behind it, so it was left out of "
                    "kong_published_ports; which program uses it?"
                )

    def _find_stated(self, setting: Setting) -> Stated:
        return self.kong.settings.get(setting.name) or Stated(setting.default, "", "")

    def _list_cluster_lines(self) -> Iterator[Line]:
        """Yield the mapping of the NAT device from an advertised address, and the control plane of a data plane."""
        if mappings := self._find_mappings():
            yield Line(
                "kong_nat", [mapping for mapping, _evidence in mappings], "; ".join(text for _mapping, text in mappings)
            )
        outside, evidence = self._find_outside()
        if outside and not self._has_outer_peer():
            text = (
                f"{evidence}; no node of another network is in its cluster, so the plan would advertise its own address"
            )
            yield Line("kong_cluster_advertise", ":".join(map(str, outside)), text)
        if egress := list_egress(self.host, self.hosts, self.matches):
            yield Line("kong_nat_egress", [*egress], "; ".join(dict.fromkeys(egress.values())))
        if self.kong.role == DATA_PLANE and (stated := self.kong.settings.get("cluster_control_plane")):
            yield Line("kong_cluster_control_plane", stated.value, _describe(stated, self.kong))

    def _find_mappings(self) -> list[tuple[dict[str, Any], str]]:
        """Return the mappings of the NAT devices in front of the node, each with its evidence.

        A connection that arrives tells the port behind an outside port. Without one, it is the port of the gossip listener.
        """
        arrived = [*list_mappings(self.host.name, self.matches)]
        outside, evidence = self._find_outside()
        inside = self._find_gossip_port()
        if not outside or not inside:
            return arrived
        same = [item for item in arrived if (item[0]["outside"], item[0]["outside_port"]) == outside]
        mapping = {"outside": outside[0], "outside_port": outside[1], "inside_port": inside}
        first = [(found, f"{evidence}; {text}") for found, text in same] or [(mapping, evidence)]
        return [*first, *(item for item in arrived if item not in same)]

    def _find_outside(self) -> tuple[tuple[str, int] | None, str]:
        """Return the address and port that the node advertises with the evidence, None if the host has the address."""
        stated = self.kong.settings.get(self.generation.advertise or "")
        if known := find_advertised(self.host, self.hosts):
            seen = f"; known by this address to {', '.join(known.known_by)}" if known.known_by else ""
            outside: tuple[str, int] | None = (known.address, known.port)
            evidence = f"observed: Serf advertises {known.address}:{known.port}, not its own address{seen}"
        else:
            outside = self._parse_advertised(stated) if stated else None
            evidence = f"observed: {self.generation.advertise} is {stated.value if stated else ''}, not its own address"
        return (None, "") if outside and outside[0] in self.host.addresses else (outside, evidence)

    def _has_outer_peer(self) -> bool:
        """Tell whether another node of its Serf cluster has another network, so that the plan advertises the outside address."""
        nodes = [other for other in self.hosts if not _explain_left_out(other)]
        gossips = [node for node in nodes if find_generation(parse_version(node.kongs[0].version)).advertise]
        named = self.clusters.named
        own = named.get(self.host.name)
        return any(named.get(node.name) == own for node in gossips if node.network != self.host.network)

    def _find_gossip_port(self) -> int | None:
        gossip = next((setting for setting in self.generation.settings if setting.listener == "cluster"), None)
        if gossip is None:
            return None
        try:
            entries = parse_listen(self._find_stated(gossip).value, self.generation, gossip)
        except ListenError:
            return None
        return entries[0].port if entries else None

    def _parse_advertised(self, stated: Stated) -> tuple[str, int] | None:
        try:
            outside = parse_advertise(stated.value, self.generation)
        except ListenError:
            return None
        return outside.address, outside.port

    def _list_cluster_questions(self) -> Iterator[str]:
        """Yield the questions about the members of the node's cluster."""
        if self.host.name in self.clusters.unknown:
            yield "its cluster could not be read, and the fleet may have several clusters; write kong_cluster if it is not in the cluster default"
        for member in list_missing(self.host, self.hosts):
            yield (
                f"Serf knows the member {member.name} at {member.address} port {member.port} ({member.status}), which is no host of the "
                "inventory that was read; add it, because the plan allows gossip only between nodes"
            )
        known = find_advertised(self.host, self.hosts)
        near = list_neighbours(self.host, self.hosts)
        if known and near and known.address not in self.host.addresses:
            yield (
                f"Serf advertises {known.address}, but hosts on the same network {self.host.network} advertise their own addresses "
                f"({', '.join(near)}); write another kong_site if these are two networks with the same addresses"
            )
        stated = self.kong.settings.get(self.generation.advertise or "")
        outside = self._parse_advertised(stated) if stated else None
        if known and outside and outside != (known.address, known.port):
            yield (
                f"{self.generation.advertise} is {outside[0]}:{outside[1]}, but Serf advertises {known.address}:{known.port}, which "
                "kong_nat has; check whether Kong was restarted after the last change"
            )

    def _list_ports(self, listeners: Collection[str]) -> dict[str, set[int]]:
        """Return the ports of listeners that other hosts can reach."""
        found: dict[str, set[int]] = {}
        for setting in self.generation.settings:
            if self.kong.role in setting.roles and setting.listener in listeners:
                ports = self._list_open_ports(setting, self._find_stated(setting))
                if self.kong.published is not None:
                    ports &= {item.inside for item in self.kong.published if not is_loopback(item.address or _EVERY)}
                if ports:
                    found.setdefault(setting.listener, set()).update(ports)
        return found

    def _list_open_ports(self, setting: Setting, stated: Stated) -> set[int]:
        """Return the ports of a setting that other hosts can reach."""
        try:
            entries = parse_listen(stated.value, self.generation, setting)
        except ListenError:
            return set()
        if setting.switch and self._read_switch(setting.switch) == "off":
            return set()
        return {entry.port for entry in entries if not is_loopback(entry.address)}


def _describe(stated: Stated, kong: Kong) -> str:
    if stated.origin == "file" and kong.format == "yaml" and not kong.unit and not kong.container:
        # The settings that Kong prepared tell whether a newer Kong uses its file.
        return f"assumed: {kong.path}, if Kong was started with this file"
    if stated.origin == "file":
        return f"observed: {kong.path}"
    return f"observed: {stated.place}" if stated.place else "observed: the settings that Kong prepared last"

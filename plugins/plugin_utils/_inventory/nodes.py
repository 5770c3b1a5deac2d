# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes as read from their own variables, before the fleet is checked as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import ERROR
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.bounds import read_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.connection import read_connection
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import (
    HYBRID_VARIABLES,
    SETTING_VARIABLES,
    SOURCE_VARIABLES,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import (
    get_facts,
    get_known_facts,
    list_fact_addresses,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.hosts import read_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.interception import (
    InterceptRule,
    read_interception,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.node_checks import (
    EXPECTED,
    check_addresses,
    check_bind_addresses,
    check_expected,
    check_generation,
    check_names,
    check_ssh_port,
    warn_of_loopback,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import VARIABLE as PUBLISHED_PORTS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import (
    check_in_container,
    read_published,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.settings_file import (
    check_values,
    read_settings_file,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.sources import (
    DEFAULT_SOURCES,
    Terms,
    check_unused_terms,
    read_terms,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.ssh_port import SSH_PORT, read_ssh_port
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    FactsNeededError,
    HostVariables,
    Names,
    make_host_warning,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.virtual import find_standby_notes
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import (
    ROLES,
    Generation,
    VersionError,
    find_generation,
    parse_version,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen import parse_endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listen_address import ListenError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.listeners import read_listeners
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener, NodeListeners
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.versions import NEWEST, KongVersion

DEFAULT_VERSION = "3.9"
GOSSIP_PORT = 7946
DEFAULT_DAYS = 14


@dataclass(frozen=True, slots=True)
class Draft:
    """A node, and the data to complete it when the other nodes are known.

    ``terms`` are the checked source terms by listener name and port. ``given`` are the variables that are set and decide how
    the node is reached. ``own_addresses`` are all addresses of the host, those in its facts too. ``host_name`` is the host's own
    name in its facts, empty if it is not known.
    """

    node: Node
    generation: Generation
    terms: Mapping[tuple[str, int], Terms]
    given: Mapping[str, Any]
    intercept_rules: tuple[InterceptRule, ...] = ()
    ssh_port: int = SSH_PORT
    own_addresses: frozenset[str] = frozenset()
    host_name: str = ""


def read_node(variables: HostVariables, names: Names) -> Draft | None:
    """Read one node, None if its version is not known. Errors are added to the findings of ``variables``."""
    _check_all(variables)
    generation = _read_generation(variables)
    return None if generation is None else _NodeReader(variables, names, generation).make_draft()


def read_fixed_node(variables: HostVariables, names: Names) -> Draft | None:
    """Read one node from the result of Inventory.read_fixed, None if it needs facts. Adds the errors that no fact can change.

    Facts may still add errors, and addresses to ``own_addresses`` of the node.
    """
    _check_all(variables)
    with suppress(FactsNeededError):
        generation = _read_generation(variables)
        return None if generation is None else _NodeReader(variables, names, generation).make_fixed_draft()
    return None


def _check_all(variables: HostVariables) -> None:
    """Check all variables, also those that no part of the node needs."""
    variables.check_all()
    check_names(variables)
    # The playbook staged reads them later.
    with suppress(FactsNeededError):
        read_networks(variables, EXPECTED)
        check_expected(variables)


@dataclass(frozen=True)
class _NodeReader:
    """The parts of one node. A part is read when it is needed, and adds its errors to the findings of ``variables``.

    If the variables are without facts, a part that needs facts raises FactsNeededError.
    """

    variables: HostVariables
    names: Names
    generation: Generation

    def make_draft(self) -> Draft:
        """Return the whole node."""
        self._check_addresses()
        check_values(self.variables, self.settings_file["format"], self.opened.config)
        variables, generation, node = self.variables, self.generation, self._make_node()
        variables.findings.extend(find_standby_notes(node))
        terms = self.terms
        for listener in node.listeners:
            sockets = node.select_listeners(listener.name)
            if all(socket.is_loopback and socket not in self._targets for socket in sockets):
                warn_of_loopback(variables, node, listener)
        given = self.given | self.control_planes | variables.read_settings(frozenset({"kong_site"}))
        # The fact with the output of `hostname`, which is part of the name of a Serf agent.
        host_name = str(get_known_facts(variables).get("nodename", ""))
        return Draft(
            node, generation, terms, given, self.intercept_rules, read_ssh_port(variables), self.own, host_name
        )

    def make_fixed_draft(self) -> Draft:
        """Return the whole node. If it needs facts, add the errors of each part that does not, and raise FactsNeededError."""
        for part in ("role", "settings_file", "control_planes", "terms", "host"):
            with suppress(FactsNeededError):
                getattr(self, part)
        return self.make_draft()

    def _check_addresses(self) -> None:
        """Compare the listeners and the address of the node with the addresses of its host."""
        if self.published is not None:
            check_in_container(self.variables, self.opened.listeners, self.own)
        check_addresses(self.variables, self.host, self.reachable)
        check_generation(self.variables, self.generation, self.host)
        with suppress(FactsNeededError):  # the rest of the node does not need them
            check_ssh_port(self.variables, self.host, self.own, self.reachable)

    def _make_node(self) -> Node:
        variables = self.variables
        staged = variables.read_value("kong_firewall_state") == "staged"
        counts = staged or variables.read_value("kong_firewall_record", False)
        return Node(
            host=self.host,
            cluster=variables.read_text("kong_cluster", "default"),
            version=self.version.text,
            role=self.role,
            generation=self.generation.name,
            settings=self.opened.settings,
            settings_file=self.settings_file,
            listeners=self.opened.listeners,
            config=tuple(sorted(self.opened.config)),
            published=self.published,
            connection=read_connection(variables),
            staged=staged,
            count_days=int(variables.read_value("kong_staged_days", DEFAULT_DAYS)) if counts else 0,
        )

    @cached_property
    def version(self) -> KongVersion:
        return parse_version(self.variables.read_value("kong_version", DEFAULT_VERSION))

    @cached_property
    def role(self) -> str:
        return _read_role(self.variables)

    @cached_property
    def host(self) -> Host:
        return read_host(self.variables)

    @cached_property
    def own(self) -> frozenset[str]:
        """All addresses of the host, those in its facts too if they are known."""
        return frozenset({*self.host.list_addresses(), *list_fact_addresses(get_known_facts(self.variables))})

    def _read_own(self) -> frozenset[str]:
        """Return all addresses of the host. Raises FactsNeededError before its facts are known."""
        get_facts(self.variables)
        return self.own

    @cached_property
    def given(self) -> dict[str, Any]:
        """The variables that decide how Kong listens."""
        return self.variables.read_settings(SETTING_VARIABLES | {"kong_config"})

    @cached_property
    def settings_file(self) -> dict[str, Any]:
        return read_settings_file(self.variables, self.generation)

    @cached_property
    def control_planes(self) -> dict[str, str]:
        return _read_control_planes(self.variables, self.generation)

    @cached_property
    def opened(self) -> NodeListeners:
        """The listeners of Kong, in its container if it runs in one."""
        found = read_listeners(self.variables.host, self.version, self.role, self.given, self._make_defaults())
        self.variables.findings.extend(found.findings)
        return found

    def _make_defaults(self) -> dict[str, str]:
        """Return the values that replace Kong's defaults: gossip binds the address that peers dial, not every address."""
        in_container = self.variables.read_value(PUBLISHED_PORTS) is not None
        if self.generation.gossip and not in_container and self.host.address.ipv4:
            return {"cluster_listen": f"{self.host.address.ipv4}:{GOSSIP_PORT}"}
        return {}

    @cached_property
    def published(self) -> tuple[Listener, ...] | None:
        return read_published(self.variables, self.opened.listeners)

    @cached_property
    def reachable(self) -> tuple[Listener, ...]:
        """The listeners that other hosts can dial: Kong's listeners, or the published ports of a Kong in a container."""
        reachable = self.opened.listeners if self.published is None else self.published
        check_bind_addresses(self.variables, dict.fromkeys([*self.opened.listeners, *reachable]))
        return reachable

    @cached_property
    def intercept_rules(self) -> tuple[InterceptRule, ...]:
        if any(finding.severity == ERROR for finding in self.opened.findings):
            return ()
        return read_interception(
            self.variables,
            self.generation,
            self.opened.listeners,
            self._read_own,
            in_container=self.published is not None,
        )

    @property
    def _targets(self) -> set[Listener]:
        """The listeners that receive intercepted packets."""
        return {rule.listener for rule in self.intercept_rules}

    @cached_property
    def terms(self) -> dict[tuple[str, int], Terms]:
        """The sources of every listener that other hosts can reach, or that receives intercepted packets.

        The sources of other listeners are checked only.
        """
        terms: dict[tuple[str, int], Terms] = {}
        self._add_terms(terms, (listener for listener in self.reachable if not listener.is_loopback))
        self._add_terms(terms, self._targets)
        for name in sorted(SOURCE_VARIABLES.intersection(self.variables.variables)):
            used = [port for (_name, port), found in terms.items() if found.variable == name]
            check_unused_terms(self.variables, name, used, self.names)
        return terms

    def _add_terms(self, terms: dict[tuple[str, int], Terms], listeners: Iterable[Listener]) -> None:
        for listener in listeners:
            key = (listener.name, listener.own_port)
            if key not in terms:
                default = _choose_default_sources(self.role, listener)
                terms[key] = read_terms(self.variables, *key, default, self.names)


def _read_generation(variables: HostVariables) -> Generation | None:
    value = variables.read_value("kong_version", DEFAULT_VERSION)
    try:
        version = parse_version(value)
    except VersionError as exc:
        variables.add_error(exc.code, "kong_version", value, str(exc))
        return None
    if version.is_newer:
        newest = "{}.{}".format(*NEWEST)
        message = (
            f"the collection knows Kong up to {newest} and plans this version with the listen settings of {newest}, so a new listener "
            f"has no rules; use a newer release of the collection, or set {newest} if both have the same listen settings"
        )
        variables.findings.append(make_host_warning("version-newer", variables.host, "kong_version", value, message))
    return find_generation(version)


def _read_role(variables: HostVariables) -> str:
    role = variables.read_text("kong_role", ROLES[0])
    if role in ROLES:
        return role
    variables.add_error("role-unknown", "kong_role", role, f"it must be one of {', '.join(ROLES)}")
    return ROLES[0]


def _read_control_planes(variables: HostVariables, generation: Generation) -> dict[str, str]:
    """Return the given addresses of control planes, as Kong's settings have them. Errors are added to the findings."""
    found = {}
    for name, value in variables.read_settings(frozenset(HYBRID_VARIABLES)).items():
        known_since = HYBRID_VARIABLES[name]
        if not generation.hybrid or (not generation.enterprise and "Enterprise" in known_since):
            message = (
                f"Kong {generation.versions} does not know this setting and would ignore it without a message; it exists "
                f"since {known_since}. Remove it from this node"
            )
            variables.add_error("setting-unknown", name, value, message)
            continue
        try:
            found[name] = parse_endpoint(value, generation, name)
        except ListenError as exc:
            message = (
                f"{exc.reason}. Give one HOST:PORT, such as cp1.example.com:8005, or remove it; then it is computed"
            )
            variables.add_error("control-plane-invalid", name, value, message)
    return found


def _choose_default_sources(role: str, listener: Listener) -> tuple[str, ...]:
    if listener.name in ("cluster", "cluster_telemetry"):
        return ("data_planes",) if role == "control_plane" else ("peers",)
    if listener.name == "admin_gui":
        return DEFAULT_SOURCES["admin"]
    return DEFAULT_SOURCES[listener.name]

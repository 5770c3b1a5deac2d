# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes as read from their own variables, before the fleet is checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import ERROR
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.bounds import read_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.connection import read_connection
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.contract import (
    HYBRID_VARIABLES,
    SETTING_VARIABLES,
    SOURCE_VARIABLES,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import get_facts, list_fact_addresses
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.hosts import read_host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.interception import (
    InterceptRule,
    read_interception,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.node_checks import (
    check_addresses,
    check_bind_addresses,
    check_expected,
    check_generation,
    check_names,
    check_ssh_port,
    warn_of_loopback,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import VARIABLE as PUBLISHED_PORTS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import read_published
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.settings_file import read_settings_file
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.sources import (
    DEFAULT_SOURCES,
    Terms,
    check_unused_terms,
    read_terms,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.ssh_port import SSH_PORT, read_ssh_port
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import HostVariables, Names
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
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener

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
    variables.check_all()
    # The playbook staged reads them later.
    read_networks(variables, "kong_staged_expected")
    generation = _read_generation(variables)
    if generation is None:
        return None
    host = read_host(variables)
    role = _read_role(variables)
    cluster = variables.read_text("kong_cluster", "default")
    given = variables.read_settings(SETTING_VARIABLES | {"kong_config"})
    version = parse_version(variables.read_value("kong_version", DEFAULT_VERSION))
    own = frozenset({*host.list_addresses(), *list_fact_addresses(get_facts(variables))})
    in_container = variables.read_value(PUBLISHED_PORTS) is not None
    found = read_listeners(host.name, version, role, given, {} if in_container else _make_defaults(generation, host))
    variables.findings.extend(found.findings)
    published = read_published(variables, found.listeners, own)
    reachable = found.listeners if published is None else published
    check_bind_addresses(variables, dict.fromkeys([*found.listeners, *reachable]))
    check_addresses(variables, host, reachable)
    check_ssh_port(variables, host, own, reachable)
    check_generation(variables, generation, host)
    check_names(variables)
    check_expected(variables)
    staged = variables.read_value("kong_firewall_state") == "staged"
    counts = staged or variables.read_value("kong_firewall_record", False)
    node = Node(
        host=host,
        cluster=cluster,
        version=version.text,
        role=role,
        generation=generation.name,
        settings=found.settings,
        settings_file=read_settings_file(variables, generation),
        listeners=found.listeners,
        config=tuple(sorted(found.config)),
        published=published,
        connection=read_connection(variables),
        staged=staged,
        count_days=int(variables.read_value("kong_staged_days", DEFAULT_DAYS)) if counts else 0,
    )
    variables.findings.extend(find_standby_notes(node))
    sound = all(finding.severity != ERROR for finding in found.findings)
    intercept_rules = read_interception(variables, generation, node, own) if sound else ()
    terms = _read_terms(variables, node, names, {rule.listener for rule in intercept_rules})
    given |= _read_control_planes(variables, generation) | variables.read_settings(frozenset({"kong_site"}))
    # The fact with the output of `hostname`, which is part of the name of a Serf agent.
    host_name = str(get_facts(variables).get("nodename", ""))
    return Draft(node, generation, terms, given, intercept_rules, read_ssh_port(variables), own, host_name)


def _read_generation(variables: HostVariables) -> Generation | None:
    value = variables.read_value("kong_version", DEFAULT_VERSION)
    try:
        return find_generation(parse_version(value))
    except VersionError as exc:
        variables.add_error(exc.code, "kong_version", value, str(exc))
        return None


def _read_role(variables: HostVariables) -> str:
    role = variables.read_text("kong_role", ROLES[0])
    if role in ROLES:
        return role
    variables.add_error("role-unknown", "kong_role", role, f"it must be one of {', '.join(ROLES)}")
    return ROLES[0]


def _make_defaults(generation: Generation, host: Host) -> dict[str, str]:
    """Return the values that replace Kong's defaults: gossip binds the address that peers dial, instead of every address."""
    if generation.gossip and host.address.ipv4:
        return {"cluster_listen": f"{host.address.ipv4}:{GOSSIP_PORT}"}
    return {}


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


def _read_terms(
    variables: HostVariables, node: Node, names: Names, targets: set[Listener]
) -> dict[tuple[str, int], Terms]:
    """Read the sources of every listener that other hosts can reach, or that receives intercepted packets.

    The sources of other listeners are checked only.
    """
    terms = {}
    for listener in (*node.reachable, *targets):
        key = (listener.name, listener.own_port)
        if (not listener.is_loopback or listener in targets) and key not in terms:
            terms[key] = read_terms(variables, *key, _choose_default_sources(node, listener), names)
    for name in sorted(SOURCE_VARIABLES):
        check_unused_terms(
            variables, name, [port for (_name, port), found in terms.items() if found.variable == name], names
        )
    for listener in node.listeners:
        if all(socket.is_loopback and socket not in targets for socket in node.select_listeners(listener.name)):
            warn_of_loopback(variables, node, listener)
    return terms


def _choose_default_sources(node: Node, listener: Listener) -> tuple[str, ...]:
    if listener.name in ("cluster", "cluster_telemetry"):
        return ("data_planes",) if node.role == "control_plane" else ("peers",)
    if listener.name == "admin_gui":
        return DEFAULT_SOURCES["admin"]
    return DEFAULT_SOURCES[listener.name]

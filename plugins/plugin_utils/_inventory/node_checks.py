# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of a node with its listeners: addresses that the host lacks, ports of SSH, versions and names."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonicalise_network,
    explain_unusable,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import (
    get_known_facts,
    list_fact_addresses,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import VARIABLE as PUBLISHED_PORTS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import get_bind_variable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.sources import NOBODY, find_sources_variable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.ssh_port import find_ssh_conflicts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    HostVariables,
    find_misspelt_variables,
    make_host_warning,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.virtual import VIRTUAL
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.collisions import describe, find_sharing
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.generations import Generation
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first, make_natural_key

_NOT_ON_HOST = "the host does not have this address"
EXPECTED = "kong_staged_expected"


def check_generation(variables: HostVariables, generation: Generation, host: Host) -> None:
    """Add an error for a setting that this version would ignore without a message, or could not use."""
    if generation.gossip and host.address and not host.address.ipv4:
        variables.add_error(
            "gossip-ipv4",
            "kong_address",
            host.address.ipv6,
            f"gossip of Kong {generation.versions} uses IPv4 only; give the node an IPv4 address",
        )


def check_bind_addresses(variables: HostVariables, listeners: Iterable[Listener]) -> None:
    """Add an error for each bind address that no host can have, or that other hosts cannot dial."""
    for listener in listeners:
        bound = None if listener.is_loopback else listener.bound
        if bound and (reason := explain_unusable(bound)):
            message = (
                f"it is {reason}, at which no other host reaches Kong. Bind an address of the host, or 0.0.0.0 or [::]"
            )
            variables.add_error("bind-not-on-host", get_bind_variable(listener), bound, message)


def check_addresses(variables: HostVariables, host: Host, listeners: tuple[Listener, ...]) -> None:
    """Compare addresses with those in the host's facts, if there are facts."""
    present = set(list_fact_addresses(get_known_facts(variables)))
    if not present:
        return
    for address in host.address.list_all():
        if address not in present:
            message = (
                f"{_NOT_ON_HOST}. Correct the address, or gather facts again. If a NAT device has the address, it is an "
                "outside address of kong_nat"
            )
            variables.add_error("address-not-on-host", "kong_address", address, message, _list_present(present))
    own = present | set(host.list_addresses())
    for listener in listeners:
        if listener.bound in {None, *own} or listener.is_loopback or explain_unusable(listener.bound):
            continue
        advice = f"If it may move to this host, as with keepalived, add it to {VIRTUAL}"
        if sharing := find_sharing(listener, listeners):
            message = (
                f"{_NOT_ON_HOST}. nginx opens only {describe(sharing)}, so the entry has no effect: remove it. {advice}"
            )
            warning = make_host_warning(
                "bind-not-on-host", host.name, get_bind_variable(listener), listener.address, message
            ).with_detail(_list_present(present))
            variables.findings.append(warning)
        else:
            message = f"{_NOT_ON_HOST}. {advice}"
            variables.add_error(
                "bind-not-on-host", get_bind_variable(listener), listener.address, message, _list_present(present)
            )


def _list_present(present: set[str]) -> str:
    return f"has {list_first(sorted(present, key=make_natural_key), 6)}"


def check_ssh_port(variables: HostVariables, host: Host, own: frozenset[str], listeners: tuple[Listener, ...]) -> None:
    """Add an error for each listener on the port of the SSH server through which Ansible connects."""
    for listener, port in find_ssh_conflicts(variables, host, own, listeners):
        name = get_bind_variable(listener)
        message = (
            f"{listener.name} would use tcp port {port}, at which Ansible connects to the SSH server of this host, so one of "
            "them cannot start. Use another port, or correct ansible_port"
        )
        variables.add_error("ssh-port-taken", name, variables.read_value(name), message)


def check_names(variables: HostVariables) -> None:
    names = [name for name in variables.variables if name.startswith("kong_")]
    variables.findings.extend(find_misspelt_variables(variables.host, names))


def check_expected(variables: HostVariables) -> None:
    """Add an error for each expected source that is no address or network."""
    for text in variables.list_items(EXPECTED):
        try:
            canonicalise_network(text)
        except AddressError as exc:
            variables.add_error("variable-invalid", EXPECTED, text, f"{exc}. Give addresses and networks")


def warn_of_loopback(variables: HostVariables, node: Node, listener: Listener) -> None:
    """Add a warning if sources are set for a listener that no other host can reach."""
    name = find_sources_variable(listener.name, variables)
    value = variables.read_value(name)
    if value in (None, [], NOBODY, [NOBODY]):
        return
    message = f"{listener.setting} binds {listener.address}, so no other host can reach it; set kong_{listener.setting}"
    if node.published is not None:
        if name != f"kong_{listener.name}_sources":
            return  # The variable is primarily for another listener.
        where = "is published on loopback only" if node.select_listeners(listener.name) else "is not published"
        message = f"{listener.setting} {where}, so no other host can reach it; see {PUBLISHED_PORTS}"
    if (warning := make_host_warning("source-loopback", node.name, name, value, message)) not in variables.findings:
        variables.findings.append(warning)

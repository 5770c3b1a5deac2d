# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts: their addresses, VPN addresses, NAT mappings and egress, read from variables and facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    FAMILIES,
    NO_ADDRESSES,
    AddressError,
    Addresses,
    Family,
    contains,
    covers_everything,
    find_family,
    read_addresses,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import make_plain
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.bounds import (
    NETWORKS,
    check_bounds,
    read_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.facts import (
    ask,
    check_unused_query,
    get_facts,
    get_known_facts,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.interfaces import (
    OwnAddresses,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.mappings import read_mappings
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.temporary import (
    make_source_warning,
    make_temporary_warning,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import FactsNeededError, HostVariables
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.virtual import VIRTUAL, check_own, read_virtual
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first, quote_value

DEFAULT_SITE = "default"
NAT_VARIABLES = ("kong_nat_egress", "kong_nat", "kong_nat_query")


def read_host(variables: HostVariables) -> Host:
    """Read one host. Errors are added to the findings of ``variables``."""
    host = _read_host(variables)
    given = _list_addresses(variables, host)
    check_bounds(variables, given, lambda own: _list_addresses(own, _read_host(own)))
    variables.findings += (
        make_temporary_warning(variables.host, name, address, variables.host)
        for name, address in given
        if address.removesuffix("/128") in host.temporary
    )
    return host


def list_temporary_addresses(variables: HostVariables) -> tuple[str, ...]:
    """Return the addresses of a host that look temporary in its facts, none if its facts are not known."""
    return OwnAddresses.read(get_known_facts(variables), ()).temporary


def _read_host(variables: HostVariables) -> Host:
    """Read one host. Facts are read last, because FactsNeededError ends the check of variables that need none."""
    virtual = read_virtual(variables)
    vpn = _read_addresses(variables, "kong_vpn_address", variables.read_value("kong_vpn_address"))
    egress = _read_egress(variables)
    read_own = cache(lambda: OwnAddresses.read(get_facts(variables), virtual))
    read_address = cache(lambda: _read_address(variables, read_own))
    nat = tuple(read_mappings(variables, lambda: (*read_address().list_all(), *virtual)))
    address = read_address()
    check_own(variables, virtual, (*address.list_all(), *vpn.list_all()))
    known = OwnAddresses.read({}, virtual)
    with suppress(FactsNeededError):  # they are for warnings only
        known = read_own()
    return Host(
        name=variables.host,
        site=variables.read_text("kong_site", DEFAULT_SITE),
        address=address,
        vpn=vpn,
        egress=egress,
        nat=nat,
        flat=variables.read_boolean("kong_flat_network"),
        virtual=virtual,
        networks=_read_networks(variables, address, read_own),
        temporary=known.temporary,
        bridged=known.bridged,
        states_site=variables.read_value("kong_site") is not None,
    )


def _read_networks(variables: HostVariables, address: Addresses, read_own: Callable[[], OwnAddresses]) -> Networks:
    """Return the source addresses by network from facts; none if kong_address states the address of every connection."""
    if variables.read_value("kong_address") is not None or "kong_address" in variables.refused:
        return ()
    own = read_own()
    if own.temporary_sources:
        variables.findings.append(make_source_warning(variables, own.temporary_sources))
    networks = own.list_networks(address)
    if variables.read_value(NETWORKS) is None:
        return networks
    bounds = read_networks(variables.without_facts(), NETWORKS)
    return tuple(
        (network, source if source and any(contains(bound, source) for bound in bounds) else None)
        for network, source in networks
    )


def _read_address(variables: HostVariables, read_own: Callable[[], OwnAddresses]) -> Addresses:
    readers: Mapping[str, Callable[[HostVariables, str, Any], Addresses]] = {
        "kong_address": _read_addresses,
        "kong_address_query": _read_query_address,
        NETWORKS: partial(_choose_address_in_networks, read_own),
    }
    if variables.read_value("kong_address") is not None or "kong_address" in variables.refused:
        check_unused_query(variables, "kong_address_query")
    for name, read in readers.items():
        value = variables.read_value(name)
        if name in variables.refused:
            return NO_ADDRESSES
        if value is not None:
            return read(variables, name, value)
    return _choose_default_address(variables, read_own())


def _read_addresses(variables: HostVariables, name: str, value: Any) -> Addresses:
    """Return the addresses of a variable."""
    try:
        return read_addresses(value)
    except AddressError as exc:
        variables.add_error("address-invalid", name, value, f"{exc}; give one IPv4 and/or one IPv6 address")
        return NO_ADDRESSES


def _read_query_address(variables: HostVariables, name: str, query: Any) -> Addresses:
    """Return the addresses in the result of a query. No result is an error."""
    before = len(variables.findings)
    answer = ask(variables, name, query)
    try:
        addresses = read_addresses(answer)
    except AddressError as exc:
        message = "its result has no usable address; correct the query"
        variables.add_error(
            "address-invalid", name, query, message, f"has the result {quote_value(make_plain(answer))}: {exc}"
        )
        return NO_ADDRESSES
    if not addresses and len(variables.findings) == before:
        message = "its result has no address; correct the query, or gather the facts that it reads"
        variables.add_error("address-unknown", name, query, message)
    return addresses


def _choose_default_address(variables: HostVariables, own: OwnAddresses) -> Addresses:
    """Choose an address from facts: the address of the default route, or the only address."""
    found = {family: _choose_default_of_family(variables, own, family) for family in FAMILIES}
    addresses = Addresses(ipv4=found[4], ipv6=found[6])
    if not addresses and not any(finding.code == "address-ambiguous" for finding in variables.findings):
        message = (
            "it is not set, and the facts of the host have no address that other hosts can use. Set kong_address"
            if get_facts(variables)
            else "the host's address is not known: kong_address is not set, and the host has no facts (it may be "
            "unreachable or outside --limit; the playbook plan gathers no facts). Set kong_address, or keep the facts of all "
            "hosts in a cache (fact_caching)"
        )
        variables.add_error("address-unknown", "kong_address", None, message)
    return addresses


def _choose_default_of_family(variables: HostVariables, own: OwnAddresses, family: Family) -> str | None:
    if address := own.choose_permanent_default(family):
        return address
    candidates = [address for address in own.permanent if find_family(address) == family]
    if len(candidates) > 1 and family == 4:
        variables.add_error(
            "address-ambiguous",
            "kong_address",
            None,
            "the host has several addresses and no default route; set kong_address or kong_address_networks",
            f"has {list_first(candidates, 6)}",
        )
        return None
    return candidates[0] if len(candidates) == 1 else None


def _choose_address_in_networks(
    read_own: Callable[[], OwnAddresses], variables: HostVariables, name: str, _value: Any
) -> Addresses:
    """Choose for each family the host's first address in the first network that contains one of its addresses."""
    networks = read_networks(variables, name)
    present = read_own().permanent
    chosen: dict[Family, str] = {}
    for network in networks:
        for address in present:
            if contains(network, address):
                chosen.setdefault(find_family(address), address)
    if not chosen:
        variables.add_error(
            "address-unknown",
            name,
            list(networks),
            "no address of the host is in these networks. Set kong_address, add the right network, or gather the host's facts",
            f"has in its facts {list_first(present, 4) or 'no address'}",
        )
    return Addresses(ipv4=chosen.get(4), ipv6=chosen.get(6))


def _list_addresses(variables: HostVariables, host: Host) -> list[tuple[str, str]]:
    """Return the addresses and networks of a host, each with its variable."""
    address_variable = "kong_address_query" if variables.read_value("kong_address") is None else "kong_address"
    nat_variable = "kong_nat_query" if variables.read_value("kong_nat") is None else "kong_nat"
    outside = [address for mapping in host.nat for address in (mapping.outside, mapping.hairpin_source) if address]
    by_variable = {
        address_variable: host.address.list_all(),
        "kong_vpn_address": host.vpn.list_all(),
        VIRTUAL: host.virtual,
        "kong_nat_egress": host.egress,
        nat_variable: outside,
    }
    return [(name, address) for name, found in by_variable.items() for address in found]


def _read_egress(variables: HostVariables) -> tuple[str, ...]:
    name = "kong_nat_egress"
    networks = read_networks(variables, name) if variables.read_value(name) is not None else ()
    if covers_everything(networks):
        message = "as a source this would be any address; give the source addresses of this host at other sites"
        variables.add_error("address-invalid", name, list(networks), message)
    return networks

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source terms: the allowed sources of a listener in the inventory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonicalise_network,
    contains,
    covers_everything,
    explain_hostless,
    parse_port,
    sort_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.bounds import check_bounds
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    HostVariables,
    Names,
    make_host_warning,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import quote_value

ANY = "any"
NOBODY = "nobody"
MEMBERS = ("peers", "control_planes", "data_planes")
_UNSPECIFIED = ("0.0.0.0/32", "::/128")
_LOOPBACK = ("127.0.0.0/8", "::1/128")

# The allowed sources without a variable in the inventory: DESIGN, section 3.
DEFAULT_SOURCES: Mapping[str, tuple[str, ...]] = {
    "proxy": (ANY,),
    "stream": (ANY,),
    "admin": (NOBODY,),
    "status": (NOBODY,),
    "portal_gui": (NOBODY,),
    "portal_api": (NOBODY,),
    "debug": (NOBODY,),
    "cluster_rpc": (NOBODY,),
}
# A listener without its own sources has the same sources as another listener.
_SAME_AS = {"admin_gui": "admin", "cluster_telemetry": "cluster"}
# Access to one of these is control of Kong, so `any` needs an explicit opt-in.
GUARDED = frozenset({"admin", "admin_gui", "cluster_rpc", "debug"})


@dataclass(frozen=True, slots=True)
class Terms:
    """The checked source terms of one listener.

    ``networks`` are CIDR text. ``hosts`` and ``groups`` exist in the inventory. ``members`` are words of MEMBERS. ``given``
    tells whether the terms are from the inventory or the default. ``variable`` is their variable.
    """

    any: bool
    given: bool
    networks: tuple[str, ...]
    members: tuple[str, ...]
    hosts: tuple[str, ...]
    groups: tuple[str, ...]
    variable: str


def find_sources_variable(listener: str, variables: HostVariables) -> str:
    """Return the name of the variable with the allowed sources of a listener."""
    own = f"kong_{listener}_sources"
    if listener in _SAME_AS and variables.read_value(own) is None:
        return f"kong_{_SAME_AS[listener]}_sources"
    return own


def read_terms(variables: HostVariables, listener: str, port: int, default: Sequence[str], names: Names) -> Terms:
    """Read the allowed sources of a port of a listener. Errors are added to the findings of ``variables``."""
    name = find_sources_variable(listener, variables)
    items = _list_terms(variables, name, port, default)
    terms = _check_items(variables, name, port, items, default, names)
    for word in default:
        if word in MEMBERS and word not in items and not terms.any:
            message = f"it does not contain {word}, which the cluster needs; add it to the list"
            variables.findings.append(make_host_warning("source-replaced", variables.host, name, items, message))
    opens = terms.any or covers_everything(terms.networks)
    if opens and listener in GUARDED and variables.read_boolean("kong_admin_allow_any") is not True:
        variables.add_error(
            "source-any",
            name,
            items,
            f"it opens {listener} on port {port} to any source. Name the sources, or set kong_admin_allow_any: true",
        )
    return terms


def check_unused_terms(variables: HostVariables, name: str, used: Collection[int], names: Names) -> None:
    """Check the sources of ports that the node does not open to other hosts, before a change of the node opens them.

    ``used`` are the ports whose terms were read. Errors are added to the findings of ``variables``.
    """
    given = variables.read_value(name)
    if given is None or (used and not (given and isinstance(given, Mapping))):
        return
    for key in given if isinstance(given, Mapping) and given else ("",):
        if key not in map(str, used):
            port = parse_port(key) or 0
            if key and not port:
                variables.add_error(
                    "port-invalid", name, given, f"the key {quote_value(key)} is not a port from 1 to 65535; correct it"
                )
            terms = given.get(key) if isinstance(given, Mapping) else given
            items = _require_terms(variables, name, terms or [], f" for port {key}" if key else "")
            _check_items(variables, name, port, items, (), names)


def _check_items(
    variables: HostVariables, name: str, port: int, items: list[str], default: Sequence[str], names: Names
) -> Terms:
    """Return the sorted terms. Errors of single terms, or of terms that exclude each other, are added to the findings."""
    terms = _check_terms(variables, name, items, names)

    def list_networks(read: HostVariables) -> list[tuple[str, str]]:
        own = _check_terms(read, name, _list_terms(read, name, port, default), names)
        return [(name, network) for network in own.networks]

    check_bounds(variables, [(name, network) for network in terms.networks], list_networks)
    if NOBODY in items and len(items) > 1:
        variables.add_error(
            "source-contradiction", name, items, "`nobody` must be the only term; remove it or all other terms"
        )
    return terms


def _list_terms(variables: HostVariables, name: str, port: int, default: Sequence[str]) -> list[str]:
    """Return the terms of a variable: a term, a list of terms, or for streams a mapping from port to terms."""
    given = variables.read_value(name)
    terms = given.get(str(port)) if isinstance(given, Mapping) else given
    if given is None:
        return list(default)
    if terms is None:
        message = f"it has no key for port {port}, which the node opens; add the port, with `any` or `nobody` if that is intended"
        variables.add_error("source-port-missing", name, given, message)
        return [NOBODY]
    return _require_terms(variables, name, terms, f" for port {port}" if isinstance(given, Mapping) else "")


def _require_terms(variables: HostVariables, name: str, terms: Sequence[str], where: str) -> list[str]:
    if not terms:
        # Each port that the node opens needs its key.
        advice = "or its sources" if where else "or remove it"
        message = f"the list{where} is empty, so it would allow no host; write nobody if that is intended, {advice}"
        variables.add_error("source-empty", name, variables.read_value(name), message)
    return list(terms or [NOBODY])


def _check_terms(variables: HostVariables, name: str, items: Sequence[str], names: Names) -> Terms:
    terms, wrong = _sort_terms(name, tuple(items), names, is_given=variables.read_value(name) is not None)
    for term, reason in wrong:
        variables.add_error("source-unknown", name, term, reason)
    return terms


# Most nodes of a fleet share their sources with other nodes.
@lru_cache(maxsize=1024)
def _sort_terms(
    name: str, items: tuple[str, ...], names: Names, *, is_given: bool
) -> tuple[Terms, tuple[tuple[str, str], ...]]:
    """Return the terms of a variable by kind, and each wrong term with the reason and the fix."""
    networks, members, hosts, groups, wrong = [], [], [], [], []
    for term in items:
        if term in (ANY, NOBODY):
            continue
        if term in MEMBERS:
            members.append(term)
            continue
        try:
            if term.startswith("@"):
                groups.append(_find_group(term, names))
            elif term in names.hosts:
                hosts.append(term)
            else:
                networks.append(_parse_network(term))
        except ValueError as exc:
            wrong.append((term, str(exc)))
    terms = Terms(
        any=ANY in items,
        given=is_given,
        networks=sort_networks(networks),
        members=tuple(dict.fromkeys(members)),
        hosts=tuple(dict.fromkeys(hosts)),
        groups=tuple(dict.fromkeys(groups)),
        variable=name,
    )
    return terms, tuple(wrong)


def _find_group(term: str, names: Names) -> str:
    """Return the name of a group with hosts. Raises ValueError for any other group."""
    if names.groups.get(term[1:]):
        return term[1:]
    reason = "this inventory group has no hosts" if term[1:] in names.groups else "there is no such inventory group"
    raise ValueError(f"{reason}, so it would allow no host; correct or remove it")


def _parse_network(term: str) -> str:
    """Return an address or network as CIDR text. Raises ValueError for text that no packet has as source."""
    try:
        network = canonicalise_network(term)
    except AddressError as exc:
        looks_like_network = term[:1].isdigit() or ":" in term
        raise _make_wrong(str(exc) if looks_like_network else "it is not a host of the inventory") from exc
    if impossible := explain_hostless(network):
        advice = "; for any source write any" if network in _UNSPECIFIED else ""
        raise _make_wrong(f"it is {impossible}, and no packet has such a source{advice}")
    if any(contains(loopback, network) for loopback in _LOOPBACK):
        raise ValueError(
            "it is a loopback address, which only the host itself has, and the host itself may always connect. Remove it, or write "
            f"{NOBODY} if no other host may connect"
        )
    return network


def _make_wrong(reason: str) -> ValueError:
    return ValueError(
        f"{reason}. A source is an address, a network, any, nobody, peers, control_planes, data_planes, a host of the "
        "inventory, or a group written as @group"
    )

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source terms: who may connect, as the inventory words it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import (
    AddressError,
    canonical_network,
    covers_everything,
    sorted_networks,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.bounds import check_bounds
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import (
    HostVariables,
    Names,
    host_warning,
)

ANY = "any"
NOBODY = "nobody"
MEMBERS = ("peers", "control_planes", "data_planes")
_UNSPECIFIED = ("0.0.0.0/32", "::/128")

# Who may connect where the inventory says nothing: DESIGN, section 3.
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
# Listeners whose sources are another's where they have none of their own.
_SAME_AS = {"admin_gui": "admin", "cluster_telemetry": "cluster"}
# An open one of these is an open Kong: `any` needs an explicit opt-in.
GUARDED = frozenset({"admin", "admin_gui", "cluster_rpc", "debug"})


@dataclass(frozen=True, slots=True)
class Terms:
    """The checked source terms of one listener.

    ``networks`` are CIDR text; ``hosts`` and ``groups`` exist in the inventory; ``members`` are words of MEMBERS. With
    ``given`` they stand in the inventory, otherwise they are the default.
    """

    any: bool = False
    given: bool = False
    networks: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def sources_variable(listener: str, variables: HostVariables) -> str:
    """Return the name of the variable that decides who may reach a listener."""
    own = f"kong_{listener}_sources"
    if listener in _SAME_AS and variables.value(own) is None:
        return f"kong_{_SAME_AS[listener]}_sources"
    return own


SOURCE_VARIABLES = frozenset(f"kong_{listener}_sources" for listener in (*DEFAULT_SOURCES, *_SAME_AS, "cluster"))


def read_terms(variables: HostVariables, listener: str, port: int, default: Sequence[str], names: Names) -> Terms:
    """Read who may reach a port of a listener; what is wrong is added to the findings of ``variables``."""
    name = sources_variable(listener, variables)
    items = _items(variables, name, port, default)
    terms = _sorted_terms(variables, name, items, names)

    def networks(read: HostVariables) -> list[tuple[str, str]]:
        own = _sorted_terms(read, name, _items(read, name, port, default), names)
        return [(name, network) for network in own.networks]

    check_bounds(variables, [(name, network) for network in terms.networks], networks)
    if NOBODY in items and len(items) > 1:
        variables.error(
            "source-contradiction", name, items, "nobody stands alone; leave it out, or leave the others out"
        )
    left_out = sorted({*default} & {*MEMBERS} - {str(item) for item in items})
    if left_out and not terms.any:
        message = (
            f"it leaves out {', '.join(left_out)}, which the cluster needs; add to the default, and seldom replace it"
        )
        variables.findings.append(host_warning("source-replaced", variables.host, name, items, message))
    opens = terms.any or covers_everything(terms.networks)
    if opens and listener in GUARDED and variables.boolean("kong_admin_allow_any") is not True:
        variables.error(
            "source-any",
            name,
            items,
            f"it opens {listener} on port {port} to everybody. Name the sources, or say kong_admin_allow_any: true",
        )
    return terms


def _items(variables: HostVariables, name: str, port: int, default: Sequence[str]) -> list[Any]:
    """Return the terms of a variable: a term, a list of terms, or for streams a mapping from port to terms."""
    value = variables.value(name)
    if isinstance(value, Mapping):
        by_port = {str(key): terms for key, terms in value.items()}
        value = by_port.get(str(port))
        if value is None:
            message = (
                f"it says nothing of port {port}, which the node opens; add it, with any or nobody if that is meant"
            )
            variables.error("source-port-missing", name, by_port, message)
            return [NOBODY]
    if value is None:
        return list(default)
    items = value if isinstance(value, (list, tuple)) else [value]
    return [item.strip() if isinstance(item, str) else item for item in items]


def _sorted_terms(variables: HostVariables, name: str, items: list[Any], names: Names) -> Terms:
    networks, members, hosts, named_groups = [], [], [], []
    for item in items:
        term = str(item)
        if term in (ANY, NOBODY):
            continue
        if term in MEMBERS:
            members.append(term)
        elif term.startswith("@"):
            named_groups.append(_group(variables, name, term, names))
        elif term in names.hosts:
            hosts.append(term)
        else:
            networks.append(_network(variables, name, term))
    return Terms(
        any=ANY in items,
        given=variables.value(name) is not None,
        networks=sorted_networks(network for network in networks if network),
        members=tuple(dict.fromkeys(members)),
        hosts=tuple(dict.fromkeys(hosts)),
        groups=tuple(dict.fromkeys(group for group in named_groups if group)),
    )


def _group(variables: HostVariables, name: str, term: str, names: Names) -> str | None:
    if names.groups.get(term[1:]):
        return term[1:]
    what = "this inventory group has no hosts" if term[1:] in names.groups else "there is no such inventory group"
    variables.error("source-unknown", name, term, f"{what}, so nobody would be let in; correct it or leave it out")
    return None


def _network(variables: HostVariables, name: str, term: str) -> str | None:
    try:
        network = canonical_network(term)
        if network not in _UNSPECIFIED:
            return network
        why = "no packet comes from this address; everybody is any"
    except AddressError as exc:
        looks_like_network = term[:1].isdigit() or ":" in term
        why = str(exc) if looks_like_network else "it is no host of the inventory"
    variables.error(
        "source-unknown",
        name,
        term,
        f"{why}. A source is an address, a network, any, nobody, peers, control_planes, data_planes, a host of the "
        "inventory, or a group of it written @group",
    )
    return None

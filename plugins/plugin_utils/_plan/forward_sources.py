# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources that come through each forward of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import FAMILIES, find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.caller_lists import Listed
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.flows import (
    ANYONE,
    Callers,
    format_source,
    list_own_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import (
    count_noun,
    join_words,
    list_ranges,
    make_natural_key,
)


def list_forward_sources(plan: Mapping[str, Any], forward: Mapping[str, Any], callers: Callers) -> list[str]:
    """Return the sources that come through a forward of the plan: hosts with the addresses that the node sees, then networks.

    Hosts with the same addresses and consecutive names share a text, such as ``k1 to k4 (192.0.2.1)``.
    Networks that the inventory gives as text are listed if no host of the plan has them, because their path is not known.
    """
    if isinstance(forward["sources"], str):
        return [ANYONE]
    node, rule = get_node(plan, forward["node"]), callers.find_rule(plan, forward["sources"])
    if callers.needs_summary(rule):
        listed = list_forward_callers(plan, forward, callers)
        return (
            [f"{count_noun(sum(part.callers for part in listed), 'source')} of {join_words(rule.sets)}"]
            if listed
            else []
        )
    outside = Endpoint(forward["outside"], forward["outside_port"])
    through: dict[tuple[str, ...], dict[str, None]] = {}
    known = set(list_own_sources(node.host))
    for listener in (listener for listener in node.reachable if listener.name == forward["listener"]):
        for family in (family for family in FAMILIES if family in listener.families):
            for kind, route in callers.list_routes(node, listener, forward["protocol"], family, rule):
                allowed = callers.select_allowed(kind, route, node.host, rule)
                known.update(source for _name, networks in allowed for source in networks)
                reaching = allowed if route.dialled == outside else ()
                for name, networks in reaching:
                    through.setdefault(tuple(networks), {})[name] = None
    itself = [source for source in list_own_sources(node.host) if rule.allows([source])] if forward["hairpin"] else []
    others = [format_source(network) for network in rule.networks if network not in known]
    hosts = [
        name_source(names, networks)
        for networks, named in through.items()
        for names in list_ranges(name for name in named if name != node.name)
    ]
    return [
        *sorted(hosts, key=make_natural_key),
        *([name_source(f"{node.name} itself", itself)] if itself else []),
        *others,
    ]


def list_forward_callers(plan: Mapping[str, Any], forward: Mapping[str, Any], callers: Callers) -> list[Listed]:
    """Return the lists of the sources that come through a forward, empty if list_forward_sources has them."""
    if isinstance(forward["sources"], str) or not callers.needs_summary(callers.find_rule(plan, forward["sources"])):
        return []
    node, rule = get_node(plan, forward["node"]), callers.find_rule(plan, forward["sources"])
    outside = Endpoint(forward["outside"], forward["outside_port"])
    listeners = [listener for listener in node.reachable if listener.name == forward["listener"]]
    found = dict.fromkeys(
        listed
        for listener in listeners
        for family in FAMILIES
        if family in listener.families
        for route, _site, listed in callers.lists.list_callers(node, listener, forward["protocol"], family, rule.sets)
        if route.dialled == outside
    )
    own = list_own_sources(node.host) if forward["hairpin"] else ()
    itself = [source for source in own if callers.lists.allows(rule.sets, [source])]
    networks = callers.list_unknown(rule, {find_family(forward["outside"])})
    return [
        *found,
        *([networks] if networks else []),
        *([Listed(0, 1, (), ((f"{node.name} itself", tuple(itself)),))] if itself else []),
    ]


def name_source(name: str, networks: Sequence[str]) -> str:
    """Return a host with the sources that a node sees, or a network, as text."""
    return f"{name} ({', '.join(map(format_source, networks))})" if networks else format_source(name)

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why one host reaches a listener of a node, or does not: what it dials, what is in between, and which rule decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import contains, family_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route, route_to, seen_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import unreachable_reason
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import (
    PlanError,
    planned_host,
    planned_node,
    planned_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escaped_all
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.observer import outcome_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    MEETS,
    SILENT,
    Probe,
    probed_listener,
    probes_from,
)


def chosen_probes(plan: Mapping[str, Any], caller: str, target: str, listener: str | None) -> list[Probe]:
    """Return the probes from a host to the listeners of a node, or to those of one name.

    Raises PlanError for names that the plan does not know.
    """
    names = sorted({one.name for one in planned_node(plan, target).reachable})
    if listener is not None and listener not in names:
        raise PlanError(f"{target!r} has no listener {listener!r}; it has {', '.join(names)}")
    return [one for one in probes_from(plan, caller) if one.target == target and listener in (None, one.listener)]


def explain(plan: Mapping[str, Any], probe: Probe, seen: Mapping[str, Any] | None) -> list[str]:
    """Return the lines that say what happens to a probe, and with what module kong_probe met of it, whether it did."""
    caller, node = planned_host(plan, probe.caller), planned_node(plan, probe.target)
    listener = probed_listener(node, probe)
    route = _route(caller, node, listener, probe)
    rows = [
        ("dials", str(probe.dialled)),
        ("on the way", _on_the_way(route, caller, node, listener)),
        *_arrival(plan, probe, route, caller, node),
        *(
            [("container", f"the host sends it on to port {listener.container_port} of Kong's container")]
            if route and listener.container_port
            else []
        ),
        ("expected", probe.expected),
        *([("seen", _met(probe, seen))] if seen else []),
    ]
    head = f"{probe.caller} to {probe.listener} of {probe.target}, {probe.protocol} {probe.port}:"
    return [head, *(f"  {name:<10}  {text}" for name, text in rows)]


def differs(probe: Probe, seen: Mapping[str, Any]) -> bool:
    """Tell whether a probe met something else than expected; of silence that means nothing, it cannot be told."""
    return seen["seen"] not in (SILENT, *MEETS[probe.expected])


def by_name(
    plan: Mapping[str, Any],
    probes: Sequence[Probe],
    results: Sequence[Mapping[str, Any]],
    observer: Mapping[str, Any] | None,
) -> dict[str, Mapping[str, Any]]:
    """Return what probes to one node met, by their names: results of module kong_probe, and what the node saw of them."""
    met = {one["name"]: one for one in escaped_all(results)}
    return {
        one.name: outcome_of(one, met[one.name], planned_node(plan, one.target), escaped_all(observer)).as_dict()
        for one in probes
        if one.name in met
    }


def _route(caller: Host, node: Node, listener: Listener, probe: Probe) -> Route | None:
    if listener.is_loopback:
        return None
    return route_to(caller, node, listener, probe.protocol, family_of(probe.dialled.address))


def _on_the_way(route: Route | None, caller: Host, node: Node, listener: Listener) -> str:
    if listener.is_loopback:
        how = "is published at" if listener.container_port else "listens on"
        return f"no path: it {how} {listener.address} only"
    if route is None:
        if reason := unreachable_reason(caller, node, [listener]):
            return f"no path. {reason}"
        return (
            f"no path: {node.host.name} (site {node.host.site}) has no mapping to this port for {caller.name} (site "
            f"{caller.site}), they share no VPN, and the network is not flat; the dialled address is its local one"
        )
    if route.mapping:
        back = ", and sends it back into the same site (hairpin)" if route.via == "hairpin" else ""
        return f"the NAT device {route.mapping.device} forwards {route.dialled} to {route.lands}:{route.port}{back}"
    return {"vpn": "the VPN, on which both are", "nat": f"the NAT of {caller.name}, on its way out"}.get(
        route.via, "nothing: both are in one network"
    )


def _arrival(
    plan: Mapping[str, Any], probe: Probe, route: Route | None, caller: Host, node: Node
) -> list[tuple[str, str]]:
    if route is None:
        return []
    sources = seen_sources(route, caller, node.host)
    where = f"at {route.lands}:{route.port}, where {probe.target} sees {', '.join(sources)}"
    return [("arrives", where), ("rule", _rule(plan, probe, node, sources))]


def _rule(plan: Mapping[str, Any], probe: Probe, node: Node, sources: Sequence[str]) -> str:
    """Which entry of the node's ruleset decides, and by which of its sets."""
    named = planned_sources(plan, node)[probed_listener(node, probe), probe.protocol]
    if named == "any":
        return "anyone is let in"
    sets = {name: [*plan["sets"][name]["ipv4"], *plan["sets"][name]["ipv6"]] for name in named}
    holding = [name for name, networks in sets.items()
               if all(any(contains(network, source) for network in networks) for source in sources)]  # fmt: skip
    if holding:
        return f"let in, as set {holding[0]} holds it"
    return f"refused, as no set of this port holds it ({', '.join(sets) or 'it has none'})"


def _met(probe: Probe, seen: Mapping[str, Any]) -> str:
    detail = f" ({seen['detail']})" if seen.get("detail") else ""
    return f"{seen['seen']}{detail}{'  <<< differs' if differs(probe, seen) else ''}"

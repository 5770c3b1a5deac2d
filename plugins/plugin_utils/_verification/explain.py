# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Explains why a host reaches a listener of a node, or does not: the dialled address, the route, and the rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import contains, find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Route,
    find_route_to,
    list_route_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.remedies import Wanted
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.unreachable import (
    explain_unreachable,
    list_changes_to,
    make_reason_fault,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.members import list_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import get_host, get_node, list_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_all
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.causes import Evidence, infer_cause
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.gateways import (
    Inspected,
    is_hairpin_caller,
    list_hairpins,
    list_translations,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.observer import judge
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    Probe,
    find_probed_listener,
    list_probes_from,
)


def choose_probes(plan: Mapping[str, Any], caller: str, target: str, listener: str | None) -> list[Probe]:
    """Return the probes from a host to all listeners of a node, or to the listeners with one name.

    Raises PlanError if a name is not in the plan.
    """
    names = sorted({reachable.name for reachable in get_node(plan, target).reachable})
    if listener is not None and listener not in names:
        raise PlanError(f"{target!r} has no listener {listener!r}; it has {', '.join(names)}")
    return [
        probe
        for probe in list_probes_from(plan, caller)
        if probe.target == target and listener in (None, probe.listener)
    ]


def explain(
    plan: Mapping[str, Any], probe: Probe, outcomes: Mapping[str, Outcome], inspected: Inspected | None = None
) -> list[str]:
    """Return lines that explain a probe. With its outcome, add the result and the likely cause of a difference.

    `inspected` has the results of kong_gateway in check mode on gateways, None if no gateway was inspected.
    """
    outcome = outcomes.get(probe.name)
    caller, node = get_host(plan, probe.caller), get_node(plan, probe.target)
    listener = find_probed_listener(node, probe)
    route = _find_route(caller, node, listener, probe)
    rows = [
        ("dials", str(probe.dialled)),
        ("on the way", _explain_way(route, caller, node, listener)),
        *_explain_arrival(plan, probe, route, caller, node),
        *(
            [("container", f"the host forwards it to port {listener.container_port} of Kong's container")]
            if route and listener.container_port
            else []
        ),
        ("expected", probe.expected),
        *(_explain_result(Evidence(plan, outcomes.values(), inspected), outcome) if outcome else []),
    ]
    head = f"{probe.caller} to {probe.listener} of {probe.target}, {probe.protocol} {probe.port}:"
    return [head, *(f"  {name:<10}  {text}" for name, text in rows)]


def list_outcomes(
    plan: Mapping[str, Any],
    probes: Sequence[Probe],
    results: Sequence[Mapping[str, Any]],
    observer: Mapping[str, Any] | None,
) -> dict[str, Outcome]:
    """Return the outcomes of probes to one node by probe name, from module kong_probe and the observer of the node."""
    found = {result["name"]: result for result in escape_all(results)}
    return {
        probe.name: judge(probe, found[probe.name], get_node(plan, probe.target), escape_all(observer))
        for probe in probes
        if probe.name in found
    }


def _find_route(caller: Host, node: Node, listener: Listener, probe: Probe) -> Route | None:
    if listener.is_loopback:
        return None
    return find_route_to(caller, node, listener, probe.protocol, find_family(probe.dialled.address))


def _explain_way(route: Route | None, caller: Host, node: Node, listener: Listener) -> str:
    if listener.is_loopback:
        how = "is published at" if listener.container_port else "listens on"
        return f"no path: it {how} {listener.address} only"
    if route is None:
        if reason := explain_unreachable([caller], node, [listener]):
            list_changes = partial(list_changes_to, listener.name, Wanted([listener.port], "", listener.protocols))
            return str(make_reason_fault("no path.", "no path.", reason, node, [caller], list_changes))
        return (
            f"no path: {node.host.name} (site {node.host.site}) has no mapping to this port for {caller.name} (site "
            f"{caller.site}), they share no VPN, and the network is not flat; the dialled address is the local address"
        )
    virtual = (
        f"; {route.lands} is virtual, so the node that holds it answers" if route.lands in node.host.virtual else ""
    )
    if route.mapping:
        back = ", and sends it back into the same site (hairpin)" if route.via == "hairpin" else ""
        inside = Endpoint(route.lands, route.port)
        return f"the NAT device {route.mapping.device} forwards {route.dialled} to {inside}{back}{virtual}"
    ways = {"vpn": "the VPN of both hosts", "nat": f"the source NAT of {caller.name}"}
    return ways.get(route.via, "direct: both are in one network") + virtual


def _explain_arrival(
    plan: Mapping[str, Any], probe: Probe, route: Route | None, caller: Host, node: Node
) -> list[tuple[str, str]]:
    if route is None:
        return []
    sources = list_route_sources(route, caller, node.host)
    where = f"at {Endpoint(route.lands, route.port)}; {probe.target} sees the source {', '.join(sources)}"
    named = list_sources(plan, node)[find_probed_listener(node, probe), probe.protocol]
    return [
        *(("gateway", text) for text in _explain_gateways(plan, probe, route, caller, sources)),
        ("arrives", where),
        ("rule", _explain_sources(plan["sets"], named, sources)),
    ]


def _explain_gateways(
    plan: Mapping[str, Any], probe: Probe, route: Route, caller: Host, sources: Sequence[str]
) -> Iterator[str]:
    """Yield a text for each gateway of the inventory that translates the source or the destination of the probe."""
    for translation in list_translations(plan, route, probe.protocol, caller, sources):
        name = translation.gateway
        if entry := translation.egress:
            yield f"{name} replaces the source {entry['inside']} with {entry['outside']}"
        if forward := translation.forward:
            if route.via != "hairpin":
                verdict = _explain_sources(plan["sets"], forward["sources"], sources)
            elif is_hairpin_caller(list_hairpins(plan), route, probe.protocol, caller):
                verdict = f"allowed from its own site, with the source {forward['hairpin']['source']}"
            else:
                callers = ", ".join((forward["hairpin"] or {}).get("callers", ())) or "no host"
                verdict = f"dropped: of its own site it allows {callers}"
            yield f"forward of {name}: {verdict}"


def _explain_sources(plan_sets: Mapping[str, Any], named: str | Sequence[str], sources: Sequence[str]) -> str:
    """Return a text with the verdict of a rule for the named sets, or for any source, and the set that decides."""
    if named == "any":
        return "allowed: any source"
    sets = {name: list_networks(plan_sets, name) for name in named}
    holding = [name for name, networks in sets.items()
               if all(any(contains(network, source) for network in networks) for source in sources)]  # fmt: skip
    if holding:
        return f"allowed: set {holding[0]} contains the source"
    return f"dropped: no set of this port contains the source ({', '.join(sets) or 'the port has no set'})"


def _explain_result(evidence: Evidence, outcome: Outcome) -> list[tuple[str, str]]:
    detail = f" ({outcome.detail})" if outcome.detail else ""
    if not outcome.differs:
        return [("actual", f"{outcome.result}{detail}")]
    return [
        ("actual", f"{outcome.result}{detail}  <<< differs"),
        ("cause", infer_cause(evidence, outcome)),
    ]

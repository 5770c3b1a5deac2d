# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The likely cause of each difference that a verification found, inferred from the results of the other probes.

A cause is a guess that fits all results: a fault of a rule, a forward, a hairpin, a route, or a listener. The results
of other probes decide: the other protocol of the port, other callers of the port, other ports of the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import contains, find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Route,
    find_route_to,
    list_route_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.members import list_networks
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import (
    get_host,
    get_node,
    list_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    FILTERED,
    OPEN,
    find_probed_listener,
)


@dataclass(frozen=True)
class _Case:
    """A difference, its route (None without a path), the sources that the node sees, and all outcomes."""

    plan: Mapping[str, Any]
    outcome: Outcome
    route: Route | None
    sources: tuple[str, ...]
    everything: Sequence[Outcome]

    @property
    def source(self) -> str:
        """The first source, without the length of a single address."""
        return self.sources[0].removesuffix("/32").removesuffix("/128") if self.sources else self.outcome.probe.caller

    @property
    def lands(self) -> str:
        """The address and port of the node at which the packet arrives."""
        probe = self.outcome.probe
        address = self.route.lands if self.route else probe.dialled.address
        return f"[{address}]:{probe.port}" if ":" in address else f"{address}:{probe.port}"

    def list_others(self) -> Iterator[Outcome]:
        """Yield all other outcomes at the same node, without hosts that did not probe."""
        for outcome in self.everything:
            if outcome is not self.outcome and outcome.result and outcome.probe.target == self.outcome.probe.target:
                yield outcome

    def list_same_port(self) -> Iterator[Outcome]:
        """Yield the outcomes of other callers at the same port and protocol."""
        probe = self.outcome.probe
        for outcome in self.list_others():
            if (outcome.probe.port, outcome.probe.protocol) == (
                probe.port,
                probe.protocol,
            ) and outcome.probe.caller != probe.caller:
                yield outcome

    def has_other_protocol_open(self) -> bool:
        """Tell whether the same caller reaches the same address and port over the other protocol."""
        probe = self.outcome.probe
        return any(
            outcome.probe.caller == probe.caller and outcome.probe.dialled == probe.dialled and outcome.result == OPEN
            for outcome in self.list_others()
        )


def infer_cause(plan: Mapping[str, Any], outcome: Outcome, everything: Sequence[Outcome]) -> str:
    """Return one sentence with the likely cause of an outcome that is not as expected."""
    probe = outcome.probe
    caller, node = get_host(plan, probe.caller), get_node(plan, probe.target)
    listener = find_probed_listener(node, probe)
    family = find_family(probe.dialled.address)
    route = None if listener.is_loopback else find_route_to(caller, node, listener, probe.protocol, family)
    sources = list_route_sources(route, caller, node.host) if route else ()
    case = _Case(plan, outcome, route, sources, everything)
    if outcome.result == OPEN:
        return _explain_open(case)
    if probe.expected != OPEN:
        return _explain_refused(case) if outcome.result == "refused" else _explain_unreachable(case)
    if route and route.mapping and not outcome.arrived:
        return _explain_device(case, route)
    explain = {"refused": _explain_refused, "unreachable": _explain_unreachable}
    return explain.get(outcome.result or "", _explain_no_answer)(case)


def _explain_open(case: _Case) -> str:
    probe = case.outcome.probe
    if case.route is None:
        return (
            f"a path to {probe.dialled} exists that is not in the plan: a route, a forward, or a listener on more "
            "addresses"
        )
    refused = [outcome for outcome in case.list_others() if outcome.probe.expected == FILTERED]
    if any(outcome.probe.port != probe.port for outcome in refused) and all(
        outcome.result == OPEN for outcome in refused
    ):
        return f"{probe.target} blocks no source on the tested ports: its rules are not loaded"
    return (
        f"{probe.target} allows {case.source} on {probe.protocol} {probe.port}, but no set in the plan contains this "
        "address: a set on the node has an unexpected member, our rules contain an unexpected rule, or a third-party rule "
        "diverts the packet before our rules; run drift to find it"
    )


def _explain_refused(case: _Case) -> str:
    probe = case.outcome.probe
    return (
        f"no process listens at {case.lands} ({probe.protocol}) on {probe.target}, and its firewall passed the packet: "
        "Kong is stopped, or listens on another address or port"
    )


def _explain_unreachable(case: _Case) -> str:
    probe = case.outcome.probe
    if "no route" in case.outcome.detail or "network is down" in case.outcome.detail:
        return f"{probe.caller} has no route to {probe.dialled.address}"
    if any(outcome.result in (OPEN, "refused") for outcome in case.list_others()):
        return f"the route from {probe.caller} to {probe.dialled.address}, or the route back, is missing"
    return f"{probe.dialled.address} is down, or {probe.caller} has no route to it"


def _explain_device(case: _Case, route: Route) -> str:
    probe, device = case.outcome.probe, route.mapping.device if route.mapping else ""
    if case.outcome.result == "unreachable":
        return f"the NAT device {device} at {probe.dialled.address} is down, or {probe.caller} has no route to it"
    if case.has_other_protocol_open():
        other = "udp" if probe.protocol == "tcp" else "tcp"
        return f"{device} forwards {probe.dialled} for {other}, not for {probe.protocol}"
    reached = any(outcome.result == OPEN for outcome in case.list_same_port() if outcome.probe.dialled == probe.dialled)
    if reached and route.via == "hairpin":
        return (
            f"{device} does not send {probe.dialled} back into the site {get_host(case.plan, probe.caller).site} "
            f"(hairpin) with a source that {probe.target} allows ({case.source})"
        )
    if reached:
        return f"{_explain_missing_rule(case)}, or {device} forwards for some sources only"
    return (
        f"{device} is down, or does not forward {probe.dialled} to {case.lands} ({probe.protocol}), or no process "
        "listens there"
    )


def _explain_no_answer(case: _Case) -> str:
    probe = case.outcome.probe
    if case.has_other_protocol_open():
        other = "udp" if probe.protocol == "tcp" else "tcp"
        return f"{probe.target} allows {other} {probe.port}, but not {probe.protocol}: its rule is for {other} only"
    if _is_isolated(case):
        return f"{probe.target} is down or disconnected: no host reaches any of its listeners"
    if case.outcome.arrived is False:
        return f"a device between {probe.caller} and {probe.target} drops {probe.protocol} to {probe.dialled}"
    reached = any(outcome.result == OPEN for outcome in case.list_same_port())
    if case.route and case.route.via == "nat" and reached:
        return f"{_explain_missing_rule(case)}, or the NAT of {probe.caller} does not translate its source to {case.source}"
    return (
        _explain_missing_rule(case)
        if reached
        else f"{_explain_missing_rule(case)}, or another rule blocks the port for all sources"
    )


def _is_isolated(case: _Case) -> bool:
    """Tell whether no packet of another probe passed the node's firewall. A node whose observer answered is not isolated."""
    others = list(case.list_others()) if case.outcome.arrived is None else []
    return bool(others) and not any(outcome.result in (OPEN, "refused") for outcome in others)


def _explain_missing_rule(case: _Case) -> str:
    """Return a sentence about the rule that should allow the caller, and the set that should contain its source."""
    probe = case.outcome.probe
    node = get_node(case.plan, probe.target)
    named = list_sources(case.plan, node)[find_probed_listener(node, probe), probe.protocol]
    place = f"{probe.protocol} {probe.port}"
    if named == "any":
        return f"the rule of {probe.target} that allows any source on {place} is missing"
    sets = case.plan["sets"]
    holding = [name for name in named if any(contains(network, source) for source in case.sources
                                             for network in list_networks(sets, name))]  # fmt: skip
    return f"the set {' or '.join(holding)} of {probe.target} lacks {case.source}, or its rule for {place} is missing"

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The likely cause of each difference that a verification found, from what the other probes met.

A cause is a guess that explains all that was seen: of a rule, a forward, a hairpin, a route, or a listener. What was
seen elsewhere decides: the other protocol of the same port, other callers at the same port, other ports of the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import contains, family_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route, route_to, seen_sources
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import (
    planned_host,
    planned_node,
    planned_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import FILTERED, OPEN, probed_listener


@dataclass(frozen=True)
class _Case:
    """One difference: its route, None without a path; the sources that the node sees; what else was seen."""

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
        """Where the packet arrives on the node."""
        probe = self.outcome.probe
        address = self.route.lands if self.route else probe.dialled.address
        return f"[{address}]:{probe.port}" if ":" in address else f"{address}:{probe.port}"

    def others(self) -> Iterator[Outcome]:
        """Outcomes at the same node, without this one and those of which nothing is known."""
        for one in self.everything:
            if one is not self.outcome and one.seen and one.probe.target == self.outcome.probe.target:
                yield one

    def same_port(self) -> Iterator[Outcome]:
        """Outcomes of others at the same port and protocol, as planned."""
        probe = self.outcome.probe
        for one in self.others():
            if (one.probe.port, one.probe.protocol) == (
                probe.port,
                probe.protocol,
            ) and one.probe.caller != probe.caller:
                yield one

    def other_protocol_is_open(self) -> bool:
        """Whether the same caller reaches the same address and port over the other protocol."""
        probe = self.outcome.probe
        return any(
            one.probe.caller == probe.caller and one.probe.dialled == probe.dialled and one.seen == OPEN
            for one in self.others()
        )


def likely_cause(plan: Mapping[str, Any], outcome: Outcome, everything: Sequence[Outcome]) -> str:
    """Return in one sentence what is probably wrong where an outcome is not as expected."""
    probe = outcome.probe
    caller, node = planned_host(plan, probe.caller), planned_node(plan, probe.target)
    listener = probed_listener(node, probe)
    family = family_of(probe.dialled.address)
    route = None if listener.is_loopback else route_to(caller, node, listener, probe.protocol, family)
    sources = seen_sources(route, caller, node.host) if route else ()
    case = _Case(plan, outcome, route, sources, everything)
    if outcome.seen == OPEN:
        return _let_in(case)
    if probe.expected != OPEN:
        return _passed(case) if outcome.seen == "refused" else _unreachable(case)
    if route and route.mapping and not outcome.arrived:
        return _through_a_device(case, route)
    return {"refused": _passed, "unreachable": _unreachable}.get(outcome.seen or "", _kept_out)(case)


def _let_in(case: _Case) -> str:
    probe = case.outcome.probe
    if case.route is None:
        return f"there is a way to {probe.dialled} that the plan does not know: a route, a forward, or a wider listener"
    refused = [one for one in case.others() if one.probe.expected == FILTERED]
    if any(one.probe.port != probe.port for one in refused) and all(one.seen == OPEN for one in refused):
        return f"{probe.target} refuses nobody at the ports that were tried: its rules are not in force"
    return (
        f"{probe.target} lets in {case.source} at {probe.protocol} {probe.port}, which no set of the plan holds: a "
        "stranger in a set, or a rule that comes before ours; drift tells which"
    )


def _passed(case: _Case) -> str:
    probe = case.outcome.probe
    return (
        f"nothing listens at {case.lands} ({probe.protocol}) on {probe.target}, and its firewall let the packet pass: "
        "Kong is stopped, or listens elsewhere"
    )


def _unreachable(case: _Case) -> str:
    probe = case.outcome.probe
    if "no route" in case.outcome.detail or "network is down" in case.outcome.detail:
        return f"{probe.caller} has no route to {probe.dialled.address}"
    if any(one.seen in (OPEN, "refused") for one in case.others()):
        return f"no route leads from {probe.caller} to {probe.dialled.address} and back"
    return f"{probe.dialled.address} is down, or no route leads there from {probe.caller}"


def _through_a_device(case: _Case, route: Route) -> str:
    probe, device = case.outcome.probe, route.mapping.device if route.mapping else ""
    if case.outcome.seen == "unreachable":
        return (
            f"the NAT device {device} at {probe.dialled.address} is down, or no route leads there from {probe.caller}"
        )
    if case.other_protocol_is_open():
        other = "udp" if probe.protocol == "tcp" else "tcp"
        return f"{device} forwards {probe.dialled} for {other}, not for {probe.protocol}"
    reached = any(one.seen == OPEN for one in case.same_port() if one.probe.dialled == probe.dialled)
    if reached and route.via == "hairpin":
        return (
            f"{device} does not send {probe.dialled} back into the site {planned_host(case.plan, probe.caller).site} "
            f"(hairpin) with a source that {probe.target} lets in ({case.source})"
        )
    if reached:
        return f"{_rule_of(case)}, or {device} forwards for some sources only"
    return f"{device} does not forward {probe.dialled} to {case.lands} ({probe.protocol}), is down, or nothing listens there"


def _kept_out(case: _Case) -> str:
    probe = case.outcome.probe
    if case.other_protocol_is_open():
        other = "udp" if probe.protocol == "tcp" else "tcp"
        return f"{probe.target} lets {other} {probe.port} in, and not {probe.protocol}: its rule is for {other} only"
    if _nobody_gets_through(case):
        return f"{probe.target} is down or cut off: nobody reaches anything of it"
    if case.outcome.arrived is False:
        return f"something between {probe.caller} and {probe.target} drops {probe.protocol} to {probe.dialled}"
    reached = any(one.seen == OPEN for one in case.same_port())
    if case.route and case.route.via == "nat" and reached:
        return f"{_rule_of(case)}, or the NAT of {probe.caller} does not make its source {case.source}"
    return _rule_of(case) if reached else f"{_rule_of(case)}, or another rule refuses the port to everybody"


def _nobody_gets_through(case: _Case) -> bool:
    others = list(case.others())
    return bool(others) and not any(one.seen in (OPEN, "refused") for one in others)


def _rule_of(case: _Case) -> str:
    """The rule of the node that should let the caller in, and its set that should hold the source."""
    probe = case.outcome.probe
    node = planned_node(case.plan, probe.target)
    named = planned_sources(case.plan, node)[probed_listener(node, probe), probe.protocol]
    place = f"{probe.protocol} {probe.port}"
    if named == "any":
        return f"the rule of {probe.target} that lets anyone in to {place} is missing"
    sets = case.plan["sets"]
    holding = [name for name in named if any(contains(network, source) for source in case.sources
                                             for network in (*sets[name]["ipv4"], *sets[name]["ipv6"]))]  # fmt: skip
    return f"the set {' or '.join(holding)} of {probe.target} lacks {case.source}, or its rule for {place} is missing"

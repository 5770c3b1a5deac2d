# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The likely cause of each difference that a verification found, inferred from the results of the other probes.

A cause is a guess that fits all results: a fault of a rule, a forward, a hairpin, a route, or a listener. The results
of other probes decide: the other protocol of the port, other callers of the port, other ports of the node. If a gateway of the
inventory was inspected, its differences from the plan decide first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import find_family
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import (
    Route,
    find_route_to,
    list_route_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.allowed import Sets
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.queries import (
    get_host,
    get_node,
    list_sources,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import join_words, make_natural_key
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.gateways import (
    Inspected,
    Translation,
    Verdict,
    judge_translation,
    list_translations,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.outcomes import Outcome
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import (
    FILTERED,
    OPEN,
    find_probed_listener,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.reasons import group_pairs


class Evidence:
    """The outcomes of all probes, on which causes depend. Hosts, nodes and sets of the plan are read once."""

    def __init__(
        self, plan: Mapping[str, Any], outcomes: Iterable[Outcome], inspected: Inspected | None = None
    ) -> None:
        """Keep the outcomes of hosts that probed, by node, and the results of the inspected gateways."""
        self.plan = plan
        self._inspected = inspected
        self._outcomes = group_pairs((outcome.probe.target, outcome) for outcome in outcomes if outcome.result)
        self._nodes: dict[str, _NodeEvidence] = {}
        self._hosts: dict[str, Host] = {}
        self.sets = Sets(plan["sets"])

    def read_node(self, name: str) -> _NodeEvidence:
        """Return the evidence about a node."""
        if name not in self._nodes:
            self._nodes[name] = _NodeEvidence(self.plan, name, self._outcomes.get(name, []))
        return self._nodes[name]

    def read_host(self, name: str) -> Host:
        """Return a host of the plan."""
        if name not in self._hosts:
            self._hosts[name] = get_host(self.plan, name)
        return self._hosts[name]

    def judge(self, translation: Translation) -> Verdict:
        """Return the verdict about a translation, empty if no gateway was inspected."""
        return Verdict() if self._inspected is None else judge_translation(translation, self._inspected)

    def is_gateway(self, device: str) -> bool:
        """Tell whether a NAT device is a host of the inventory that the collection configures."""
        return device in self.plan.get("gateways", {})


class _NodeEvidence:
    """A node of the plan, and the outcomes of all probes to it, arranged for questions about one of them."""

    def __init__(self, plan: Mapping[str, Any], name: str, outcomes: list[Outcome]) -> None:
        self._plan = plan
        self.node = get_node(plan, name)
        opened = [outcome.probe for outcome in outcomes if outcome.result == OPEN]
        blocked = [outcome for outcome in outcomes if outcome.probe.expected == FILTERED]
        self.open_endpoints = {(probe.caller, probe.dialled) for probe in opened}
        self.callers = group_pairs(((probe.port, probe.protocol), (probe.caller, probe.dialled)) for probe in opened)
        self.blocked_ports = {outcome.probe.port for outcome in blocked}
        self.blocks_nothing = all(outcome.result == OPEN for outcome in blocked)
        self.passes_packets = any(outcome.result in (OPEN, "refused") for outcome in outcomes)
        self.count = len(outcomes)

    @cached_property
    def allowed(self) -> Mapping[Any, str | list[str]]:
        """The allowed sources by listener and protocol: any, or names of sets."""
        return list_sources(self._plan, self.node)


@dataclass(frozen=True)
class _Case:
    """A difference, its route (None without a path), the sources that the node sees, and all outcomes.

    `checked` are the gateways of the inventory whose translations of the connection are as planned.
    """

    evidence: Evidence
    about: _NodeEvidence
    outcome: Outcome
    route: Route | None
    sources: tuple[str, ...]
    checked: frozenset[str] = frozenset()

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

    def is_reached_by_others(self, *, same_address: bool = False) -> bool:
        """Tell whether another caller reaches the same port and protocol, and with `same_address` at the same address."""
        probe = self.outcome.probe
        return any(
            caller != probe.caller and (dialled == probe.dialled or not same_address)
            for caller, dialled in self.about.callers.get((probe.port, probe.protocol), ())
        )

    def has_other_protocol_open(self) -> bool:
        """Tell whether the same caller reaches the same address and port over the other protocol."""
        return (self.outcome.probe.caller, self.outcome.probe.dialled) in self.about.open_endpoints


def list_suspects(plan: Mapping[str, Any], outcomes: Iterable[Outcome]) -> list[str]:
    """Return the gateways of the inventory on the path of connections that differ from the plan, in natural order.

    If a connection is open against the plan, these are the gateways whose forward should drop it.
    """
    evidence = Evidence(plan, ())
    cases = (
        _make_case(evidence, outcome)
        for outcome in outcomes
        if outcome.differs and OPEN in (outcome.probe.expected, outcome.result)
    )
    found = {translation.gateway for case in cases for translation in _list_concerned(case)}
    return sorted(found, key=make_natural_key)


def infer_cause(evidence: Evidence, outcome: Outcome) -> str:
    """Return one sentence with the likely cause of an outcome that is not as expected."""
    case = _make_case(evidence, outcome)
    if outcome.result == OPEN:
        return "; ".join([_explain_open(case), *_judge_passing(case)])
    if outcome.probe.expected != OPEN:
        return _explain_refused(case) if outcome.result == "refused" else _explain_unreachable(case)
    if translations := _list_translations(case):
        return _explain_gateways(case, translations)
    return _explain_blocked(case)


def _make_case(evidence: Evidence, outcome: Outcome) -> _Case:
    probe = outcome.probe
    about = evidence.read_node(probe.target)
    caller, node = evidence.read_host(probe.caller), about.node
    listener = find_probed_listener(node, probe)
    family = find_family(probe.dialled.address)
    route = None if listener.is_loopback else find_route_to(caller, node, listener, probe.protocol, family)
    sources = list_route_sources(route, caller, node.host) if route else ()
    return _Case(evidence, about, outcome, route, sources)


def _list_translations(case: _Case) -> list[Translation]:
    """Return the translations of gateways that a connection needs. A packet that arrived was forwarded."""
    if case.route is None:
        return []
    outcome = case.outcome
    caller = case.evidence.read_host(outcome.probe.caller)
    found = list_translations(case.evidence.plan, case.route, outcome.probe.protocol, caller, case.sources)
    return [translation for translation in found if translation.egress or not outcome.arrived]


def _list_concerned(case: _Case) -> list[Translation]:
    """Return the translations that a failed connection needs, or the forwards that should drop an open connection."""
    if case.outcome.result != OPEN:
        return _list_translations(case)
    case = replace(case, outcome=replace(case.outcome, arrived=None))
    return [translation for translation in _list_translations(case) if translation.forward]


def _judge_passing(case: _Case) -> list[str]:
    """Return the differences of each gateway whose forward should drop a connection that is open against the plan."""
    verdicts = [case.evidence.judge(translation) for translation in _list_concerned(case)]
    return [*dict.fromkeys(verdict.fault or verdict.remark for verdict in verdicts if verdict.fault or verdict.remark)]


def _explain_gateways(case: _Case, translations: Sequence[Translation]) -> str:
    """Return the fault of a gateway on the path. Without a fault, return the other causes, with notes about the gateways."""
    verdicts = [(translation.gateway, case.evidence.judge(translation)) for translation in translations]
    if fault := next((verdict.fault for _gateway, verdict in verdicts if verdict.fault), ""):
        return fault
    others = {gateway for gateway, verdict in verdicts if not verdict.as_planned}
    checked = frozenset(gateway for gateway, _verdict in verdicts if gateway not in others)
    remarks = dict.fromkeys(verdict.remark for _gateway, verdict in verdicts if verdict.remark)
    return "; ".join([_explain_blocked(replace(case, checked=checked)), *remarks])


def _explain_blocked(case: _Case) -> str:
    outcome, route = case.outcome, case.route
    if route and route.mapping and not case.checked.issuperset(route.mapping.devices) and not outcome.arrived:
        return _explain_device(case, route)
    explain = {"refused": _explain_refused, "unreachable": _explain_unreachable}
    return explain.get(outcome.result or "", _explain_no_answer)(case)


def _explain_open(case: _Case) -> str:
    probe, about = case.outcome.probe, case.about
    if case.route is None:
        return (
            f"a path to {probe.dialled} exists that is not in the plan: a route, a forward, or a listener on more "
            "addresses"
        )
    if about.blocks_nothing and about.blocked_ports - {probe.port}:
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
    if case.about.passes_packets:
        return f"the route from {probe.caller} to {probe.dialled.address}, or the route back, is missing"
    return f"{probe.dialled.address} is down, or {probe.caller} has no route to it"


def _explain_device(case: _Case, route: Route) -> str:
    probe, device = case.outcome.probe, route.mapping.device if route.mapping else ""
    if case.outcome.result == "unreachable":
        return f"the NAT device {device} at {probe.dialled.address} is down, or {probe.caller} has no route to it"
    if case.has_other_protocol_open():
        other = "udp" if probe.protocol == "tcp" else "tcp"
        return f"{device} forwards {probe.dialled} for {other}, not for {probe.protocol}"
    reached = case.is_reached_by_others(same_address=True)
    if reached and route.via == "hairpin":
        return (
            f"{device} does not send {probe.dialled} back into the site {case.evidence.read_host(probe.caller).site} "
            f"(hairpin) with a source that {probe.target} allows ({case.source})"
        )
    if reached:
        return f"{_explain_missing_rule(case)}, or {device} forwards for some sources only{_name_need(case, route)}"
    return (
        f"{device} is down, or does not forward {probe.dialled} to {case.lands} ({probe.protocol}), or no process "
        f"listens there{_name_need(case, route)}"
    )


def _name_need(case: _Case, route: Route) -> str:
    """Return the words that devices need a forward; empty if all devices are gateways, whose forwards `site` makes."""
    devices = route.mapping.devices if route.mapping else ()
    others = [device for device in devices if not case.evidence.is_gateway(device)]
    if not others:
        return ""
    needs = f"{join_words(others)} {'needs' if len(others) == 1 else 'need'}"
    return f"; {needs} this forward for the sources that `ansible-playbook gatehouse.kong.plan` lists"


def _explain_no_answer(case: _Case) -> str:
    probe = case.outcome.probe
    if case.has_other_protocol_open():
        other = "udp" if probe.protocol == "tcp" else "tcp"
        return f"{probe.target} allows {other} {probe.port}, but not {probe.protocol}: its rule is for {other} only"
    if _is_isolated(case):
        return f"{probe.target} is down or disconnected: no host reaches any of its listeners"
    if case.outcome.arrived is False:
        return f"a device between {probe.caller} and {probe.target} drops {probe.protocol} to {probe.dialled}"
    reached = case.is_reached_by_others()
    if case.route and case.route.via == "nat" and reached and not case.checked:
        return f"{_explain_missing_rule(case)}, or the NAT of {probe.caller} does not translate its source to {case.source}"
    return (
        _explain_missing_rule(case)
        if reached
        else f"{_explain_missing_rule(case)}, or another rule blocks the port for all sources"
    )


def _is_isolated(case: _Case) -> bool:
    """Tell whether no packet of another probe passed the node's firewall. A node whose observer answered is not isolated."""
    return case.outcome.arrived is None and case.about.count > 1 and not case.about.passes_packets


def _explain_missing_rule(case: _Case) -> str:
    """Return a sentence about the rule that should allow the caller, and the set that should contain its source."""
    probe = case.outcome.probe
    named = case.about.allowed[find_probed_listener(case.about.node, probe), probe.protocol]
    place = f"{probe.protocol} {probe.port}"
    if named == "any":
        return f"the rule of {probe.target} that allows any source on {place} is missing"
    holding = [name for name in named if any(case.evidence.sets.allow([name], source) for source in case.sources)]
    return f"the set {' or '.join(holding)} of {probe.target} lacks {case.source}, or its rule for {place} is missing"

# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The translations of gateways that a connection needs, and their differences from the plan as the cause of a failure.

A gateway is inspected with kong_gateway in check mode. The playbook drift does the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._address import contains, make_host_network
from ansible_collections.gatehouse.kong.plugins.plugin_utils._become import explain_become
from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Route
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Host
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import escape_all, escape_text

Inspected = Mapping[
    str, Mapping[str, Any]
]  # the result of kong_gateway of each inspected gateway, empty if it is not known

# The networks of the callers inside, by the protocol, the address and the port outside of a forward.
Hairpins = Mapping[tuple[str, str, int], Sequence[str]]

# A cause has at most so many differences of a gateway. The playbook drift lists all.
_SHOWN = 2
# The effect of a conflict that only a reboot shows.
_LATER = "unload"
_NOT_LOADED = "missing: table inet "
_AT_BOOT = "at boot: "
# The outside port of a forward, in a line of kong_gateway or in a rule of its table.
_PORT = re.compile(r"\b(tcp|udp) (?:dport )?(\d+)\b")
_SOURCE_NAT = re.compile(r"\bleave with\b|\bcomment \"egress\"")


@dataclass(frozen=True, slots=True)
class Translation:
    """A planned forward, or planned source NAT, of a gateway of the inventory that a connection needs."""

    gateway: str
    forward: Mapping[str, Any] | None = None
    egress: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of an inspection: a fault that explains a failed connection, or a note about the gateway."""

    fault: str = ""
    remark: str = ""
    as_planned: bool = False


def list_translations(
    plan: Mapping[str, Any], route: Route, protocol: str, caller: Host, sources: Sequence[str]
) -> Iterator[Translation]:
    """Yield the translations of gateways of the inventory on a route, which change the source or the destination."""
    for name, gateway in plan.get("gateways", {}).items():
        for entry in gateway["egress"]:
            if entry["inside"] in caller.address.list_all() and make_host_network(entry["outside"]) in sources:
                yield Translation(name, egress=entry)
        for forward in gateway["forwards"] if route.mapping and name in route.mapping.devices else ():
            if (forward["protocol"], forward["outside"], forward["outside_port"]) == (protocol, *route.dialled):
                yield Translation(name, forward=forward)


def list_hairpins(plan: Mapping[str, Any]) -> Hairpins:
    """Return the callers inside of each forward of the gateways of the inventory; no other caller inside gets through."""
    return {
        (forward["protocol"], forward["outside"], forward["outside_port"]): (forward["hairpin"] or {}).get(
            "callers", ()
        )
        for gateway in plan.get("gateways", {}).values()
        for forward in gateway["forwards"]
    }


def is_hairpin_caller(hairpins: Hairpins, route: Route, protocol: str, caller: Host) -> bool:
    """Tell whether a gateway accepts a caller inside on a route. Other NAT devices accept each caller."""
    callers = hairpins.get((protocol, *route.dialled))
    source = caller.choose_source(route.dialled.address)
    return callers is None or (
        source is not None and any(contains(network, make_host_network(source)) for network in callers)
    )


def read_registered_gateways(
    plan: Mapping[str, Any], hostvars: Mapping[str, Any], name: str | None
) -> Inspected | None:
    """Return the results of kong_gateway that gateways registered under a name; None without a name."""
    if not name:
        return None
    return {gateway: hostvars[gateway].get(name) or {} for gateway in plan.get("gateways", ()) if gateway in hostvars}


def judge_translation(translation: Translation, inspected: Inspected) -> Verdict:
    """Return the fault of a gateway that explains why a connection fails, or a note if the gateway has no fault."""
    name = translation.gateway
    result = inspected.get(name) or {}
    message = escape_text(explain_become(str(result.get("msg", "it is not part of this run"))))
    report = [*map(escape_text, result.get("report", ()))]
    if not result or result.get("unreachable"):
        return Verdict(remark=f"the gateway {name} was not checked: {message}")
    if "msg" in result:
        # If third-party rules prevent the comparison, the report has a line for each. Without a report, the host cannot be a gateway.
        lines = [line for line in report if _covers(translation, line)]
        if report and not lines:
            return Verdict(remark=f"third-party rules of the gateway {name} may block this connection too: {message}")
        return Verdict(fault=f"on the gateway {name}: {' '.join(lines) or message}")
    if lines := _select_lines(translation, report):
        return Verdict(
            fault=f"the gateway {name} differs from the plan: {_format_lines(lines)}. `ansible-playbook "
            "gatehouse.kong.site` restores its translations"
        )
    remarks = [_format_conflict(name, conflict) for conflict in escape_all(result.get("conflicts", ()))
               if conflict["effect"] != _LATER and any(_covers(translation, port) for port in conflict["ports"])]  # fmt: skip
    if remarks:
        return Verdict(remark=remarks[0])
    return Verdict(remark=f"the gateway {name} has the planned translations", as_planned=True)


def _select_lines(translation: Translation, report: Sequence[str]) -> list[str]:
    """Return the differences of the loaded rules that may concern a translation, the rules of its port first."""
    loaded = [line for line in report if not line.startswith(_AT_BOOT) and _covers(translation, line)]
    named = [line for line in loaded if _PORT.search(line) or _SOURCE_NAT.search(line)]
    return [*named, *(line for line in loaded if line not in named)]


def _covers(translation: Translation, line: str) -> bool:
    """Tell whether a line may concern a translation: it names the translation, or no forward and no source NAT."""
    if ports := _PORT.findall(line):
        forward = translation.forward
        return forward is not None and (forward["protocol"], str(forward["outside_port"])) in ports
    if _SOURCE_NAT.search(line):
        return translation.egress is not None and translation.egress["inside"] in line.split()
    return True


def _format_lines(lines: Sequence[str]) -> str:
    if any(line.startswith(_NOT_LOADED) for line in lines):
        return "its table is not loaded"
    more = len(lines) - _SHOWN
    return f"{'; '.join(lines[:_SHOWN])}{f'; and {more} more, listed by drift' if more > 0 else ''}"


def _format_conflict(name: str, conflict: Mapping[str, Any]) -> str:
    return f"on the gateway {name}, {conflict['where']} may block it: {conflict['reason']}. {conflict['advice']}"

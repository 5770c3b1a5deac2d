# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a plan that one host needs: the values of a node with the sets of its rules, or another host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.members import list_members
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import join_first, make_natural_key


def select_host(plan: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the part of a host: a node with its ruleset and interception complete, a gateway, or another host of the plan.

    Raises PlanError for a host that is not in the plan.
    """
    gateway = {"gateway": select_gateway(plan, name)} if name in plan.get("gateways", ()) else {}
    if name in plan["nodes"]:
        ruleset, interception = select_ruleset(plan, name), select_interception(plan, name)
        return {**plan["nodes"][name], "ruleset": ruleset, "interception": interception, **gateway}
    if name in plan["hosts"]:
        return {**plan["hosts"][name], **gateway}
    if gateway:
        return gateway
    raise make_unknown_error(plan, name)


def make_unknown_error(plan: Mapping[str, Any], name: str) -> PlanError:
    """Return the error about a host that is not in the plan."""
    return PlanError(
        f"{name!r} is not in the plan; the hosts are {format_names([*plan['nodes'], *plan['hosts']])}. To add a host that is "
        "not a node, name it in a source term or in kong_verify_outsiders"
    )


def format_names(names: Iterable[str]) -> str:
    """Return the first of the names as text."""
    return join_first(sorted(names, key=make_natural_key), 10)


def select_interception(plan: Mapping[str, Any], host: str) -> list[dict[str, Any]]:
    """Return the intercept rules of a node, with sources as networks of the family. Raises KeyError for unknown nodes."""

    def expand_sources(rule: Mapping[str, Any]) -> str | list[str]:
        if rule["sources"] == "any":
            return "any"
        members = [list_members(plan["sets"], name) for name in rule["sources"]]
        return list(dict.fromkeys(network for each in members for network in each[rule["family"]]))

    return [{**rule, "sources": expand_sources(rule)} for rule in plan["nodes"][host]["interception"]]


def select_ruleset(plan: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return the ruleset of a node with the sets that it needs. Raises KeyError for unknown nodes."""
    ruleset = plan["nodes"][host]["ruleset"]
    return {**ruleset, "allow": list(ruleset["allow"]), "sets": _select_sets(plan, ruleset["allow"])}


def select_gateway(plan: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the translations of a gateway with the sets that they need, as options of kong_gateway.

    Raises KeyError for a host that is no gateway.
    """
    gateway = plan["gateways"][name]
    forwards = [{key: value for key, value in item.items() if key != "nodes"} for item in gateway["forwards"]]
    return {**gateway, "forwards": forwards, "sets": _select_sets(plan, forwards)}


def _select_sets(plan: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """Return the complete sets that entries have as sources, by name."""
    used = {name for entry in entries if entry["sources"] != "any" for name in entry["sources"]}
    return {name: list_members(plan["sets"], name) for name in sorted(used, key=make_natural_key)}

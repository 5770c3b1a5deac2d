# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions that a plan answers: advertised addresses, rules, paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Path, find_paths
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import published_as
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._libraries import LibraryError, require_libraries

_ADVERTISE_SETTINGS = ("cluster_advertise", "cluster.advertise")


class PlanError(ValueError):
    """A question that the plan cannot answer."""


def check_plan(plan: Any) -> Mapping[str, Any]:
    """Return the plan if it is one. Raises PlanError otherwise, or where a library is missing."""
    try:
        require_libraries()
    except LibraryError as exc:
        raise PlanError(str(exc)) from exc
    if isinstance(plan, Mapping) and plan.get("format") == 1 and "nodes" in plan:
        return plan
    shown = f"a dictionary with {sorted(map(str, plan))[:5]}" if isinstance(plan, Mapping) else repr(plan)[:80]
    raise PlanError(f"this is no plan of format 1, as gatehouse.kong.kong_plan returns in its key plan: {shown}")


def planned_node(plan: Mapping[str, Any], name: str) -> Node:
    """Return a node of the plan. Raises PlanError for a host that is none."""
    if name not in plan["nodes"]:
        raise PlanError(f"{name!r} is no Kong node of the plan; it has {_some(plan['nodes'])}")
    data = plan["nodes"][name]
    settings = data["settings"]
    listeners = tuple(_listener(item) for item in data["listeners"])
    return Node(
        host=Host.from_dict(name, data),
        cluster=data["cluster"],
        version=data["version"],
        role=data["role"],
        generation=data["generation"],
        settings=settings,
        settings_file=data["settings_file"],
        listeners=listeners,
        published=_published(data["published"], listeners) if "published" in data else None,
        config=tuple(data["config"]),
        advertised=next((_endpoint(settings[name]) for name in _ADVERTISE_SETTINGS if name in settings), None),
    )


def _listener(data: Mapping[str, Any]) -> Listener:
    return Listener(**{**data, "protocols": tuple(data["protocols"]), "flags": tuple(data["flags"])})


def _published(items: Sequence[Mapping[str, Any]], listeners: Sequence[Listener]) -> tuple[Listener, ...]:
    settings = {one.name: one.setting for one in listeners}
    return tuple(
        published_as(one["listener"], settings[one["listener"]], one["address"], one["port"], one["container_port"],
                     one["protocols"])
        for one in items
    )  # fmt: skip


def _endpoint(text: str) -> Endpoint:
    address, _colon, port = text.rpartition(":")
    return Endpoint(address, int(port))


def planned_host(plan: Mapping[str, Any], name: str) -> Host:
    """Return a host of the plan, node or other. Raises PlanError for a host that the plan does not know."""
    data = plan["nodes"].get(name) or plan["hosts"].get(name)
    if data is None:
        raise PlanError(
            f"{name!r} is not in the plan; it has {_some([*plan['nodes'], *plan['hosts']])}. Hosts that are no nodes "
            "are in it when a source term or kong_verify_outsiders names them"
        )
    return Host.from_dict(name, data)


def _some(names: Any) -> str:
    listed = sorted(names)
    return ", ".join(listed[:10]) + (f" and {len(listed) - 10} more" if len(listed) > 10 else "")


def advertised_address(plan: Mapping[str, Any], name: str) -> str:
    """Return the ``IPv4:port`` that a node of Kong 0.6 to 0.10 advertises.

    Raises PlanError for nodes of other versions, which advertise nothing.
    """
    node = planned_node(plan, name)
    if node.advertised is None:
        raise PlanError(f"{name!r} runs Kong {node.version}, which advertises nothing; only 0.6 to 0.10 do")
    return str(node.advertised)


def planned_rules(plan: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return one node's rules with their sources written out: ``any``, or networks as CIDR text."""
    planned_node(plan, name)
    return [
        {**entry, "sources": source_networks(plan, entry["sources"])}
        for entry in plan["nodes"][name]["ruleset"]["allow"]
    ]


def planned_sources(plan: Mapping[str, Any], node: Node) -> dict[tuple[Listener, str], str | list[str]]:
    """Return who may come to each listener of a node over each of its protocols: ``any``, or names of sets.

    A ruleset has one entry for each of them, in the order of the listeners.
    """
    reached = [(listener, protocol) for listener in node.reachable for protocol in listener.protocols]
    allow = plan["nodes"][node.name]["ruleset"]["allow"]
    return {key: entry["sources"] for key, entry in zip(reached, allow, strict=True)}


def source_networks(plan: Mapping[str, Any], sources: str | list[str]) -> str | list[str]:
    """Return sources of a ruleset written out: ``any``, or networks as CIDR text."""
    if isinstance(sources, str):
        return sources
    return [network for name in sources for family in ("ipv4", "ipv6") for network in plan["sets"][name][family]]


def planned_paths(plan: Mapping[str, Any], caller: str, target: str, listener: str | None) -> list[Path]:
    """Return the paths from a host to the listeners of a node, or to those of one name. Empty where there is none.

    Raises PlanError for names that the plan does not know.
    """
    node, host = planned_node(plan, target), planned_host(plan, caller)
    names = sorted({one.name for one in node.reachable})
    if listener is not None and listener not in names:
        raise PlanError(f"{target!r} has no listener {listener!r}; it has {', '.join(names)}")
    wanted = [one for one in node.reachable if listener in (None, one.name)]
    return [path for one in wanted for path in find_paths(host, node, one)]


def path_as_dict(path: Path) -> dict[str, Any]:
    """Return a path as plain data."""
    return {
        "from": path.caller,
        "to": path.target,
        "listener": path.listener,
        "protocol": path.protocol,
        "dial_address": path.dialled.address,
        "dial_port": path.dialled.port,
        "sources": list(path.sources),
        "address": path.address,
        "port": path.port,
        "via": path.via,
    }

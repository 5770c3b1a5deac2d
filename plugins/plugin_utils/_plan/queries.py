# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queries of a plan: advertised addresses, rules, paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gatehouse.kong.plugins.plugin_utils._fleet.paths import Path, find_paths
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Endpoint, Host, Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.published import make_published
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.model import Listener
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import PlanError
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.host import format_names, make_unknown_error
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.members import list_networks

_ADVERTISE_SETTINGS = ("cluster_advertise", "cluster.advertise")


def get_node(plan: Mapping[str, Any], name: str) -> Node:
    """Return a node of the plan. Raises PlanError for any other host."""
    if name not in plan["nodes"]:
        raise PlanError(f"{name!r} is not a Kong node of the plan; the nodes are {format_names(plan['nodes'])}")
    data = plan["nodes"][name]
    settings = data["settings"]
    listeners = tuple(_read_listener(item) for item in data["listeners"])
    return Node(
        host=Host.from_dict(name, data),
        cluster=data["cluster"],
        version=data["version"],
        role=data["role"],
        generation=data["generation"],
        settings=settings,
        settings_file=data["settings_file"],
        listeners=listeners,
        published=_read_published(data["published"], listeners) if "published" in data else None,
        config=tuple(data["config"]),
        staged=data["ruleset"].get("staged", False),
        advertised=next((_parse_endpoint(settings[name]) for name in _ADVERTISE_SETTINGS if name in settings), None),
    )


def _read_listener(data: Mapping[str, Any]) -> Listener:
    return Listener(**{**data, "protocols": tuple(data["protocols"]), "flags": tuple(data["flags"])})


def _read_published(items: Sequence[Mapping[str, Any]], listeners: Sequence[Listener]) -> tuple[Listener, ...]:
    settings = {listener.name: listener.setting for listener in listeners}
    return tuple(
        make_published(
            item["listener"],
            settings[item["listener"]],
            item["address"],
            item["port"],
            item["container_port"],
            item["protocols"],
        )
        for item in items
    )


def _parse_endpoint(text: str) -> Endpoint:
    address, _colon, port = text.rpartition(":")
    return Endpoint(address, int(port))


def get_host(plan: Mapping[str, Any], name: str) -> Host:
    """Return a host of the plan, a node or another host. Raises PlanError for a host that is not in the plan."""
    data = plan["nodes"].get(name) or plan["hosts"].get(name)
    if data is None:
        raise make_unknown_error(plan, name)
    return Host.from_dict(name, data)


def find_advertised_address(plan: Mapping[str, Any], name: str) -> str:
    """Return the ``IPv4:port`` that a node of Kong 0.6 to 0.10 advertises.

    Raises PlanError for nodes of other versions, which do not advertise an address.
    """
    node = get_node(plan, name)
    if node.advertised is None:
        raise PlanError(f"{name!r} runs Kong {node.version}, which advertises no address; only 0.6 to 0.10 do")
    return str(node.advertised)


def list_rules(plan: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the rules of a node with their sources as ``any``, or as networks (CIDR text)."""
    get_node(plan, name)
    return [
        {**entry, "sources": list_source_networks(plan, entry["sources"])}
        for entry in plan["nodes"][name]["ruleset"]["allow"]
    ]


def list_sources(plan: Mapping[str, Any], node: Node) -> dict[tuple[Listener, str], str | list[str]]:
    """Return the allowed sources of each listener and protocol of a node: ``any``, or names of sets.

    A ruleset has an entry for each listener and protocol, in the order of the listeners.
    """
    reached = [(listener, protocol) for listener in node.reachable for protocol in listener.protocols]
    allow = plan["nodes"][node.name]["ruleset"]["allow"]
    return {key: entry["sources"] for key, entry in zip(reached, allow, strict=True)}


def list_source_networks(plan: Mapping[str, Any], sources: str | list[str]) -> str | list[str]:
    """Return the sources of a rule as ``any``, or as networks (CIDR text), each once."""
    if isinstance(sources, str):
        return sources
    return list(dict.fromkeys(network for name in sources for network in list_networks(plan["sets"], name)))


def list_paths(plan: Mapping[str, Any], caller: str, target: str, listener: str | None) -> list[Path]:
    """Return the paths from a host to all listeners of a node, or to the listeners with one name.

    Raises PlanError for names that are not in the plan.
    """
    node, host = get_node(plan, target), get_host(plan, caller)
    names = sorted({reachable.name for reachable in node.reachable})
    if listener is not None and listener not in names:
        raise PlanError(f"{target!r} has no listener {listener!r}; it has {', '.join(names)}")
    wanted = [chosen for chosen in node.reachable if listener in (None, chosen.name)]
    return [path for chosen in wanted for path in find_paths(host, node, chosen)]


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
